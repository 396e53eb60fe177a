// Goal: the health document has exactly the members that monitors of the earlier system read, whatever is known.
// Method: values in, text out.
#include <envoyou/services.hpp>

#include <gtest/gtest.h>

namespace envoyou::health_test {
namespace {

TEST(Health, WithoutRedisIsHealthyAndSaysWhatAnswers) {
  Health health;
  health.timestamp = from_unix_ms(1'700'000'000'042);
  health.version = "0.1.0";
  health.redis_message = "not configured";
  health.session_storage = SessionStorage::kDatabase;
  EXPECT_EQ(
      health.to_json(),
      R"({"data":{"services":{"rate_limiting":"memory","response_cache":"memory","session_storage":"database"},)"
      R"("status":"healthy","system":{"redis":{"available":false,"latency_ms":null,"message":"not configured",)"
      R"("status":"unavailable"}},"timestamp":"2023-11-14T22:13:20.042Z","version":"0.1.0"},"status":"success"})");
}

TEST(Health, WithRedisCarriesItsFiguresBeside) {
  Health health;
  health.timestamp = from_unix_ms(0);
  health.version = "0.1.0";
  health.redis = RedisHealth::kHealthy;
  health.redis_message = "connected";
  health.latency_ms = 0.12345;
  health.used_memory_bytes = 1'000'000;
  health.evicted_keys = 0;
  health.hit_ratio = 0.75;
  health.rate_limiting = Source::kRedis;
  health.session_storage = SessionStorage::kRedis;
  health.response_cache = Source::kRedis;
  EXPECT_EQ(health.to_json(),
            R"({"data":{"services":{"rate_limiting":"redis","response_cache":"redis","session_storage":"redis"},)"
            R"("status":"healthy","system":{"redis":{"available":true,"evicted_keys":0,"hit_ratio":0.75,)"
            R"("latency_ms":0.123,"message":"connected","status":"healthy","used_memory_bytes":1000000}},)"
            R"("timestamp":"1970-01-01T00:00:00.000Z","version":"0.1.0"},"status":"success"})");
}

TEST(Health, DegradedIsToldWithTheReason) {
  Health health;
  health.healthy = false;
  health.redis = RedisHealth::kError;
  health.redis_message = "WRONGPASS";
  const auto text = health.to_json();
  EXPECT_NE(text.find(R"("status":"degraded")"), std::string::npos);
  EXPECT_NE(text.find(R"("message":"WRONGPASS","status":"error")"), std::string::npos);
}

}  // namespace
}  // namespace envoyou::health_test
