// Goal: through an outage nobody waits, a spent limit stays spent, one server admits no more than the limit in any
// window that spans
//       the switch either way, what it admitted counts in Redis at the return, once, and a reset holds. Also when Redis
//       comes back without its data.
// Method: the public face with a keeper, real servers that are frozen, killed and started again, a second limiter as
// the other
//         server that looks at what Redis knows.
#include <envoyou/limiter.hpp>

#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace envoyou::limiter_outage_test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::RedisServer;

struct Server {
  explicit Server(const RedisServer& redis) {
    BackingOptions options;
    options.redis = redis::parse_url(redis.url()).value();
    options.wait_for_first_answer = 2s;
    backing = open_backing(options, runtime).value();
    limiter = RateLimiter::open({.decision_share = 50ms}, backing).value();
  }

  Decision check(std::string_view key, const RateRule& rule, std::int64_t cost = 1) {
    const auto begun = std::chrono::steady_clock::now();
    auto made = limiter->check(key, rule, {.cost = cost}).value();
    const auto took = std::chrono::steady_clock::now() - begun;
    longest = std::max(longest, std::chrono::duration_cast<Milliseconds>(took));
    return made;
  }
  std::int64_t remaining(std::string_view key, const RateRule& rule) { return limiter->peek(key, rule)->remaining; }
  int admitted_of(int requests, std::string_view key, const RateRule& rule) {
    int sum = 0;
    for (int i = 0; i < requests; ++i) sum += check(key, rule).allowed ? 1 : 0;
    return sum;
  }
  bool becomes(Mode mode) {
    return eventually([&] { return backing.fallback->mode() == mode; }, 5s);
  }
  std::uint64_t count(std::string_view name) { return runtime.metrics->counter(name, "", "").value(); }

  Runtime runtime;
  Backing backing;
  std::unique_ptr<RateLimiter> limiter;
  Milliseconds longest{0};
};

const RateRule kThirty{.limit = 30, .window = 60s};

TEST(LimiterOutage, EveryAlgorithmGoesOnFromWhatItKnewAndMakesUpAfterwards) {
  auto redis = RedisServer::start();
  Server server(redis);
  Server other(redis);
  std::vector<RateRule> rules;
  for (const Algorithm algorithm : {Algorithm::kSlidingLog, Algorithm::kCompactLog, Algorithm::kSlidingCounter,
                                    Algorithm::kGcra, Algorithm::kFixedWindow}) {
    rules.push_back({.limit = 30, .window = 24h, .algorithm = algorithm});
  }
  const RateRule leases{.limit = 3, .window = 1h, .algorithm = Algorithm::kConcurrency};
  const auto acquire = [&](Server& asks, const char* lease) {
    return asks.limiter->acquire("jobs", lease, {&leases, 1}).value().allowed;
  };
  for (const RateRule& rule : rules) EXPECT_EQ(server.admitted_of(10, to_string(rule.algorithm), rule), 10);
  EXPECT_TRUE(acquire(server, "one"));
  redis.freeze();
  ASSERT_TRUE(eventually([&] {
    server.check("what condemns the link", kThirty);
    return server.backing.fallback->mode() == Mode::kLocal;
  }));
  for (const RateRule& rule : rules) {
    EXPECT_EQ(server.admitted_of(15, to_string(rule.algorithm), rule), 15) << to_string(rule.algorithm);
  }
  EXPECT_TRUE(acquire(server, "two"));
  EXPECT_TRUE(server.limiter->release("jobs", "one", {&leases, 1}));
  redis.thaw();
  ASSERT_TRUE(server.becomes(Mode::kRedis));
  ASSERT_TRUE(other.becomes(Mode::kRedis));
  for (const RateRule& rule : rules) {
    EXPECT_EQ(other.remaining(to_string(rule.algorithm), rule), 5) << to_string(rule.algorithm);
  }
  EXPECT_TRUE(acquire(other, "three"));
  EXPECT_TRUE(acquire(other, "four"));
  EXPECT_FALSE(acquire(other, "five")) << "two, three and four";
}

TEST(LimiterOutage, ASpentLimitStaysSpentWhileRedisIsFrozenAndAfterwards) {
  auto redis = RedisServer::start();
  Server server(redis);
  EXPECT_EQ(server.admitted_of(40, "spent", kThirty), 30);
  EXPECT_EQ(server.admitted_of(10, "half", kThirty), 10);
  redis.freeze();
  EXPECT_EQ(server.admitted_of(20, "spent", kThirty), 0);
  ASSERT_TRUE(server.becomes(Mode::kLocal));
  EXPECT_EQ(server.check("spent", kThirty).source, Source::kLocal);
  EXPECT_EQ(server.admitted_of(40, "half", kThirty), 20);
  EXPECT_LT(server.longest, 150ms);
  redis.thaw();
  ASSERT_TRUE(server.becomes(Mode::kRedis));
  EXPECT_EQ(server.admitted_of(5, "spent", kThirty), 0);
  EXPECT_EQ(server.admitted_of(5, "half", kThirty), 0);
}

TEST(LimiterOutage, WhatWasAdmittedCountsAtTheReturnAndOnce) {
  auto redis = RedisServer::start();
  Server first(redis);
  Server second(redis);
  EXPECT_EQ(first.admitted_of(5, "k", kThirty), 5);
  redis.freeze();
  // What is sent into the frozen server is read there at the thaw; it may not count a second time.
  EXPECT_EQ(first.admitted_of(7, "k", kThirty), 7);
  ASSERT_TRUE(first.becomes(Mode::kLocal));
  std::this_thread::sleep_for(100ms);  // until every deadline has passed
  redis.thaw();
  ASSERT_TRUE(first.becomes(Mode::kRedis));
  ASSERT_TRUE(second.becomes(Mode::kRedis));
  ASSERT_TRUE(eventually([&] { return second.remaining("k", kThirty) == 18; }, 2s)) << second.remaining("k", kThirty);
  std::this_thread::sleep_for(500ms);  // two sweeps
  EXPECT_EQ(second.remaining("k", kThirty), 18);
  EXPECT_GE(first.count("envoyou_ratelimit_carried_over_total"), 1u);
}

TEST(LimiterOutage, WhatOthersSpentIsKnownInTheOutage) {
  auto redis = RedisServer::start();
  Server first(redis);
  Server second(redis);
  EXPECT_EQ(second.admitted_of(20, "k", kThirty), 20);
  EXPECT_EQ(first.admitted_of(4, "k", kThirty), 4);
  redis.kill9();
  ASSERT_TRUE(first.becomes(Mode::kLocal));
  EXPECT_EQ(first.admitted_of(40, "k", kThirty), 6);
}

TEST(LimiterOutage, ARedisThatComesBackWithoutItsDataIsToldAnew) {
  auto redis = RedisServer::start();
  Server first(redis);
  Server second(redis);
  EXPECT_EQ(first.admitted_of(12, "k", kThirty), 12);
  EXPECT_EQ(second.admitted_of(8, "k", kThirty), 8);
  // A sweep of each, in which they learn the name of the data set.
  std::this_thread::sleep_for(500ms);
  redis.kill9();
  ASSERT_TRUE(first.becomes(Mode::kLocal));
  ASSERT_TRUE(second.becomes(Mode::kLocal));
  EXPECT_EQ(first.admitted_of(3, "k", kThirty), 3);
  redis.restart();
  ASSERT_TRUE(first.becomes(Mode::kRedis));
  ASSERT_TRUE(second.becomes(Mode::kRedis));
  EXPECT_TRUE(eventually([&] { return first.remaining("k", kThirty) == 7; }, 2s)) << first.remaining("k", kThirty);
  EXPECT_EQ(first.count("envoyou_ratelimit_redis_data_losses_total"), 1u);
}

TEST(LimiterOutage, AFlushInUseIsMadeGoodAtTheNextSweep) {
  auto redis = RedisServer::start();
  Server server(redis);
  EXPECT_EQ(server.admitted_of(12, "k", kThirty), 12);
  std::this_thread::sleep_for(500ms);
  redis.cli({"FLUSHALL"});
  EXPECT_EQ(server.check("other", kThirty).source, Source::kRedis);
  EXPECT_TRUE(eventually([&] { return server.remaining("k", kThirty) == 18; }, 2s)) << server.remaining("k", kThirty);
}

TEST(LimiterOutage, WithoutARedisFromTheStartItAnswersAtOnce) {
  auto redis = RedisServer::start();
  redis.kill9();
  Server server(redis);
  EXPECT_EQ(server.admitted_of(100, "k", kThirty), 30);
  EXPECT_LT(server.longest, 60ms);
  redis.restart();
  ASSERT_TRUE(server.becomes(Mode::kRedis));
  EXPECT_EQ(server.check("k", kThirty).source, Source::kRedis);
  EXPECT_FALSE(server.check("k", kThirty).allowed);
}

TEST(LimiterOutage, AResetInTheOutageHolds) {
  auto redis = RedisServer::start({.append_only = true});
  Server first(redis);
  Server second(redis);
  EXPECT_EQ(first.admitted_of(40, "k", kThirty), 30);
  redis.kill9();
  ASSERT_TRUE(first.becomes(Mode::kLocal));
  EXPECT_TRUE(first.limiter->reset("k", kThirty)->allowed);
  EXPECT_EQ(first.admitted_of(4, "k", kThirty), 4);
  redis.restart();
  ASSERT_TRUE(first.becomes(Mode::kRedis));
  ASSERT_TRUE(second.becomes(Mode::kRedis));
  EXPECT_TRUE(eventually([&] { return second.remaining("k", kThirty) == 26; }, 2s)) << second.remaining("k", kThirty);
}

TEST(LimiterOutage, OneServerNeverAdmitsMoreThanTheLimitPlusWhatWasInFlight) {
  constexpr int kThreads = 4;
  auto redis = RedisServer::start();
  Server server(redis);
  const RateRule rule{.limit = 50, .window = 2s};
  std::mutex mutex;
  std::vector<std::chrono::steady_clock::time_point> admitted;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        if (server.limiter->check("k", rule)->allowed) {
          const std::lock_guard lock(mutex);
          admitted.push_back(std::chrono::steady_clock::now());
        }
        std::this_thread::sleep_for(2ms);
      }
    });
  }
  for (int i = 0; i < 2; ++i) {
    std::this_thread::sleep_for(1100ms);
    redis.freeze();
    std::this_thread::sleep_for(900ms);
    redis.thaw();
    std::this_thread::sleep_for(700ms);
    redis.kill9();
    std::this_thread::sleep_for(300ms);
    redis.restart();
  }
  std::this_thread::sleep_for(1s);
  stop = true;
  for (auto& each : threads) each.join();
  std::ranges::sort(admitted);
  std::size_t most = 0;
  for (std::size_t first = 0, last = 0; last < admitted.size(); ++last) {
    while (admitted[last] - admitted[first] >= 2s) ++first;
    most = std::max(most, last - first + 1);
  }
  // The caller's stamp comes a moment after the decision, so those of one in flight may straddle the window's edge.
  EXPECT_LE(most, 50u + 2 * kThreads);
  EXPECT_GT(admitted.size(), 100u);
}

TEST(LimiterOutage, ARedisThatMayNotWriteIsAnsweredForAndPaidLater) {
  auto redis = RedisServer::start({.config_lines = {"maxmemory-policy noeviction"}});
  Server server(redis);
  EXPECT_EQ(server.check("before", kThirty).source, Source::kRedis);
  redis.cli({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_EQ(server.check("k", kThirty).source, Source::kLocal);
  EXPECT_EQ(server.backing.fallback->mode(), Mode::kRedis) << "its other callers may still read";
  EXPECT_EQ(server.admitted_of(40, "k", kThirty), 29);
  redis.cli({"CONFIG", "SET", "maxmemory", "0"});
  const auto denied = server.check("k", kThirty);
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.source, Source::kRedis);
}

TEST(LimiterOutage, AKeyOfAnotherTypeIsAnsweredForAndCounted) {
  auto redis = RedisServer::start();
  Server server(redis);
  redis.cli({"SET", "envoyou:ratelimit:{ck}:w60000", "x"});
  EXPECT_EQ(server.admitted_of(40, "k", kThirty), 30);
  const auto refused =
      server.runtime.metrics->counter("envoyou_ratelimit_redis_failures_total", "reason=\"refused\"", "").value();
  EXPECT_GE(refused, 40u);
  EXPECT_TRUE(eventually([&] { return server.count("envoyou_ratelimit_carry_over_lost_total") >= 1; }, 2s));
  EXPECT_EQ(server.backing.fallback->mode(), Mode::kRedis);
}

}  // namespace
}  // namespace envoyou::limiter_outage_test
