// Goal: health tells what answers now and how Redis is: there, away, or there and refusing; in time, and without a
// password. Method: servers that are healthy, stopped, frozen, protected, and without INFO.
#include "fixture.hpp"

#include <gmock/gmock.h>

namespace envoyou::testing::health_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ServicesHealth, WithoutRedisIsHealthy) {
  auto services = Services::open(config_for("")).value();
  const auto health = services.health();
  EXPECT_TRUE(health.healthy);
  EXPECT_EQ(health.redis, RedisHealth::kUnavailable);
  EXPECT_EQ(health.redis_message, "not configured");
  EXPECT_EQ(health.latency_ms, std::nullopt);
  EXPECT_EQ(health.rate_limiting, Source::kLocal);
  EXPECT_EQ(health.session_storage, SessionStorage::kMemory);
  EXPECT_EQ(health.version, kVersion);
}

TEST(ServicesHealth, OverRedisTellsItsFigures) {
  const RedisServer redis = RedisServer::start();
  auto services = Services::open(config_for(redis.url())).value();
  redis.cli({"SET", "there", "1"});
  redis.cli({"GET", "there"});
  redis.cli({"GET", "not-there"});
  const auto health = services.health();
  EXPECT_TRUE(health.healthy);
  EXPECT_EQ(health.redis, RedisHealth::kHealthy);
  EXPECT_EQ(health.redis_message, "connected");
  EXPECT_GT(health.latency_ms.value_or(0), 0.0);
  EXPECT_GT(health.used_memory_bytes.value_or(0), 100'000u);
  EXPECT_EQ(health.evicted_keys, 0u);
  EXPECT_GT(health.hit_ratio.value_or(-1), 0.0);
  EXPECT_LT(health.hit_ratio.value_or(2), 1.0);
  EXPECT_EQ(health.rate_limiting, Source::kRedis);
  EXPECT_EQ(health.session_storage, SessionStorage::kRedis);
  EXPECT_EQ(health.response_cache, Source::kRedis);
}

TEST(ServicesHealth, WhereInfoIsForbiddenTheRestIsToldAllTheSame) {
  const RedisServer redis = RedisServer::start({.acl_users = {"app on >pw ~* &* +@all -info"}});
  auto services = Services::open(config_for("redis://app:pw@127.0.0.1:" + std::to_string(redis.port()))).value();
  const auto health = services.health();
  EXPECT_TRUE(health.healthy) << health.redis_message;
  EXPECT_TRUE(health.latency_ms);
  EXPECT_FALSE(health.used_memory_bytes);
  EXPECT_FALSE(health.hit_ratio);
}

TEST(ServicesHealth, WherePingIsForbiddenItIsAnAnswerAllTheSame) {
  const RedisServer redis = RedisServer::start({.acl_users = {"app on >pw ~* &* +@all -ping"}});
  auto services = Services::open(config_for("redis://app:pw@127.0.0.1:" + std::to_string(redis.port()))).value();
  const auto health = services.health();
  EXPECT_TRUE(health.healthy) << health.redis_message;
  EXPECT_TRUE(health.latency_ms);
}

// What the modules can not do without: they answer in process, or say so, and health says why.
TEST(ServicesHealth, WhereTheModulesCanNotWorkThatIsTold) {
  for (const char* acl : {"~* &* +@all -eval -evalsha", "~* &* +@all -time", "~app:* resetchannels -@all +get +set"}) {
    const RedisServer redis = RedisServer::start({.acl_users = {std::string("app on >pw ") + acl}});
    auto services = Services::open(config_for("redis://app:pw@127.0.0.1:" + std::to_string(redis.port()))).value();
    const auto health = services.health();
    EXPECT_FALSE(health.healthy) << acl;
    EXPECT_EQ(health.redis, RedisHealth::kError) << acl;
    EXPECT_THAT(health.redis_message, HasSubstr("the modules need scripts and TIME")) << acl;
    EXPECT_EQ(health.rate_limiting, Source::kLocal) << acl;

    const RateRule two_a_minute{.limit = 2, .window = 60s};
    for (const bool allowed : {true, true, false}) {
      const auto decision = services.limiter().check("u", two_a_minute);
      ASSERT_TRUE(decision) << acl;
      EXPECT_EQ(decision->allowed, allowed) << acl;
      EXPECT_EQ(decision->source, Source::kLocal) << acl;
    }
    const auto made = services.sessions().create({.user_id = "u", .user_data = "{}"});
    ASSERT_TRUE(made) << acl << ": " << made.error().message();
    EXPECT_TRUE(services.sessions().get(made->id)) << acl;
    EXPECT_TRUE(services.cache().set("k", "v")) << acl;
    EXPECT_TRUE(services.cache().get("k")) << acl;
  }
}

TEST(ServicesHealth, EvalAloneIsEnough) {
  const RedisServer redis = RedisServer::start({.acl_users = {"app on >pw ~* &* +@all -evalsha -script"}});
  auto services = Services::open(config_for("redis://app:pw@127.0.0.1:" + std::to_string(redis.port()))).value();
  EXPECT_TRUE(services.health().healthy) << services.health().redis_message;
  EXPECT_EQ(services.limiter().check("u", RateRule{.limit = 2, .window = 60s})->source, Source::kRedis);
}

TEST(ServicesHealth, AWrongPasswordIsARefusalAndStaysUnsaid) {
  const RedisServer redis = RedisServer::start({.password = "right"});
  auto services =
      Services::open(config_for("redis://:wrong-hunter2@127.0.0.1:" + std::to_string(redis.port()))).value();
  const auto health = services.health();
  EXPECT_FALSE(health.healthy);
  EXPECT_EQ(health.redis, RedisHealth::kError) << health.redis_message;
  EXPECT_THAT(health.redis_message, HasSubstr("WRONGPASS"));
  EXPECT_THAT(health.to_json(), Not(HasSubstr("hunter2")));
  EXPECT_EQ(health.rate_limiting, Source::kLocal);
}

TEST(ServicesHealth, NobodyListeningIsAnAbsenceWithItsReason) {
  auto services = Services::open(config_for(url_of_nobody())).value();
  const auto health = services.health();
  EXPECT_FALSE(health.healthy);
  EXPECT_EQ(health.redis, RedisHealth::kUnavailable);
  EXPECT_THAT(health.redis_message, HasSubstr("refused"));
  EXPECT_EQ(health.latency_ms, std::nullopt);
}

TEST(ServicesHealth, ComesBackByItselfWithinASecond) {
  RedisServer redis = RedisServer::start();
  auto services = Services::open(config_for(redis.url())).value();
  redis.kill9();
  EXPECT_TRUE(eventually([&] { return !services.health().healthy; }, 1s));
  EXPECT_EQ(services.health().redis, RedisHealth::kUnavailable);
  redis.restart();
  EXPECT_TRUE(eventually([&] { return services.health().healthy; }, 1s)) << services.health().redis_message;
}

TEST(ServicesHealth, OfAFrozenRedisIsToldInTime) {
  const RedisServer redis = RedisServer::start();
  auto services = Services::open(config_for(redis.url())).value();
  redis.freeze();
  Health health;
  EXPECT_LT(time_of([&] { health = services.health(); }), 150ms);
  EXPECT_TRUE(eventually([&] { return !services.fallback().uses_redis(); }, 1s));
  EXPECT_LT(time_of([&] { health = services.health(); }), 150ms);
  redis.thaw();
  EXPECT_FALSE(health.healthy);
  EXPECT_EQ(health.redis, RedisHealth::kUnavailable) << health.redis_message;
  EXPECT_THAT(health.redis_message, Not(HasSubstr("deadline"))) << "says what the caller met, not what the node has";
}

}  // namespace
}  // namespace envoyou::testing::health_test
