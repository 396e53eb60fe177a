#include "limiter/backend.hpp"

#include <algorithm>

namespace envoyou::limiter {

Request Request::of(std::string_view key, std::span<const RateRule> rules, std::int64_t cost) {
  Request made;
  made.key = key;
  made.rules = rules;
  made.cost = cost;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto begin = made.windows.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(made.log_count);
    const auto found = std::find(begin, end, rules[i].window.count());
    made.log_of_rule[i] = static_cast<std::uint8_t>(found - begin);
    if (found == end) made.windows[made.log_count++] = rules[i].window.count();
  }
  return made;
}

Ms to_ms(TimePoint time) noexcept {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

}  // namespace envoyou::limiter
