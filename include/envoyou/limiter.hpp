// May this caller go on? A rate limiter shared by every process that uses the same Redis and the same prefix.
//
// Algorithms (docs/limiter.md compares them and their worst cases): the exact sliding window log, in two forms of
// storage; the sliding window counter; GCRA, a token bucket; the fixed window; and concurrency, leases with a time to
// live. Each is one atomic round trip to Redis, whose own clock decides, and the same arithmetic in process. A denied
// request changes nothing and never extends a block.
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
#include <envoyou/limiter/live.hpp>
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

enum class Algorithm : std::uint8_t {
  kSlidingLog,      // never more than the limit in any window; remembers each admission
  kCompactLog,      // the same answers from a packed string: a fraction of the memory in Redis
  kSlidingCounter,  // two counts, the older one fading: below twice the limit in the worst window
  kGcra,            // a token bucket in one number: at most burst + limit in the worst window
  kFixedWindow,     // one count a window, aligned to the epoch: at most twice the limit in the worst window
  kConcurrency,     // leases that live for `window` unless they are released (RateLimiter::acquire)
};

std::string_view to_string(Algorithm algorithm) noexcept;  // "sliding_log", …, as in policies
std::optional<Algorithm> algorithm_named(std::string_view name) noexcept;

// At most `limit` units in a `window`. Rules of one key that have algorithm and window in common share their count.
struct RateRule {
  std::int64_t limit = 0;  // 1 to kMaxRateLimit
  Milliseconds window{0};  // 1 ms to kMaxRateWindow; of concurrency: how long a lease lives
  std::string name = {};   // in headers: printable ASCII, at most 64; empty: "default", "default2", …
  Algorithm algorithm = Algorithm::kSlidingLog;
  // GCRA only: what may come at once, 1 to kMaxRateLimit; 0: as much as the limit. `limit` a window is the rate.
  std::int64_t burst = 0;

  // What may be taken at most at one moment.
  std::int64_t capacity() const noexcept { return algorithm == Algorithm::kGcra && burst > 0 ? burst : limit; }
  friend bool operator==(const RateRule&, const RateRule&) = default;
};

inline constexpr std::int64_t kMaxRateLimit = std::int64_t{1} << 31;
inline constexpr Milliseconds kMaxRateWindow = std::chrono::hours(24 * 366);
inline constexpr std::size_t kMaxRulesPerCheck = 8;
inline constexpr std::size_t kMaxRateKeyBytes = 1024;
inline constexpr std::size_t kMaxLeaseIdBytes = 128;

inline constexpr std::size_t kMaxRequestIdBytes = 128;
inline constexpr std::size_t kMaxQuestionsPerBatch = 256;

struct CheckOptions {
  std::int64_t cost = 1;  // 0 to kMaxRateLimit; 0 asks and takes nothing; more than the limit: never admitted
  std::optional<Deadline> deadline = std::nullopt;  // the request's; the limiter uses at most `decision_share` of it
  // Names the request, at most kMaxRequestIdBytes: asked again under the same id and key within the longest window it
  // is admitted again and takes nothing, so that a retry after an answer that was lost counts once. Empty: none.
  std::string_view request_id = {};
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
    bool denied = false;  // this rule would not have it
  };
  std::vector<RuleState> rules;  // one a rule, in the order of the check

  // RateLimit, RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11), and Retry-After when denied. Seconds are
  // rounded up.
  std::vector<std::pair<std::string, std::string>> headers() const;
};

// One question of a batch.
struct RateQuestion {
  std::string_view key;
  std::span<const RateRule> rules;
  std::int64_t cost = 1;
};

struct RateLimiterOptions {
  std::string prefix = "envoyou:ratelimit";
  SecretRing secrets = {};               // with one, keys are stored as HMACs; without, readable
  Milliseconds decision_share{20};       // the most that one decision waits for Redis
  std::size_t max_local_keys = 100'000;  // of the stand-in; when full, the keys that matter least go first
  std::size_t max_local_bytes = 64u << 20;
  // Lets block() work. All processes of a prefix must agree: who does not heed blocks admits a blocked key. Costs Redis
  // one more lookup a decision.
  bool heed_blocks = false;
  bool live_view = true;  // count for live(); false saves some 50 ns a decision in process
};

class RateLimiter {
 public:
  // Errors: kInvalidArgument (prefix, share, bounds).
  static Result<std::unique_ptr<RateLimiter>> open(RateLimiterOptions options, Backing backing);
  ~RateLimiter();

  // Asks for `options.cost` units under `key`, all rules or none. Errors: kInvalidArgument, kTooLarge (key), kForked.
  // The same for all verbs below.
  Result<Decision> check(std::string_view key, const RateRule& rule, CheckOptions options = {});
  Result<Decision> check(std::string_view key, std::span<const RateRule> rules, CheckOptions options = {});
  // The same answer; nothing changes.
  Result<Decision> peek(std::string_view key, const RateRule& rule, CheckOptions options = {});
  Result<Decision> peek(std::string_view key, std::span<const RateRule> rules, CheckOptions options = {});
  // Forgets the key, under every rule that was ever checked for it with this set of windows.
  Result<Decision> reset(std::string_view key, const RateRule& rule, CheckOptions options = {});
  Result<Decision> reset(std::string_view key, std::span<const RateRule> rules, CheckOptions options = {});

  // Each question by itself, as check() in their order would answer them; to Redis in one trip a node. At most
  // kMaxQuestionsPerBatch. An error is of the whole batch; one that names a question is of "questions[i]".
  Result<std::vector<Decision>> check_batch(std::span<const RateQuestion> questions, CheckOptions options = {});
  // One request under questions of several keys (a user, an address, a tenant): all or nothing; the keys must differ.
  // One script on a single server. In a cluster, and in process, the keys are asked one after the other and what was
  // taken is given back on a denial: in between others see up to this request's cost less. The decision has all rules,
  // in order.
  Result<Decision> check_all(std::span<const RateQuestion> questions, CheckOptions options = {});

  // Takes options.cost units whatever the rules say: a penalty. `remaining` then is 0 for as long as it takes.
  Result<Decision> penalize(std::string_view key, std::span<const RateRule> rules, CheckOptions options = {});
  // Gives up to options.cost units back; with a request_id that request may be asked anew, and counts. While Redis is
  // away only this process knows of it.
  Result<Decision> reward(std::string_view key, std::span<const RateRule> rules, CheckOptions options = {});
  // Denies the key everything for `duration` (up to kMaxRateWindow), 0: no longer. REQUIRES: options.heed_blocks. While
  // Redis is away only this process knows of it.
  Result<void> block(std::string_view key, Milliseconds duration, CheckOptions options = {});

  // Concurrency: asks for a lease called `lease` (1 to kMaxLeaseIdBytes, best unique to the request) of options.cost
  // units, that lives for the rule's window. Asking again for a live one renews it at its first cost.
  Result<Decision> acquire(std::string_view key, std::string_view lease, std::span<const RateRule> rules,
                           CheckOptions options = {});
  // Ends the lease, whether or not it is (still) there.
  Result<Decision> release(std::string_view key, std::string_view lease, std::span<const RateRule> rules,
                           CheckOptions options = {});

  // What it has decided so far: docs/limiter-live.md. A policy is what a check named by its first rule; keys are shown
  // as they are stored in Redis, so hashed where there is a secret. For a few calls a second.
  LimiterLive live() const;

  // Who answers now: Redis; or, where one is configured and away, the stand-in. Neither: everything is in process.
  bool asks_redis() const noexcept;
  bool stands_in() const noexcept;

 private:
  struct Impl;
  explicit RateLimiter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace envoyou
