#include "limiter/decision.hpp"

#include <algorithm>

namespace envoyou::limiter {

namespace {

// The longest wait of all rules; kNever if one of them will never admit it.
Ms longest_wait(const Request& request, const Answer& answer) {
  Ms longest = 0;
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    if (answer.retry_after[i] == kNever) return kNever;
    longest = std::max(longest, answer.retry_after[i]);
  }
  return longest;
}

}  // namespace

Decision to_decision(const Request& request, const Answer& answer, Source source) {
  Decision made;
  made.allowed = answer.allowed;
  made.source = source;
  made.rules.reserve(request.rules.size());
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    const RateRule& rule = request.rules[i];
    const MeterAnswer& meter = answer.meters[request.meter_of_rule[i]];
    const std::int64_t left = std::max<std::int64_t>(0, rule.capacity() - meter.used);
    const Milliseconds reset_after(meter.reset_after);
    if (i == 0 || left < made.remaining) {
      made.limit = rule.capacity();
      made.remaining = left;
    }
    made.reset_after = std::max(made.reset_after, reset_after);
    made.rules.push_back({rule, left, reset_after, answer.retry_after[i] != 0});
  }
  const Ms wait = longest_wait(request, answer);
  made.retry_after = wait == kNever ? std::nullopt : std::optional(Milliseconds(wait));
  return made;
}

}  // namespace envoyou::limiter
