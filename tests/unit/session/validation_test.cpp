// Goal: what is not acceptable is refused with the field's name, before anything is stored.
// Method: a table of inputs.
#include "session/validation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace envoyou::session::validation_test {
namespace {

using ::testing::HasSubstr;

TEST(Validation, TakesUserIdsOfAnyScriptAndRefusesWhatHidesSomething) {
  for (const std::string good : {"u", "user_123", "a:b{c}*d", "jürgen@example.org", "用户"})
    EXPECT_TRUE(check_user_id(good)) << good;
  EXPECT_TRUE(check_user_id(std::string(kMaxUserIdBytes, 'x')));
  EXPECT_EQ(check_user_id(std::string(kMaxUserIdBytes + 1, 'x')).error().code(), Errc::kTooLarge);
  for (const std::string& bad : {std::string(), std::string("a\0b", 3), std::string("a\nb"), std::string("\x7f"),
                                 std::string("\xff\xfe"), std::string("\xc0\xaf"), std::string("\xc2\x85")}) {
    const auto checked = check_user_id(bad);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code(), Errc::kInvalidArgument);
    EXPECT_THAT(std::string(checked.error().message()), HasSubstr("user_id"));
  }
}

TEST(Validation, TakesAddressesOfBothFamiliesAndNothingElse) {
  for (const std::string good : {"", "192.0.2.1", "2001:db8::1", "::", "::ffff:192.0.2.1"})
    EXPECT_TRUE(check_ip_address(good)) << good;
  for (const std::string bad :
       {"192.0.2", "192.0.2.256", "192.0.2.1 ", "localhost", "1.2.3.4:80", "2001:db8::1::2", "fe80::1%eth0", "[::1]"}) {
    const auto checked = check_ip_address(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_THAT(std::string(checked.error().message()), HasSubstr("ip_address"));
  }
  EXPECT_FALSE(check_ip_address(std::string("192.0.2.1\0x", 11)));
  EXPECT_EQ(check_ip_address(std::string(65, '1')).error().code(), Errc::kTooLarge);
}

TEST(Validation, TakesOnlyObjectsOfJson) {
  EXPECT_TRUE(check_object("user_data", R"({"a":[1,{"b":null}]})", kMaxUserDataBytes));
  for (const std::string bad : {"", "[]", "null", "7", "\"{}\"", "{", "{\"a\":}", "{} {}", "{'a':1}", "{\"a\":NaN}"}) {
    const auto checked = check_object("user_data", bad, kMaxUserDataBytes);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().code(), Errc::kInvalidArgument);
    EXPECT_THAT(std::string(checked.error().message()), HasSubstr("user_data"));
  }
}

TEST(Validation, BoundsSizeAndDepth) {
  const std::string large = "{\"a\":\"" + std::string(kMaxUserDataBytes, 'x') + "\"}";
  EXPECT_EQ(check_object("user_data", large, kMaxUserDataBytes).error().code(), Errc::kTooLarge);
  EXPECT_FALSE(check_object("user_data", std::string(20'000, '['), kMaxUserDataBytes));
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "{\"a\":";
  EXPECT_FALSE(check_object("user_data", deep + "1" + std::string(100, '}'), kMaxUserDataBytes));
}

TEST(Validation, NeverRepeatsUserData) {
  const auto checked = check_object("user_data", "{\"password\":\"hunter2\",}", kMaxUserDataBytes);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message().find("hunter2"), std::string_view::npos);
}

TEST(Validation, NamesEveryProblemOfTheOptionsAtOnce) {
  SessionOptions options;
  EXPECT_TRUE(check_options(options));
  options.prefix = "has space";
  options.idle_timeout = Milliseconds(0);
  options.absolute_timeout = Milliseconds(-1);
  options.touch_interval = Milliseconds(-5);
  options.last_known_for = std::chrono::hours(25);
  options.max_local_sessions = 0;
  options.database_file = std::string("a\0b", 3);
  const auto checked = check_options(options);
  ASSERT_FALSE(checked);
  for (const char* field : {"prefix", "idle_timeout", "absolute_timeout", "touch_interval", "last_known_for",
                            "max_local_sessions", "database_file"})
    EXPECT_THAT(std::string(checked.error().message()), HasSubstr(field));
}

TEST(Validation, KnowsAHandleByItsShape) {
  EXPECT_TRUE(is_handle("abcdefghijklmnop"));
  EXPECT_TRUE(is_handle("ABC-_fghijklmno0"));
  for (const std::string bad : {"", "abc", "abcdefghijklmnopq", "abcdefghijklmno+", "abcdefghijklmno "})
    EXPECT_FALSE(is_handle(bad)) << bad;
}

}  // namespace
}  // namespace envoyou::session::validation_test
