#include <envoyou/limiter/policy.hpp>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "limiter/policies/faults.hpp"
#include "limiter/policies/place.hpp"
#include "limiter/policies/reader.hpp"
#include "limiter/policies/small_file.hpp"

#include <algorithm>
#include <utility>

namespace envoyou {

std::string_view to_string(OutageMode mode) noexcept {
  switch (mode) {
    case OutageMode::kLocal: return "local";
    case OutageMode::kAllow: return "allow";
    case OutageMode::kDeny: return "deny";
  }
  return "unknown";
}

std::string_view to_string(PolicyVerdict verdict) noexcept {
  switch (verdict) {
    case PolicyVerdict::kRulesApply: return "rules_apply";
    case PolicyVerdict::kAllowed: return "allowed";
    case PolicyVerdict::kDenied: return "denied";
  }
  return "unknown";
}

// --- One policy

namespace {

bool is_listed(const SubjectList& list, std::span<const Subject> caller) {
  if (list.empty()) return false;
  return std::ranges::any_of(caller, [&](const Subject& each) { return list.contains(each.kind, each.value); });
}

Error no_such_tier(const RatePolicy& policy, std::string_view tier) {
  std::string known;
  for (const auto& [name, rules] : policy.tiers) known += (known.empty() ? "" : ", ") + base::printable(name);
  const std::string what = known.empty() ? "has no tiers" : "has the tiers " + known;
  return invalid_argument("tier",
                          "policy " + base::printable(policy.name) + " " + what + ", got " + base::printable(tier));
}

}  // namespace

PolicyVerdict classify(const RatePolicy& policy, std::span<const Subject> caller) {
  if (is_listed(policy.deny, caller)) return PolicyVerdict::kDenied;
  return is_listed(policy.allow, caller) ? PolicyVerdict::kAllowed : PolicyVerdict::kRulesApply;
}

Result<std::span<const PolicyRule>> rules_for(const RatePolicy& policy, std::string_view tier) {
  const std::string_view wanted = tier.empty() ? policy.default_tier : tier;
  if (wanted.empty()) return std::span<const PolicyRule>(policy.rules);
  const auto found = policy.tiers.find(wanted);
  if (found == policy.tiers.end()) return no_such_tier(policy, wanted);
  return std::span<const PolicyRule>(found->second);
}

// --- A set of them

RatePolicies::RatePolicies(ByName policies) : policies_(std::move(policies)), version_(base::hash64(to_json())) {}

Result<RatePolicies> RatePolicies::parse(std::string_view json) {
  auto policies = limiter::policies::read_policies(json);
  if (!policies) return policies.error();
  return RatePolicies(std::move(*policies));
}

Result<RatePolicies> RatePolicies::parse_file(const std::string& path) {
  const auto text = limiter::policies::read_small_file(path, kMaxPoliciesBytes);
  if (!text) return text.error();
  auto policies = parse(*text);
  if (policies) return policies;
  return Error(policies.error().code(), base::printable(path) + ": " + std::string(policies.error().message()));
}

Result<RatePolicies> RatePolicies::of(const std::vector<RatePolicy>& policies) {
  limiter::policies::Faults faults;
  limiter::policies::PolicyMap by_name;
  for (const RatePolicy& policy : policies) {
    const bool is_new = by_name.emplace(policy.name, policy).second;
    if (!is_new) faults.add(limiter::policies::place_of_member("policies", policy.name), "stands there twice");
  }
  if (!faults.empty()) return faults.result().error();
  // Through the reader, so that there is one place that knows what is good.
  return parse(limiter::policies::write_policies(by_name));
}

const RatePolicy* RatePolicies::find(std::string_view name) const noexcept {
  const auto found = policies_.find(name);
  return found == policies_.end() ? nullptr : &found->second;
}

std::vector<std::string> RatePolicies::names() const {
  std::vector<std::string> all;
  all.reserve(policies_.size());
  for (const auto& [name, policy] : policies_) all.push_back(name);
  return all;
}

std::string RatePolicies::to_json() const { return limiter::policies::write_policies(policies_); }

// --- The set in force

PolicyBook::PolicyBook(RatePolicies policies) : current_(std::make_shared<const RatePolicies>(std::move(policies))) {}

std::shared_ptr<const RatePolicies> PolicyBook::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

PolicyBook::Outcome PolicyBook::replace(RatePolicies policies) {
  auto next = std::make_shared<const RatePolicies>(std::move(policies));
  const std::lock_guard lock(mutex_);
  if (next->version() == current_->version()) return Outcome::kUnchanged;
  current_.swap(next);  // what was in force, if nobody holds it, goes after the lock
  generation_.fetch_add(1, std::memory_order_release);
  return Outcome::kReplaced;
}

Result<PolicyBook::Outcome> PolicyBook::reload_file(const std::string& path) {
  const std::lock_guard lock(reload_mutex_);
  auto policies = RatePolicies::parse_file(path);
  if (!policies) return policies.error();
  return replace(std::move(*policies));
}

}  // namespace envoyou
