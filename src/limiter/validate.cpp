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

// A burst must be back within the longest window, so that times stay in their bounds.
bool is_good_burst(const RateRule& rule) {
  if (rule.burst == 0) return true;
  if (rule.algorithm != Algorithm::kGcra || rule.burst < 0 || rule.burst > kMaxRateLimit) return false;
  const auto window = static_cast<double>(rule.window.count());
  return static_cast<double>(rule.burst) * window / static_cast<double>(rule.limit) <=
         static_cast<double>(kMaxRateWindow.count());
}

bool is_good(const RateRule& rule) {
  return rule.limit >= 1 && rule.limit <= kMaxRateLimit && rule.window.count() >= 1 && rule.window <= kMaxRateWindow &&
         rule.algorithm <= Algorithm::kConcurrency && is_good_burst(rule) && is_good_name(rule.name);
}

bool serves(const RateRule& rule, Purpose purpose) {
  return (rule.algorithm == Algorithm::kConcurrency) == (purpose == Purpose::kLease);
}

void tell(base::Problems& problems, const RateRule& rule, std::string_view prefix) {
  const auto field = [&](std::string_view name) { return std::string(prefix) + std::string(name); };
  if (rule.limit < 1 || rule.limit > kMaxRateLimit) {
    problems.add(field("limit"), between(1, kMaxRateLimit, rule.limit));
  }
  if (rule.window.count() < 1 || rule.window > kMaxRateWindow) {
    problems.add(field("window"), between(1, kMaxRateWindow.count(), rule.window.count()) + " ms");
  }
  if (rule.algorithm > Algorithm::kConcurrency) {
    problems.add(field("algorithm"), "is none: " + std::to_string(static_cast<int>(rule.algorithm)));
  }
  if (rule.burst != 0 && rule.algorithm != Algorithm::kGcra) {
    problems.add(field("burst"), "is of gcra only, the algorithm is " + std::string(to_string(rule.algorithm)));
  } else if (rule.burst < 0 || rule.burst > kMaxRateLimit) {
    problems.add(field("burst"), between(0, kMaxRateLimit, rule.burst));
  } else if (rule.limit >= 1 && !is_good_burst(rule)) {
    problems.add(field("burst"), "takes longer than 366 days to be back, got " + std::to_string(rule.burst));
  }
  problems.require(is_good_name(rule.name), field("name"), "must be at most 64 printable ASCII characters");
}

void tell(base::Problems& problems, const RateRule& rule, std::string_view prefix, Purpose purpose) {
  tell(problems, rule, prefix);
  if (rule.algorithm > Algorithm::kConcurrency || serves(rule, purpose)) return;
  problems.add(std::string(prefix) + "algorithm",
               purpose == Purpose::kRate ? "concurrency gives leases: ask with acquire()"
                                         : "must be concurrency, got " + std::string(to_string(rule.algorithm)));
}

void tell(base::Problems& problems, std::span<const RateRule> rules, Purpose purpose) {
  if (rules.empty() || rules.size() > kMaxRulesPerCheck) {
    problems.add("rules", "must be " + std::to_string(1) + " to " + std::to_string(kMaxRulesPerCheck) + ", got " +
                              std::to_string(rules.size()));
    return;
  }
  if (rules.size() == 1) return tell(problems, rules[0], "", purpose);
  for (std::size_t i = 0; i < rules.size(); ++i) tell(problems, rules[i], "rules[" + std::to_string(i) + "].", purpose);
}

Error explain(std::string_view key, std::span<const RateRule> rules, std::int64_t cost, Purpose purpose) {
  base::Problems problems;
  tell(problems, rules, purpose);
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

Result<void> validate(std::string_view key, std::span<const RateRule> rules, std::int64_t cost, Purpose purpose) {
  const auto fits = [purpose](const RateRule& rule) { return is_good(rule) && serves(rule, purpose); };
  const bool good = !key.empty() && key.size() <= kMaxRateKeyBytes && cost >= 0 && cost <= kMaxRateLimit &&
                    !rules.empty() && rules.size() <= kMaxRulesPerCheck && std::ranges::all_of(rules, fits);
  if (good) return {};
  return explain(key, rules, cost, purpose);
}

Result<void> validate(const RateRule& rule, std::string_view prefix) {
  base::Problems problems;
  tell(problems, rule, prefix);
  return problems.result();
}

Result<void> validate_id(std::string_view field, std::string_view id, std::size_t most, bool may_be_empty) {
  if (id.empty() && !may_be_empty) return invalid_argument(field, "must not be empty");
  if (id.size() <= most) return {};
  return invalid_argument(field,
                          "must be at most " + std::to_string(most) + " bytes, got " + std::to_string(id.size()));
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
