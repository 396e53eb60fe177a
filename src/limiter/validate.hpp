// What a caller may ask for. Every problem of one question is told at once, with the field's name; never the key's
// content. Pure functions; thread-safe.
#pragma once

#include <envoyou/limiter.hpp>

namespace envoyou::limiter {

// Errors: kInvalidArgument; kTooLarge for a key that is over-long and has no other fault beside it.
Result<void> validate(std::string_view key, std::span<const RateRule> rules, std::int64_t cost);
Result<void> validate(const RateLimiterOptions& options);

// Fewest bytes that the stand-in can work with.
inline constexpr std::size_t kMinLocalBytes = 64u << 10;

}  // namespace envoyou::limiter
