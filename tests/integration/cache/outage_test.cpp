// Goal: through an outage nobody waits beyond the deadline; what was changed in it holds here at once and everywhere
// afterwards; what
//       an outage kept is not seen in the next one.
// Method: real servers that are frozen, killed and restarted; a second server that looks at what Redis holds; a proxy
// that makes
//         replies late.
#include "server.hpp"
#include "support/fault_proxy.hpp"

#include <thread>

namespace envoyou::testing::cache_outage_test {
namespace {

TEST(CacheOutage, ChangesOfAnOutageHoldHereAtOnceAndEverywhereAfterwards) {
  auto redis = RedisServer::start();
  Server one(redis.url());
  Server other(redis.url());
  for (const char* key : {"changed", "removed", "untouched"}) EXPECT_TRUE(one.sets_in_redis(key, "old"));
  redis.freeze();
  EXPECT_EQ(one.set("changed", "new"), Source::kLocal);
  EXPECT_EQ(one.get("changed"), "new") << "also before the breaker knows";
  ASSERT_TRUE(one.becomes(Mode::kLocal));
  EXPECT_EQ(one.remove("removed"), Source::kLocal);
  for (int i = 0; i < 500; ++i) one.set("made" + std::to_string(i), "value" + std::to_string(i));
  EXPECT_EQ(one.get("changed"), "new");
  EXPECT_EQ(one.get("removed"), "(none)");
  EXPECT_EQ(one.get("made7"), "value7");
  EXPECT_EQ(one.cache->source(), Source::kLocal);
  EXPECT_LT(one.longest, kLongestWait);
  redis.thaw();
  ASSERT_TRUE(one.becomes(Mode::kRedis));
  ASSERT_TRUE(other.becomes(Mode::kRedis));
  EXPECT_TRUE(other.sees("changed", "new"));
  EXPECT_EQ(other.get("removed"), "(none)");
  EXPECT_TRUE(other.sees("untouched", "old"));
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(other.sees("made" + std::to_string(i), "value" + std::to_string(i)));
  EXPECT_TRUE(eventually([&] { return one.set("later", "x") == Source::kRedis; }));
}

TEST(CacheOutage, ARestartedServerWithoutItsDataGetsTheChangesToo) {
  auto redis = RedisServer::start();
  Server one(redis.url());
  Server other(redis.url());
  redis.kill9();
  ASSERT_TRUE(one.becomes(Mode::kLocal));
  one.set("k", "v");
  EXPECT_TRUE(one.store("/things/1", "local"));
  EXPECT_EQ(one.get_path("/things/1"), "local");
  redis.restart();
  ASSERT_TRUE(one.becomes(Mode::kRedis));
  ASSERT_TRUE(other.becomes(Mode::kRedis));
  EXPECT_TRUE(other.sees("k", "v"));
  EXPECT_EQ(one.get_path("/things/1"), "(none)") << "responses of an outage stay in it";
}

TEST(CacheOutage, InvalidationsOfAnOutageComeBeforeAnythingOlderIsServed) {
  auto redis = RedisServer::start();
  Server one(redis.url());
  Server other(redis.url());
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(one.store("/things/" + std::to_string(i), "old"));
  EXPECT_TRUE(one.store("/others/1", "old"));
  EXPECT_TRUE(one.sees_path("/others/1", "old"));
  redis.freeze();
  EXPECT_TRUE(one.put_path("/things/1"));
  ASSERT_TRUE(one.becomes(Mode::kLocal));
  EXPECT_TRUE(one.put_path("/things/2"));
  EXPECT_TRUE(one.responses->invalidate(Server::request_of("/things/3")));
  EXPECT_LT(one.longest, kLongestWait);
  redis.thaw();
  while (one.backing.fallback->mode() != Mode::kRedis) {
    for (const char* path : {"/things/1", "/things/2", "/things/3"}) EXPECT_NE(one.get_path(path), "old") << path;
  }
  ASSERT_TRUE(other.becomes(Mode::kRedis));
  for (Server* server : {&one, &other}) {
    for (const char* path : {"/things/1", "/things/2", "/things/3"}) EXPECT_NE(server->get_path(path), "old") << path;
    EXPECT_TRUE(server->sees_path("/others/1", "old"));
    EXPECT_TRUE(server->sees_path("/things/4", "old"));
  }
}

TEST(CacheOutage, MoreInvalidationsThanCanBeRememberedTakeEverything) {
  auto redis = RedisServer::start();
  auto setup = setup_for(redis.url());
  setup.cache.max_pending = 10;
  Server one(setup);
  EXPECT_TRUE(one.store("/others/1", "old"));
  EXPECT_TRUE(one.sees_path("/others/1", "old"));
  redis.freeze();
  ASSERT_TRUE(eventually([&] { return one.get_path("/others/1") == "(none)" && !one.backing.fallback->uses_redis(); }));
  for (int i = 0; i < 11; ++i) EXPECT_TRUE(one.put_path("/things/" + std::to_string(i)));
  redis.thaw();
  ASSERT_TRUE(one.becomes(Mode::kRedis));
  EXPECT_EQ(one.get_path("/others/1"), "(none)");
}

TEST(CacheOutage, ValuesThatDoNotFitAreForgottenAndNeverOld) {
  auto redis = RedisServer::start();
  auto setup = setup_for(redis.url());
  setup.cache.max_pending = 10;
  Server one(setup);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(one.sets_in_redis("k" + std::to_string(i), "old"));
  redis.freeze();
  ASSERT_TRUE(eventually([&] { return one.get("k0") == "(none)" && !one.backing.fallback->uses_redis(); }));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(one.set("k" + std::to_string(i), "new"), Source::kLocal);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(one.get("k" + std::to_string(i)), "new") << "here they are still known";
  redis.thaw();
  ASSERT_TRUE(one.becomes(Mode::kRedis));
  Server other(redis.url());
  int kept = 0;
  for (int i = 0; i < 20; ++i) {
    const auto value = other.get("k" + std::to_string(i));
    EXPECT_NE(value, "old") << i;
    kept += value == "new" ? 1 : 0;
  }
  EXPECT_EQ(kept, 10);
  EXPECT_EQ(one.counted("envoyou_cache_errors_total", "cache=\"data\",kind=\"dropped\""), 10U);
}

TEST(CacheOutage, WhatOneOutageKeptIsNotSeenInTheNext) {
  auto redis = RedisServer::start();
  Server one(redis.url());
  Server other(redis.url());
  for (int outage = 0; outage < 3; ++outage) {
    const std::string value = "outage " + std::to_string(outage);
    redis.freeze();
    one.set("probe", "x");
    ASSERT_TRUE(one.becomes(Mode::kLocal));
    EXPECT_EQ(one.get_path("/things/1"), "(none)");
    EXPECT_EQ(one.get("k"), "(none)");
    EXPECT_TRUE(one.store("/things/1", value));
    EXPECT_EQ(one.get_path("/things/1"), value);
    one.set("k", value);
    EXPECT_EQ(one.get("k"), value);
    redis.thaw();
    ASSERT_TRUE(one.becomes(Mode::kRedis));
    ASSERT_TRUE(other.becomes(Mode::kRedis));
    other.remove("k");
  }
  EXPECT_TRUE(eventually([&] {
    return one.backing.runtime.metrics->gauge("envoyou_cache_local_bytes", "cache=\"response\"", "").value() == 0;
  })) << "what is of no use any more is let go";
}

TEST(CacheOutage, TheLaterOfTwoServersWritesStays) {
  auto redis = RedisServer::start();
  FaultProxy proxy(redis.port());
  Server cut_off(proxy.url());
  Server there(redis.url());
  proxy.refuse();
  proxy.cut_all();
  ASSERT_TRUE(cut_off.becomes(Mode::kLocal));
  cut_off.set("k", "earlier");
  cut_off.remove("r");
  std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(there.sets_in_redis("k", "later"));
  EXPECT_TRUE(there.sets_in_redis("r", "later"));
  proxy.accept_again();
  ASSERT_TRUE(cut_off.becomes(Mode::kRedis));
  for (Server* server : {&cut_off, &there}) {
    EXPECT_TRUE(eventually([&] { return server->get("k") == "later" && server->get("r") == "later"; }));
  }
}

TEST(CacheOutage, AWriteThatTimedOutIsReadFromHereUntilRedisHasIt) {
  auto redis = RedisServer::start();
  FaultProxy proxy(redis.port());
  auto setup = setup_for(proxy.url());
  setup.redis.stall_limit = 5s;
  Server one(setup);
  Server other(redis.url());
  EXPECT_TRUE(one.sets_in_redis("k", "old"));
  EXPECT_TRUE(one.sets_in_redis("r", "old"));
  EXPECT_TRUE(one.store("/things/1", "old"));
  EXPECT_TRUE(one.sees_path("/things/1", "old"));
  proxy.latency(400ms);
  EXPECT_EQ(one.set("k", "new"), Source::kLocal);
  EXPECT_EQ(one.remove("r"), Source::kLocal);
  EXPECT_TRUE(one.put_path("/things/1"));
  EXPECT_TRUE(one.backing.fallback->uses_redis()) << "slow is not away";
  EXPECT_EQ(one.get("k"), "new");
  EXPECT_EQ(one.get("r"), "(none)");
  EXPECT_EQ(one.get_path("/things/1"), "(none)");
  EXPECT_LT(one.longest, kLongestWait);
  proxy.clear();
  EXPECT_TRUE(eventually([&] { return one.set("k2", "x") == Source::kRedis && one.backing.fallback->uses_redis(); }));
  EXPECT_TRUE(eventually([&] { return other.get("k") == "new" && other.get("r") == "(none)"; }));
  EXPECT_TRUE(eventually([&] { return other.get_path("/things/1") == "(none)"; }));
  EXPECT_TRUE(eventually([&] { return one.set("k", "newest") == Source::kRedis; }));
  EXPECT_TRUE(other.sees("k", "newest"));
}

TEST(CacheOutage, AServerThatNeverFoundItsRedisCachesByItself) {
  Server alone("redis://127.0.0.1:" + std::to_string(free_port()));
  ASSERT_TRUE(alone.becomes(Mode::kLocal));
  EXPECT_EQ(alone.set("k", "v"), Source::kLocal);
  EXPECT_EQ(alone.get("k"), "v");
  EXPECT_TRUE(alone.store("/things/1", "one"));
  EXPECT_EQ(alone.get_path("/things/1"), "one");
  EXPECT_LT(alone.longest, kLongestWait);
}

TEST(CacheOutage, CachesGoAwayQuicklyWhileRedisIsSilent) {
  auto redis = RedisServer::start();
  auto server = std::make_unique<Server>(redis.url());
  EXPECT_TRUE(server->sets_in_redis("k", "v"));
  EXPECT_TRUE(server->store("/things/1", "x"));
  redis.freeze();
  EXPECT_EQ(server->set("k", "w"), Source::kLocal);
  const auto begun = std::chrono::steady_clock::now();
  server.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 400ms);
  redis.thaw();
}

}  // namespace
}  // namespace envoyou::testing::cache_outage_test
