// Goal: a policy decides by its lists, tiers and subjects; what it counts survives a reload; one that only watches lets
// through and says so. Method: in process, by a manual clock.
#include <envoyou/limiter/policy_limiter.hpp>
#include <envoyou/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <array>

namespace envoyou::policy_limiter_test {
namespace {

constexpr std::string_view kPolicies = R"({"version": 1, "policies": {
  "api": {"rules": [{"limit": 2, "window": "60s"}],
          "tiers": {"pro": [{"limit": 5, "window": "60s"}]},
          "allow": {"key": ["friend"]}, "deny": {"address": ["203.0.113.0/24"]}},
  "login": {"rules": [{"limit": 3, "window": "60s", "subject": "key"},
                      {"limit": 2, "window": "60s", "subject": "address"}]},
  "watched": {"rules": [{"limit": 1, "window": "60s"}], "shadow": true}}})";

class PolicyLimiterTest : public ::testing::Test {
 protected:
  PolicyLimiterTest() {
    runtime_.clock = clock_;
    limiter_ = RateLimiter::open({}, in_process_backing(runtime_)).value();
    policies_ = std::make_unique<PolicyLimiter>(*limiter_, RatePolicies::parse(kPolicies).value(), clock_);
  }
  Result<PolicyDecision> ask(std::string_view policy, std::string_view key, std::string_view address = "192.0.2.1",
                             std::string_view tier = {}) {
    const std::array caller{Subject{"key", key}, Subject{"address", address}};
    return policies_->check(policy, caller, {.tier = tier});
  }
  bool allows(std::string_view policy, std::string_view key, std::string_view address = "192.0.2.1",
              std::string_view tier = {}) {
    return ask(policy, key, address, tier).value().decision.allowed;
  }

  std::shared_ptr<testing::ManualClock> clock_ = std::make_shared<testing::ManualClock>();
  Runtime runtime_;
  std::unique_ptr<RateLimiter> limiter_;
  std::unique_ptr<PolicyLimiter> policies_;
};

TEST_F(PolicyLimiterTest, TheRulesOfTheCallersTierApply) {
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(allows("api", "a"));
  EXPECT_FALSE(allows("api", "a"));
  EXPECT_TRUE(allows("api", "a", "192.0.2.1", "pro")) << "who pays more goes on with the same count";
  EXPECT_TRUE(allows("api", "b"));
  EXPECT_FALSE(ask("api", "a", "192.0.2.1", "gold"));
}

TEST_F(PolicyLimiterTest, ListsDecideBeforeRules) {
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(allows("api", "friend"));
  const auto shut_out = ask("api", "friend", "203.0.113.9").value();
  EXPECT_EQ(shut_out.verdict, PolicyVerdict::kDenied);
  EXPECT_FALSE(shut_out.decision.allowed);
  EXPECT_FALSE(shut_out.decision.retry_after) << "waiting does not help";
}

TEST_F(PolicyLimiterTest, EverySubjectOfARequestCountsOrNone) {
  EXPECT_TRUE(allows("login", "a"));
  EXPECT_TRUE(allows("login", "b"));
  EXPECT_FALSE(allows("login", "c")) << "the address is spent";
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(allows("login", "c", "192.0.2." + std::to_string(10 + i))) << i;
  EXPECT_FALSE(allows("login", "c", "192.0.2.20")) << "the key is spent";
}

TEST_F(PolicyLimiterTest, AddressesCountWithTheirNetwork) {
  EXPECT_TRUE(allows("login", "a", "2001:db8::1"));
  EXPECT_TRUE(allows("login", "b", "2001:db8::2"));
  EXPECT_FALSE(allows("login", "c", "2001:db8::ffff"));
}

TEST_F(PolicyLimiterTest, PoliciesDoNotCountTogether) {
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(allows("api", "a"));
  EXPECT_TRUE(allows("login", "a"));
}

TEST_F(PolicyLimiterTest, OneThatOnlyWatchesLetsThroughAndSaysSo) {
  EXPECT_FALSE(ask("watched", "a").value().shadow_denied);
  const auto second = ask("watched", "a").value();
  EXPECT_TRUE(second.decision.allowed);
  EXPECT_TRUE(second.shadow_denied);
}

TEST_F(PolicyLimiterTest, AReloadKeepsTheCounts) {
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(allows("api", "a"));
  policies_->policies().replace(
      RatePolicies::parse(R"({"version": 1, "policies": {"api": {"rules": [{"limit": 3, "window": "60s"}]}}})")
          .value());
  EXPECT_TRUE(allows("api", "a"));
  EXPECT_FALSE(allows("api", "a"));
}

TEST_F(PolicyLimiterTest, WhatIsMissingIsToldByName) {
  EXPECT_EQ(ask("nowhere", "a").error().message(), "policy: there is none called \"nowhere\"");
  const std::array caller{Subject{"key", "a"}};
  EXPECT_EQ(policies_->check("login", caller).error().message(),
            "caller: has no \"address\", which a rule of the policy \"login\" counts by");
}

}  // namespace
}  // namespace envoyou::policy_limiter_test
