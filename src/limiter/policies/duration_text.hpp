// Durations as people write them in a policy: digits and a unit, "500ms", "10s", "5m", "1h", "30d".
//
// Pure functions; thread-safe.
#pragma once

#include <envoyou/clock.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace envoyou::limiter::policies {

// nullopt: a sign, blanks, leading zeros, fractions, several units, or what does not fit.
std::optional<Milliseconds> parse_duration(std::string_view text) noexcept;

// In the largest unit that divides it. REQUIRES: not negative.
std::string duration_text(Milliseconds duration);

}  // namespace envoyou::limiter::policies
