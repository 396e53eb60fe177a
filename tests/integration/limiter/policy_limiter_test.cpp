// Goal: a policy's permits spare Redis and keep their bound; in an outage each policy does what it says. Method: real
// servers that are killed, and what Redis counted of its calls.
#include <envoyou/limiter/policy_limiter.hpp>

#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gtest/gtest.h>

#include <array>

namespace envoyou::policy_limiter_integration_test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::RedisServer;

constexpr std::string_view kPolicies = R"({"version": 1, "policies": {
  "hot": {"rules": [{"limit": 1000, "window": "1h"}], "lease": {"units": 100, "life": "30s"}},
  "open": {"rules": [{"limit": 3, "window": "1h"}], "outage": "allow"},
  "shut": {"rules": [{"limit": 3, "window": "1h"}], "outage": "deny"},
  "shared": {"rules": [{"limit": 9, "window": "1h"}], "instances": 3}}})";

struct Process {
  explicit Process(const RedisServer& redis) {
    BackingOptions options;
    options.redis = redis::parse_url(redis.url()).value();
    options.wait_for_first_answer = 2s;
    backing = open_backing(options).value();
    limiter = RateLimiter::open({.decision_share = 200ms}, backing).value();
    policies = std::make_unique<PolicyLimiter>(*limiter, RatePolicies::parse(kPolicies).value());
  }
  int admitted_of(int requests, std::string_view policy, std::string_view key) {
    const std::array caller{Subject{"key", key}};
    int sum = 0;
    for (int i = 0; i < requests; ++i) sum += policies->check(policy, caller).value().decision.allowed ? 1 : 0;
    return sum;
  }
  bool becomes(Mode mode) {
    return eventually([&] { return backing.fallback->mode() == mode; }, 5s);
  }

  Backing backing;
  std::unique_ptr<RateLimiter> limiter;
  std::unique_ptr<PolicyLimiter> policies;
};

TEST(LimiterPermits, SpareRedisMostQuestions) {
  auto redis = RedisServer::start();
  Process process(redis);
  EXPECT_EQ(process.admitted_of(900, "hot", "k"), 900);
  EXPECT_LE(redis.calls_of("evalsha"), 10) << "nine leases of a hundred, and one call for the script's text";
}

TEST(LimiterPermits, ManyProcessesNeverAdmitMoreThanTheLimitSinceLeasesAreCountedWhenTheyAreTaken) {
  auto redis = RedisServer::start();
  std::vector<std::unique_ptr<Process>> processes;
  for (int i = 0; i < 3; ++i) processes.push_back(std::make_unique<Process>(redis));
  int admitted = 0;
  for (int round = 0; round < 150; ++round) {
    for (auto& each : processes) admitted += each->admitted_of(10, "hot", "k");
  }
  EXPECT_EQ(admitted, 1'000);
}

TEST(LimiterPermits, WhatADeadProcessHeldIsLostAndNothingMore) {
  auto redis = RedisServer::start();
  {
    Process dies(redis);
    EXPECT_EQ(dies.admitted_of(1, "hot", "k"), 1);
  }
  Process lives(redis);
  EXPECT_EQ(lives.admitted_of(1'200, "hot", "k"), 900);
}

TEST(PolicyOutage, EachPolicyDoesWhatItSays) {
  auto redis = RedisServer::start();
  Process process(redis);
  for (const char* policy : {"open", "shut", "shared"}) EXPECT_EQ(process.admitted_of(1, policy, "k"), 1);
  redis.stop();
  ASSERT_TRUE(process.becomes(Mode::kLocal));
  EXPECT_EQ(process.admitted_of(10, "open", "k"), 10);
  EXPECT_EQ(process.admitted_of(10, "shut", "k"), 0);
  const std::array caller{Subject{"key", "k"}};
  EXPECT_EQ(process.policies->check("shut", caller)->decision.retry_after, Milliseconds(1'000));
  EXPECT_EQ(process.admitted_of(10, "shared", "k"), 2) << "a third of nine, of which one was taken before";
}

}  // namespace
}  // namespace envoyou::policy_limiter_integration_test
