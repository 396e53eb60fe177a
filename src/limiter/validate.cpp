#include "limiter/validate.hpp"

#include "base/name.hpp"
#include "base/problems.hpp"

#include <algorithm>
#include <string>

namespace envoyou::limiter {

namespace {

constexpr std::size_t kMaxRuleNameBytes = 64;

std::string between(std::int64_t low, std::int64_t high, std::int64_t got) {
  return "must be between " + std::to_string(low) + " and " + std::to_string(high) + ", got " + std::to_string(got);
}

bool is_good_name(std::string_view name) {
  return name.size() <= kMaxRuleNameBytes && std::ranges::all_of(name, [](char c) { return c >= 0x20 && c <= 0x7e; });
}

bool is_good(const RateRule& rule) {
  return rule.limit >= 1 && rule.limit <= kMaxRateLimit && rule.window.count() >= 1 && rule.window <= kMaxRateWindow &&
         is_good_name(rule.name);
}

void tell(base::Problems& problems, const RateRule& rule, std::string_view prefix) {
  const auto field = [&](std::string_view name) { return std::string(prefix) + std::string(name); };
  if (rule.limit < 1 || rule.limit > kMaxRateLimit) {
    problems.add(field("limit"), between(1, kMaxRateLimit, rule.limit));
  }
  if (rule.window.count() < 1 || rule.window > kMaxRateWindow) {
    problems.add(field("window"), between(1, kMaxRateWindow.count(), rule.window.count()) + " ms");
  }
  problems.require(is_good_name(rule.name), field("name"), "must be at most 64 printable ASCII characters");
}

void tell(base::Problems& problems, std::span<const RateRule> rules) {
  if (rules.empty() || rules.size() > kMaxRulesPerCheck) {
    problems.add("rules", "must be " + std::to_string(1) + " to " + std::to_string(kMaxRulesPerCheck) + ", got " +
                              std::to_string(rules.size()));
    return;
  }
  if (rules.size() == 1) return tell(problems, rules[0], "");
  for (std::size_t i = 0; i < rules.size(); ++i) tell(problems, rules[i], "rules[" + std::to_string(i) + "].");
}

Error explain(std::string_view key, std::span<const RateRule> rules, std::int64_t cost) {
  base::Problems problems;
  tell(problems, rules);
  if (cost < 0 || cost > kMaxRateLimit) problems.add("cost", between(0, kMaxRateLimit, cost));
  const bool only_the_key = problems.empty();
  problems.require(!key.empty(), "key", "must not be empty");
  if (key.size() > kMaxRateKeyBytes) {
    problems.add("key",
                 "must be at most " + std::to_string(kMaxRateKeyBytes) + " bytes, got " + std::to_string(key.size()));
    if (only_the_key) return Error(Errc::kTooLarge, std::string(problems.result().error().message()));
  }
  return problems.result().error();
}

}  // namespace

Result<void> validate(std::string_view key, std::span<const RateRule> rules, std::int64_t cost) {
  const bool good = !key.empty() && key.size() <= kMaxRateKeyBytes && cost >= 0 && cost <= kMaxRateLimit &&
                    !rules.empty() && rules.size() <= kMaxRulesPerCheck && std::ranges::all_of(rules, is_good);
  if (good) return {};
  return explain(key, rules, cost);
}

Result<void> validate(const RateLimiterOptions& options) {
  base::Problems problems;
  problems.add(base::validate_prefix("prefix", options.prefix));
  if (options.decision_share < Milliseconds(1) || options.decision_share > Milliseconds(60'000)) {
    problems.add("decision_share", between(1, 60'000, options.decision_share.count()) + " ms");
  }
  problems.require(options.max_local_keys >= 1, "max_local_keys", "must be at least 1");
  if (options.max_local_bytes < kMinLocalBytes) {
    problems.add("max_local_bytes", "must be at least " + std::to_string(kMinLocalBytes) + ", got " +
                                        std::to_string(options.max_local_bytes));
  }
  return problems.result();
}

}  // namespace envoyou::limiter
