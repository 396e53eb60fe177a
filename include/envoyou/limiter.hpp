// May this caller go on? A rate limiter shared by every process that uses the same Redis and the same prefix.
//
// Algorithm: the exact sliding window log. An admission at `s` counts until `s + window`; for every moment the cost
// admitted in the window before it never exceeds the limit (docs/limiter.md compares the algorithms). One atomic round
// trip to Redis, whose own clock decides. A denied request changes nothing and never extends a block.
//
// While Redis is away this process decides from its own memory: from what it last knew of the key (a spent limit stays
// spent), plus what it admits itself, which is carried over to Redis when it is back. docs/guarantees.md states the
// bounds.
//
// Does not: queue or delay callers; promise an order between keys.
//
// Thread-safe. Being denied is not an error, and neither is Redis being away (see Decision::source).
#pragma once

#include <envoyou/backing.hpp>
#include <envoyou/deadline.hpp>
#include <envoyou/result.hpp>
#include <envoyou/secret.hpp>
#include <envoyou/source.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou {

// At most `limit` units in any `window`.
struct RateRule {
  std::int64_t limit = 0;  // 1 to kMaxRateLimit
  Milliseconds window{0};  // 1 ms to kMaxRateWindow
  std::string name = {};   // in headers: printable ASCII, at most 64; empty: "default", "default2", …

  friend bool operator==(const RateRule&, const RateRule&) = default;
};

inline constexpr std::int64_t kMaxRateLimit = 10'000'000;
inline constexpr Milliseconds kMaxRateWindow = std::chrono::hours(24 * 366);
inline constexpr std::size_t kMaxRulesPerCheck = 8;
inline constexpr std::size_t kMaxRateKeyBytes = 1024;

struct CheckOptions {
  std::int64_t cost = 1;  // 0 to kMaxRateLimit; 0 asks and takes nothing; more than the limit: never admitted
  std::optional<Deadline> deadline = std::nullopt;  // the request's; the limiter uses at most `decision_share` of it
};

struct Decision {
  bool allowed = false;
  std::int64_t limit = 0;      // of the rule that leaves least
  std::int64_t remaining = 0;  // after this request if admitted, else now; never negative
  // 0 when allowed; else the least wait after which the same cost would be admitted if nobody else asks. nullopt:
  // never.
  std::optional<Milliseconds> retry_after = Milliseconds(0);
  Milliseconds reset_after{0};  // until the whole quota is back
  Source source = Source::kLocal;

  struct RuleState {
    RateRule rule;
    std::int64_t remaining = 0;
    Milliseconds reset_after{0};
  };
  std::vector<RuleState> rules;  // one a rule, in the order of the check

  // RateLimit, RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11), and Retry-After when denied. Seconds are
  // rounded up.
  std::vector<std::pair<std::string, std::string>> headers() const;
};

struct RateLimiterOptions {
  std::string prefix = "envoyou:ratelimit";
  SecretRing secrets = {};               // with one, keys are stored as HMACs; without, readable
  Milliseconds decision_share{20};       // the most that one decision waits for Redis
  std::size_t max_local_keys = 100'000;  // of the stand-in; when full, the keys that matter least go first
  std::size_t max_local_bytes = 64u << 20;
};

class RateLimiter {
 public:
  // Errors: kInvalidArgument (prefix, share, bounds).
  static Result<std::unique_ptr<RateLimiter>> open(RateLimiterOptions options, Backing backing);
  ~RateLimiter();

  // Asks for `options.cost` units under `key`, all rules or none. Errors: kInvalidArgument, kTooLarge (key), kForked.
  Result<Decision> check(std::string_view key, const RateRule& rule, CheckOptions options = {});
  Result<Decision> check(std::string_view key, std::span<const RateRule> rules, CheckOptions options = {});
  // The same answer; nothing changes.
  Result<Decision> peek(std::string_view key, const RateRule& rule, CheckOptions options = {});
  Result<Decision> peek(std::string_view key, std::span<const RateRule> rules, CheckOptions options = {});
  // Forgets the key, under every rule that was ever checked for it with this set of windows.
  Result<Decision> reset(std::string_view key, const RateRule& rule, CheckOptions options = {});
  Result<Decision> reset(std::string_view key, std::span<const RateRule> rules, CheckOptions options = {});

 private:
  struct Impl;
  explicit RateLimiter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace envoyou
