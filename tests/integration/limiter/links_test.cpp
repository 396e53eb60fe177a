// Goal: whatever the link to Redis says or loses, no caller is ever given an answer to another's question, nobody
// waits, and the
//       limit is never exceeded.
// Method: a proxy between limiter and server that repeats replies, puts in unasked ones, and cuts them. Each thread has
// a limit of
//         another order of magnitude, so that a foreign answer would show in what remains.
#include <envoyou/limiter.hpp>

#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace envoyou::links_test {
namespace {

using namespace std::chrono_literals;
using testing::FaultProxy;
using testing::RedisServer;

class LimiterLinks : public ::testing::Test {
 protected:
  static constexpr int kThreads = 4;

  LimiterLinks() : redis(RedisServer::start()), proxy(redis.port()) {
    BackingOptions options;
    options.redis = redis::parse_url(proxy.url()).value();
    options.wait_for_first_answer = 2s;
    backing = open_backing(options).value();
    limiter = RateLimiter::open({.decision_share = 50ms}, backing).value();
  }

  // Asks from all threads until `hurt` has returned, and compares every answer with what that caller itself was
  // admitted.
  void load_while(const std::function<void()>& hurt) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) threads.emplace_back([this, t, &stop] { ask(t, stop); });
    hurt();
    stop = true;
    for (auto& each : threads) each.join();
  }

  void ask(int thread, const std::atomic<bool>& stop) {
    std::int64_t limit = 10'000;
    for (int i = 0; i < thread; ++i) limit *= 7;
    const RateRule rule{.limit = limit, .window = 10min};
    const std::string key = "thread " + std::to_string(thread);
    std::int64_t admitted = 0;
    std::int64_t uncertain = 0;
    while (!stop) {
      const auto begun = std::chrono::steady_clock::now();
      const auto made = limiter->check(key, rule).value();
      const auto took = std::chrono::steady_clock::now() - begun;
      if (took > 150ms) ++slow;
      admitted += made.allowed ? 1 : 0;
      uncertain += made.source == Source::kLocal ? 1 : 0;
      by_redis += made.source == Source::kRedis ? 1 : 0;
      // One that was answered in process may have been executed by Redis, too.
      if (made.remaining > limit - admitted || made.remaining < limit - admitted - uncertain) ++wrong;
      std::this_thread::sleep_for(1ms);
    }
  }

  // Hurts a reply while Redis is in use by all threads.
  void one_fault(const std::function<void()>& begin) {
    const int served = by_redis + 20;
    EXPECT_TRUE(testing::eventually([&] { return by_redis >= served; }, 5s));
    const std::size_t before = proxy.faults_done();
    begin();
    EXPECT_TRUE(testing::eventually([&] { return proxy.faults_done() > before; }, 5s));
  }

  RedisServer redis;
  FaultProxy proxy;
  Backing backing;
  std::unique_ptr<RateLimiter> limiter;
  std::atomic<int> wrong{0};
  std::atomic<int> by_redis{0};
  std::atomic<int> slow{0};
};

TEST_F(LimiterLinks, UnaskedRepliesAreNobodysAnswer) {
  load_while([this] {
    for (const auto* unasked : {":1\r\n", "*3\r\n$1\r\n7\r\n:1\r\n:5\r\n", "+OK\r\n", "-ERR no\r\n", "$-1\r\n"}) {
      for (int i = 0; i < 2; ++i) one_fault([&] { proxy.inject(unasked); });
    }
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(proxy.faults_done(), 10u);
}

TEST_F(LimiterLinks, RepeatedRepliesAreNobodysAnswer) {
  load_while([this] {
    for (int i = 0; i < 10; ++i) one_fault([&] { proxy.duplicate_replies(); });
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(proxy.faults_done(), 10u);
}

TEST_F(LimiterLinks, AnswersThatAreCutOffAreMadeUpFor) {
  load_while([this] {
    for (int i = 0; i < 10; ++i) {
      proxy.cut_replies(3, testing::CloseHow::kReset);
      std::this_thread::sleep_for(150ms);
    }
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(slow, 0);
}

TEST_F(LimiterLinks, AnswersThatComeLateAreNobodysAnswer) {
  load_while([this] {
    for (int i = 0; i < 3; ++i) {
      proxy.stall(true);
      std::this_thread::sleep_for(300ms);
      proxy.stall(false);
      std::this_thread::sleep_for(300ms);
    }
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(slow, 0);
  EXPECT_TRUE(testing::eventually([this] { return backing.fallback->mode() == Mode::kRedis; }, 2s));
}

}  // namespace
}  // namespace envoyou::links_test
