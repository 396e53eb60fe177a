// Goal: values of the library become the JSON that routes answer with, without the credential; bad texts are results,
// not exceptions. Method: values in, JSON out.
#include <envoyou/adapters/nlohmann.hpp>

#include <gtest/gtest.h>

namespace envoyou::nlohmann_test {
namespace {

TEST(NlohmannAdapter, ASessionsJsonHoldsAllButItsCredential) {
  Session session;
  session.id = "the-credential";
  session.handle = "h";
  session.user_id = "u1";
  session.user_data = R"({"theme":"dark"})";
  session.device_info = "{}";
  session.ip_address = "192.0.2.1";
  session.created_at = session.last_active = session.expires_at = from_unix_ms(1);
  session.version = 7;
  const nlohmann::json body = session;
  EXPECT_EQ(body.dump(),
            R"({"created_at":"1970-01-01T00:00:00.001Z","device_info":{},"expires_at":"1970-01-01T00:00:00.001Z",)"
            R"("ip_address":"192.0.2.1","last_active":"1970-01-01T00:00:00.001Z","user_data":{"theme":"dark"},)"
            R"("user_id":"u1","version":7})");
}

TEST(NlohmannAdapter, ADecisionThatNeverPassesHasNoRetryAfter) {
  Decision decision;
  decision.limit = 5;
  decision.retry_after = std::nullopt;
  const nlohmann::json body = decision;
  EXPECT_TRUE(body.at("retry_after_ms").is_null());
  EXPECT_EQ(body.at("limit"), 5);
  decision.retry_after = Milliseconds(1500);
  EXPECT_EQ(nlohmann::json(decision).at("retry_after_ms"), 1500);
}

TEST(NlohmannAdapter, ParsingABadTextIsAnError) {
  for (const char* bad : {"", "{", "{\"a\":1}x", "nul", "\"\xFF\""}) {
    const auto parsed = parse_json("user_data", bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().message(), "user_data: not valid JSON");
  }
  EXPECT_EQ(parse_json("user_data", "[1]").value(), nlohmann::json::array({1}));
}

}  // namespace
}  // namespace envoyou::nlohmann_test
