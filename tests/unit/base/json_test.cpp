// Goal: JSON from strangers is read exactly or refused with a reason that names the field and leaks nothing of the
// content. Method: RFC 7396's own examples, limits at their edges, malformed texts.
#include "base/json.hpp"

#include <gtest/gtest.h>

namespace envoyou::base::json_test {
namespace {

Json parsed(std::string_view text) { return Json::parse("test", text, 1 << 20).value(); }

TEST(Json, KeepsIntegersOf64Bits) {
  EXPECT_EQ(parsed("9223372036854775807").as_integer(), INT64_MAX);
  EXPECT_EQ(parsed("-9223372036854775808").as_integer(), INT64_MIN);
  EXPECT_EQ(parsed("18446744073709551615").as_integer(), std::nullopt);
  EXPECT_EQ(parsed("1.5").as_integer(), std::nullopt);
  EXPECT_EQ(parsed("1.5").as_number(), 1.5);
}

TEST(Json, RefusesWhatIsNotJsonAndNamesTheField) {
  for (const char* bad : {"", "{", "{\"a\":}", "nul", "[1,]", "{\"a\" 1}", "\"\\x\"", "NaN", "1 2"}) {
    const auto result = Json::parse("user_data", bad, 1000);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().code(), Errc::kInvalidArgument);
    EXPECT_EQ(result.error().message().find("user_data: "), 0u) << result.error().message();
  }
  const auto secret = Json::parse("user_data", "{\"password\": hunter2}", 1000);
  EXPECT_EQ(secret.error().message().find("hunter2"), std::string_view::npos);
}

TEST(Json, RefusesInvalidUtf8) { EXPECT_FALSE(Json::parse("f", "\"\xFF\"", 100)); }

TEST(Json, RefusesDepthBeforeBuildingATree) {
  const std::string deep(100'000, '[');
  EXPECT_FALSE(Json::parse("f", deep, 1 << 20));
  EXPECT_TRUE(Json::parse("f", std::string(64, '[') + std::string(64, ']'), 1000));
  EXPECT_FALSE(Json::parse("f", std::string(65, '[') + std::string(65, ']'), 1000));
  EXPECT_TRUE(Json::parse("f", "\"" + std::string(100, '[') + "\"", 1000)) << "brackets in a string";
}

TEST(Json, RefusesSizeOverTheBound) {
  const auto result = Json::parse("f", "\"" + std::string(100, 'x') + "\"", 50);
  EXPECT_EQ(result.error().code(), Errc::kTooLarge);
}

TEST(Json, MergesAsRfc7396Says) {
  const char* cases[][3] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
  };
  for (const auto& [target, patch, expected] : cases) {
    Json json = parsed(target);
    json.merge_patch(parsed(patch));
    EXPECT_EQ(json, parsed(expected)) << target << " with " << patch;
  }
}

TEST(Json, BuildsAndReadsObjects) {
  Json json = Json::object();
  json.set("name", Json::string("x")).set("n", Json::integer(3)).set("list", Json::array());
  EXPECT_EQ(json.dump(), R"({"list":[],"n":3,"name":"x"})");
  EXPECT_EQ(json.member("name").as_string(), "x");
  EXPECT_TRUE(json.member("absent").is_null());
  std::string names;
  json.for_each_member([&](std::string_view name, const Json&) { names += name; });
  EXPECT_EQ(names, "listnname");
}

}  // namespace
}  // namespace envoyou::base::json_test
