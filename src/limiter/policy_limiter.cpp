#include <envoyou/limiter/policy_limiter.hpp>

#include "base/bytes.hpp"
#include "limiter/permits.hpp"

#include <envoyou/limiter/address.hpp>

#include <algorithm>

namespace envoyou {

namespace {

// When to come again to a policy that is shut while Redis is away: nobody knows how long that is.
constexpr Milliseconds kOutageRetry{1'000};

// Rules of one subject, and the key under which they count.
struct Group {
  std::string key;
  std::vector<RateRule> rules;
};

Error unknown(std::string_view field, std::string_view value) {
  return invalid_argument(field, "there is none called " + base::printable(value));
}

// The name of a policy stands in front, so that two policies do not count together.
std::string key_of(std::string_view policy, const Subject& subject) {
  std::string key;
  base::append_length_prefixed(key, policy);
  base::append_length_prefixed(key, subject.kind);
  if (subject.kind == "address") return key + rate_key_of(subject.value);
  return key.append(subject.value);
}

const Subject* subject_of(std::span<const Subject> caller, std::string_view kind) {
  const auto found = std::ranges::find_if(caller, [kind](const Subject& each) { return each.kind == kind; });
  return found != caller.end() ? &*found : nullptr;
}

Result<std::vector<Group>> groups_of(std::string_view policy, std::span<const PolicyRule> rules,
                                     std::span<const Subject> caller) {
  std::vector<Group> groups;
  for (const PolicyRule& each : rules) {
    const Subject* subject = subject_of(caller, each.subject);
    if (subject == nullptr) {
      return invalid_argument("caller", "has no " + base::printable(each.subject) + ", which a rule of the policy " +
                                            base::printable(policy) + " counts by");
    }
    std::string key = key_of(policy, *subject);
    auto group = std::ranges::find_if(groups, [&](const Group& known) { return known.key == key; });
    if (group == groups.end()) group = groups.insert(groups.end(), Group{std::move(key), {}});
    group->rules.push_back(each.rule);
    if (group->rules.back().name.empty()) group->rules.back().name = std::string(policy);
  }
  return groups;
}

void share_among(std::int64_t instances, std::vector<Group>& groups) {
  if (instances <= 1) return;
  for (Group& group : groups) {
    for (RateRule& rule : group.rules) {
      rule.limit = std::max<std::int64_t>(1, rule.limit / instances);
      if (rule.burst > 0) rule.burst = std::max<std::int64_t>(1, rule.burst / instances);
    }
  }
}

Decision by_list(bool allowed) {
  Decision made;
  made.allowed = allowed;
  made.source = Source::kLocal;
  if (!allowed) made.retry_after = std::nullopt;
  return made;
}

}  // namespace

struct PolicyLimiter::Impl {
  Impl(RateLimiter& l, RatePolicies p, std::shared_ptr<Clock> c)
      : limiter(l), book(std::move(p)), clock(std::move(c)) {}

  Result<Decision> ask(const std::vector<Group>& groups, const PolicyCheckOptions& options, std::int64_t cost) {
    const CheckOptions each{.cost = cost, .deadline = options.deadline, .request_id = options.request_id};
    if (groups.size() == 1) return limiter.check(groups[0].key, groups[0].rules, each);
    std::vector<RateQuestion> questions;
    questions.reserve(groups.size());
    for (const Group& group : groups) questions.push_back({group.key, group.rules, cost});
    return limiter.check_all(questions, each);
  }

  Result<Decision> ask_with_permits(const HotKeyLease& lease, const std::vector<Group>& groups,
                                    const PolicyCheckOptions& options) {
    const TimePoint now = clock->now();
    const Group& group = groups.front();
    const auto spent = permits.spend(group.key, options.cost, now);
    if (spent.outcome == limiter::Permits::Outcome::kSpent) return granted(group, spent.left);
    if (spent.outcome == limiter::Permits::Outcome::kAskAlone) return ask(groups, options, options.cost);
    auto taken = ask(groups, options, lease.units);
    if (taken && !taken->allowed) {
      permits.dry(group.key, now + lease.life);
      return ask(groups, options, options.cost);
    }
    if (taken) permits.put(group.key, lease.units - options.cost, now + lease.life);
    return taken;
  }

  static Decision granted(const Group& group, std::int64_t left) {
    Decision made;
    made.allowed = true;
    made.source = Source::kRedis;
    made.limit = group.rules.front().capacity();
    made.remaining = left;
    return made;
  }

  Result<Decision> decide(const RatePolicy& policy, std::vector<Group> groups, const PolicyCheckOptions& options) {
    const bool away = limiter.stands_in();
    if (away && policy.outage == OutageMode::kDeny) return shut();
    if (away) share_among(policy.instances, groups);
    // A request that has an id is asked for by itself, so that it counts once.
    const bool hot = policy.lease && groups.size() == 1 && options.request_id.empty() && options.cost > 0 &&
                     options.cost <= policy.lease->units && limiter.asks_redis();
    auto decision = hot ? ask_with_permits(*policy.lease, groups, options) : ask(groups, options, options.cost);
    if (!decision || !away || policy.outage == OutageMode::kLocal) return decision;
    decision->allowed = true;
    decision->retry_after = Milliseconds(0);
    return decision;
  }

  // Nothing is asked, so nothing is taken either.
  static Decision shut() {
    Decision made;
    made.retry_after = kOutageRetry;
    return made;
  }

  RateLimiter& limiter;
  PolicyBook book;
  const std::shared_ptr<Clock> clock;
  limiter::Permits permits{kMaxPermitKeys};
};

PolicyLimiter::PolicyLimiter(RateLimiter& limiter, RatePolicies policies, std::shared_ptr<Clock> clock)
    : impl_(std::make_unique<Impl>(limiter, std::move(policies), std::move(clock))) {}
PolicyLimiter::~PolicyLimiter() = default;

PolicyBook& PolicyLimiter::policies() noexcept { return impl_->book; }

Result<PolicyDecision> PolicyLimiter::check(std::string_view name, std::span<const Subject> caller,
                                            PolicyCheckOptions options) {
  const auto policies = impl_->book.current();
  const RatePolicy* policy = policies->find(name);
  if (policy == nullptr) return unknown("policy", name);
  const auto rules = rules_for(*policy, options.tier);
  if (!rules) return rules.error();
  PolicyDecision made;
  made.verdict = classify(*policy, caller);
  if (made.verdict == PolicyVerdict::kRulesApply) {
    auto groups = groups_of(name, *rules, caller);
    if (!groups) return groups.error();
    auto decision = impl_->decide(*policy, *std::move(groups), options);
    if (!decision) return decision.error();
    made.decision = *std::move(decision);
  } else {
    made.decision = by_list(made.verdict == PolicyVerdict::kAllowed);
  }
  made.shadow_denied = policy->shadow && !made.decision.allowed;
  if (made.shadow_denied) made.decision.allowed = true;
  return made;
}

}  // namespace envoyou
