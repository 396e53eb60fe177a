// What a server answers: the header fields and the body that tell a client about its quota.
//
//   RateLimit: "burst";r=0;t=7, "daily";r=912;t=3600
//   RateLimit-Policy: "burst";q=10;w=10, "daily";q=1000;w=86400
//   Retry-After: 7
//
// Does not: decide anything, set a status, or leave anything secret out; a partition key is sent as it is given.
// Sources: draft-ietf-httpapi-ratelimit-headers-11 (RateLimit, RateLimit-Policy, the problem types), -06 (the three
// fields before them), RFC 9651 (structured fields), RFC 9110 section 10.2.3 (Retry-After), RFC 9457 (problem details).
//
// Pure: the calendar time and the random number are arguments. Thread-safe.
#pragma once

#include <envoyou/limiter.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou {

// What the time in a field means: `t`, RateLimit-Reset and X-RateLimit-Reset alike.
enum class ResetMeaning : std::uint8_t {
  kWholeQuota,  // until the whole quota is back
  // Of a rule that denied: until the request would be admitted, if that is sooner. So Retry-After is never earlier than
  // the `t` of what denied, as the draft wishes; of a sliding window it is else, since the whole comes back later.
  kNextAdmission,
};

// What X-RateLimit-Reset counts. There is no standard; what others send differs.
enum class LegacyReset : std::uint8_t { kDeltaSeconds, kEpochSeconds };

inline constexpr std::size_t kMaxPartitionKeyBytes = 256;
inline constexpr Milliseconds kMaxRetryJitter = std::chrono::hours(1);

struct HeaderOptions {
  bool rate_limit = true;   // RateLimit and RateLimit-Policy, of all rules
  bool retry_after = true;  // Retry-After, when denied and waiting helps
  // Fields that know one rule alone: they tell of the one that leaves least, and of those the one that takes longest.
  bool draft_06 = false;      // RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset
  bool x_rate_limit = false;  // X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset
  LegacyReset x_reset = LegacyReset::kDeltaSeconds;
  WallTime now = {};  // used by LegacyReset::kEpochSeconds alone

  ResetMeaning reset = ResetMeaning::kWholeQuota;

  // Retry-After is lengthened by a random number of whole seconds, 0 to the larger of the two bounds inclusive, so that
  // those who were denied together do not come back together. It is never shortened. What is less than a second is
  // none.
  double retry_jitter_share = 0;  // of the wait, 0 to 1
  Milliseconds retry_jitter{0};   // 0 to kMaxRetryJitter
  std::uint64_t random = 0;       // any number, new for each response

  // Whose quota it is, as bytes (`pk`): a keyed hash, nothing that says who he is. Empty, or longer than
  // kMaxPartitionKeyBytes: left out.
  std::string partition_key = {};
};

// Seconds are rounded up, so that who waits as long as he is told is never too early. Numbers are capped at what
// RFC 9651 can hold. A decision without rules has no fields but Retry-After.
//
// A rule of concurrency has the unit "concurrent-requests" and no window. A GCRA rule with a burst is told as the quota
// that it is, its burst in the time that fills it: 600 a minute with a burst of 20 are q=20;w=2.
std::vector<std::pair<std::string, std::string>> rate_limit_headers(const Decision& decision,
                                                                    const HeaderOptions& options = {});

// The names of the rules that denied, as the fields name them. Empty when the decision is to allow.
std::vector<std::string> violated_policies(const Decision& decision);

inline constexpr std::string_view kProblemContentType = "application/problem+json";

struct ProblemOptions {
  // What this process decides alone it decides under a reduced share of the limit, and what it denies then is not the
  // client's excess but our lack: "temporary-reduced-capacity" instead of "quota-exceeded".
  bool reduced_share = false;
  std::string instance = {};  // a URI of this occurrence; empty: none
};

// 429 Too Many Requests, or 503 Service Unavailable where the denial is our lack. 200 when allowed.
int rate_limit_status(const Decision& decision, const ProblemOptions& options = {}) noexcept;

// The body of a denial, a JSON object: type, title, status, detail, instance, violated-policies, and retry_after_ms,
// which is exact and absent where waiting does not help. REQUIRES: !decision.allowed
std::string rate_limit_problem(const Decision& decision, const ProblemOptions& options = {});

}  // namespace envoyou
