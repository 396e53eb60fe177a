// Checks callers by named policies (policy.hpp): lists, tiers, several subjects, shadow mode, what to do in an outage,
// and permits for hot keys. It stands on a RateLimiter, which may be used beside it.
//
//   PolicyLimiter limiter(services.limiter(), RatePolicies::parse_file("policies.json").value());
//   const std::array caller{Subject{"key", api_key}, Subject{"address", address}};
//   const auto decision = limiter.check("api", caller, {.tier = "pro"});
//
// What counts together: a policy, a subject and its value, an algorithm and a window. An address counts with its
// network (rate_key_of, IPv6 by /64). So policies that are reloaded go on with the counts that there are.
//
// In an outage a policy of OutageMode::kLocal with N instances lets each process go up to 1/N of each limit (1 at
// least), what it last heard of others included. So N processes admit at most the limit, or N where that is more,
// besides what Redis had admitted and they had not heard of; fewer where callers are not spread evenly. `instances` 0
// counts as 1: then each goes up to the whole. kAllow lets everybody through, and counts. kDeny denies without
// counting.
//
// Permits (HotKeyLease): `units` are taken from Redis at once, and while they last, at most for `life`, checks of that
// key are answered here without asking. They are counted when they are taken: N processes admit at most the limit and N
// x units over any window. Where so much is not left, checks ask for themselves until `life` has passed. Without Redis,
// and while it is away, there are none. A decision by permit has the permits that are left as its `remaining`, and no
// rules. A process that dies loses what it held, so the limit is stricter until the window has passed.
//
// Does not: reload by itself, or choose a policy. Thread-safe.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/limiter.hpp>
#include <envoyou/limiter/policy.hpp>

#include <memory>

namespace envoyou {

struct PolicyCheckOptions {
  std::string_view tier = {};  // of the caller; empty: the policy's default
  std::int64_t cost = 1;
  std::optional<Deadline> deadline = std::nullopt;
  std::string_view request_id = {};
};

struct PolicyDecision {
  Decision decision;
  PolicyVerdict verdict = PolicyVerdict::kRulesApply;
  // The policy only watches and would have denied: `decision.allowed` is true all the same.
  bool shadow_denied = false;
};

class PolicyLimiter {
 public:
  // Keys that hold permits at once; beyond it permits of others are given up.
  static constexpr std::size_t kMaxPermitKeys = 10'000;

  // REQUIRES: limiter outlives this.
  PolicyLimiter(RateLimiter& limiter, RatePolicies policies, std::shared_ptr<Clock> clock = system_clock());
  ~PolicyLimiter();

  PolicyBook& policies() noexcept;

  // `caller`: all its names, of which the policy uses those that its rules and lists speak of. Errors: kInvalidArgument
  // for a policy or tier that is not there, and for a subject that a rule needs and the caller does not have; and those
  // of RateLimiter::check.
  Result<PolicyDecision> check(std::string_view policy, std::span<const Subject> caller,
                               PolicyCheckOptions options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace envoyou
