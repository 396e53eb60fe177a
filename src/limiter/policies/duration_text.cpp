#include "limiter/policies/duration_text.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace envoyou::limiter::policies {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

constexpr std::array<Unit, 5> kUnits{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

}  // namespace

std::optional<Milliseconds> parse_duration(std::string_view text) noexcept {
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, end);
  const auto unit = std::ranges::find(kUnits, text.substr(end), &Unit::name);
  const auto number = base::parse_int64(digits);
  if (!number || unit == kUnits.end() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  if (*number > std::numeric_limits<std::int64_t>::max() / unit->milliseconds) return std::nullopt;
  return Milliseconds(*number * unit->milliseconds);
}

std::string duration_text(Milliseconds duration) {
  if (duration.count() == 0) return "0s";
  const auto unit =
      std::ranges::find_if(kUnits, [&](const Unit& each) { return duration.count() % each.milliseconds == 0; });
  return std::to_string(duration.count() / unit->milliseconds) + std::string(unit->name);
}

}  // namespace envoyou::limiter::policies
