// Goal: what lies in Redis is what docs/limiter.md says: keys of one slot per caller, nothing of the caller readable
// where there is a
//       secret, times to live on everything, and nothing left when it no longer counts. Redis' own clock decides.
// Method: real time on a real server, whose keys are read by other means.
#include "conformance/limiter_stage.hpp"
#include "support/wait_for.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace envoyou::limiter::redis_keys_test {
namespace {

using namespace std::chrono_literals;

class LimiterKeys : public ::testing::Test {
 protected:
  Answer take(RedisBackend& backend, std::string_view key, std::span<const RateRule> rules, std::int64_t cost = 1) {
    return backend.ask(Request::of(key, rules, cost), Ask::kTake, Deadline::never()).value();
  }

  testing::RedisServer server = testing::RedisServer::start();
  std::shared_ptr<redis::Client> client = connect(redis::parse_url(server.url()).value());
  Tokens tokens{7};
};

TEST_F(LimiterKeys, AreOfOneSlotForOneCaller) {
  RedisBackend backend({}, client, tokens);
  const std::array rules{RateRule{.limit = 5, .window = 1s}, RateRule{.limit = 50, .window = 1min}};
  take(backend, "user_123", rules);
  EXPECT_EQ(server.cli({"EXISTS", "envoyou:ratelimit:{cuser_123}:w1000", "envoyou:ratelimit:{cuser_123}:w60000"}), "2");
  take(backend, "a}b{:c\r\n", rules);
  EXPECT_EQ(server.cli({"EXISTS", "envoyou:ratelimit:{ca%7Db%7B%3Ac%0D%0A}:w1000"}), "1");
}

TEST_F(LimiterKeys, HideTheCallerWhereThereIsASecret) {
  RedisBackend backend({.secrets = SecretRing::from({"a secret of sixteen bytes"}).value()}, client, tokens);
  const std::array rules{RateRule{.limit = 5, .window = 1min}};
  take(backend, "user_123", rules);
  const std::string keys = server.cli({"KEYS", "*"});
  EXPECT_NE(keys.find("{h"), std::string::npos) << keys;
  EXPECT_EQ(keys.find("user"), std::string::npos) << keys;
}

TEST_F(LimiterKeys, LiveAsLongAsTheyCountAndNoLonger) {
  RedisBackend backend({}, client, tokens);
  const std::array rules{RateRule{.limit = 5, .window = 1500ms}};
  take(backend, "k", rules);
  const auto ttl = std::stoll(server.cli({"PTTL", "envoyou:ratelimit:{ck}:w1500"}));
  EXPECT_GT(ttl, 1'000);
  EXPECT_LE(ttl, 1'500);
  EXPECT_TRUE(testing::eventually([&] { return server.cli({"DBSIZE"}) == "0"; }, 3s));
}

TEST_F(LimiterKeys, ADenialDoesNotTouchTheTimeToLive) {
  RedisBackend backend({}, client, tokens);
  const std::array rules{RateRule{.limit = 1, .window = 1min}};
  take(backend, "k", rules);
  server.cli({"PEXPIRE", "envoyou:ratelimit:{ck}:w60000", "30000"});
  EXPECT_FALSE(take(backend, "k", rules).allowed);
  EXPECT_LE(std::stoll(server.cli({"PTTL", "envoyou:ratelimit:{ck}:w60000"})), 30'000);
}

TEST_F(LimiterKeys, HoldOnlyWhatStillCounts) {
  RedisBackend backend({}, client, tokens);
  const RateRule rule{.limit = 1'000, .window = 1s};
  for (Ms now = 0; now < 100; ++now) {
    Request request = Request::of("k", {&rule, 1}, 1);
    request.now = 1'000'000 + now * 100;
    ASSERT_TRUE(backend.ask(request, Ask::kTake, Deadline::never())->allowed);
  }
  EXPECT_EQ(server.cli({"ZCARD", "envoyou:ratelimit:{ck}:w1000"}), "10");
}

TEST_F(LimiterKeys, TheServersClockDecides) {
  RedisBackend backend({}, client, tokens);
  const std::array rules{RateRule{.limit = 1, .window = 1min}};
  take(backend, "k", rules);
  const std::string score = server.cli({"ZRANGE", "envoyou:ratelimit:{ck}:w60000", "0", "0", "WITHSCORES"});
  const std::string time = server.cli({"TIME"});
  const auto stamped = std::stoll(score.substr(score.find('\n') + 1)) / 1000;
  EXPECT_LE(std::abs(stamped - std::stoll(time)), 2);
}

TEST_F(LimiterKeys, SurviveTheServerForgettingItsScripts) {
  RedisBackend backend({}, client, tokens);
  const std::array rules{RateRule{.limit = 2, .window = 1min}};
  EXPECT_TRUE(take(backend, "k", rules).allowed);
  server.cli({"SCRIPT", "FLUSH"});
  EXPECT_TRUE(take(backend, "k", rules).allowed);
  EXPECT_FALSE(take(backend, "k", rules).allowed);
}

TEST_F(LimiterKeys, WhatRedisComesToAfterTheDeadlineChangesNothing) {
  RedisBackend backend({}, client, tokens);
  const RateRule rule{.limit = 10, .window = 1min};
  const auto in = [](Milliseconds time) { return Deadline::after(*system_clock(), time); };
  ASSERT_TRUE(
      backend.ask(Request::of("k", {&rule, 1}, 1), Ask::kTake, in(5s)));  // from here on it knows the server's clock
  server.freeze();
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(backend.ask(Request::of("k", {&rule, 1}, 1), Ask::kTake, in(20ms)));
  EXPECT_FALSE(backend.reset(Request::of("k", {&rule, 1}, 1), in(20ms)));
  std::this_thread::sleep_for(10ms);
  server.thaw();
  EXPECT_TRUE(testing::eventually([&] { return server.calls_of("evalsha") >= 5; }));
  EXPECT_EQ(server.cli({"ZCARD", "envoyou:ratelimit:{ck}:w60000"}), "1");
}

TEST_F(LimiterKeys, TheEpochIsOneForAllAndLivesAsLongAsItVouches) {
  RedisBackend first({}, client, tokens);
  Tokens other_tokens{8};
  RedisBackend second({}, client, other_tokens);
  const auto name = first.epoch(500, Deadline::never()).value();
  EXPECT_EQ(second.epoch(1'000, Deadline::never()).value(), name);
  EXPECT_GT(std::stoll(server.cli({"PTTL", "envoyou:ratelimit:epoch"})), 600);
  server.cli({"FLUSHALL"});
  EXPECT_NE(second.epoch(1'000, Deadline::never()).value(), name);
}

}  // namespace
}  // namespace envoyou::limiter::redis_keys_test
