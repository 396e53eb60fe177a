// What a caller may ask for. Every problem of one question is told at once, with the field's name; never the key's
// content. Pure functions; thread-safe.
#pragma once

#include <envoyou/limiter.hpp>

namespace envoyou::limiter {

// What rules are asked for: permission, or leases, which only those of concurrency give.
enum class Purpose : std::uint8_t { kRate, kLease };

// Errors: kInvalidArgument; kTooLarge for a key that is over-long and has no other fault beside it.
Result<void> validate(std::string_view key, std::span<const RateRule> rules, std::int64_t cost,
                      Purpose purpose = Purpose::kRate);
// A rule by itself. `prefix` stands before the names of its fields.
Result<void> validate(const RateRule& rule, std::string_view prefix = {});
// 1 (or 0 where it `may_be_empty`) to `most` bytes.
Result<void> validate_id(std::string_view field, std::string_view id, std::size_t most, bool may_be_empty);
Result<void> validate(const RateLimiterOptions& options);

// Fewest bytes that the stand-in can work with.
inline constexpr std::size_t kMinLocalBytes = 64u << 10;

}  // namespace envoyou::limiter
