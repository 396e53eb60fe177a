#include "limiter/backend.hpp"

#include <algorithm>

namespace envoyou::limiter {

namespace {

// How many GCRA rules of the same window come before this one, by limit and burst: so the order in which rules are
// named does not matter.
std::uint8_t place_of(std::span<const RateRule> rules, std::size_t index) {
  const RateRule& rule = rules[index];
  std::uint8_t place = 0;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const RateRule& other = rules[i];
    if (i == index || other.algorithm != Algorithm::kGcra || other.window != rule.window) continue;
    const auto mine = std::pair(rule.limit, rule.capacity());
    const auto theirs = std::pair(other.limit, other.capacity());
    if (theirs < mine || (theirs == mine && i < index)) ++place;
  }
  return place;
}

}  // namespace

Request Request::of(std::string_view key, std::span<const RateRule> rules, std::int64_t cost) {
  Request made;
  made.become(key, rules, cost);
  return made;
}

void Request::become(std::string_view k, std::span<const RateRule> r, std::int64_t c) noexcept {
  key = k;
  rules = r;
  cost = c;
  meter_count = 0;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    MeterId id{rules[i].algorithm, 0, rules[i].window.count()};
    if (id.algorithm == Algorithm::kGcra && rules.size() > 1) id.place = place_of(rules, i);
    std::size_t meter = 0;
    while (meter < meter_count && meters[meter] != id) ++meter;
    meter_of_rule[i] = static_cast<std::uint8_t>(meter);
    if (meter < meter_count) continue;
    meters[meter] = id;
    rates[meter] = rules[i].limit;
    ++meter_count;
  }
}

Ms Request::widest_window() const noexcept {
  Ms widest = 0;
  for (const MeterId& each : meter_ids()) widest = std::max(widest, each.window);
  return widest;
}

Ms to_ms(TimePoint time) noexcept {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

}  // namespace envoyou::limiter
