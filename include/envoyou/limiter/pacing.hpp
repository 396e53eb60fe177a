// The other side: a client that reads what a server tells of its quota, and paces itself by it.
//
//   const auto hints = envoyou::read_rate_hints(response.headers, clock.wall_now());
//   pacer.answered(hints, clock.now());
//   …
//   sleep_for(pacer.wait(clock.now()));
//   pacer.sent(clock.now());
//
// Does not: send, sleep, retry, or know one server from another: a Pacer is for one server and one identity there.
// What a server tells is a hint and no promise, so a pacer may be wrong, and never waits longer than its bounds.
// Sources: draft-ietf-httpapi-ratelimit-headers-11, and its revisions -06 and -07, which are in use; RFC 9651
// (structured fields); RFC 9110 sections 5.6.7 and 10.2.3 (HTTP-date, Retry-After).
//
// Pure: time is an argument. Values and Pacer are thread-compatible.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/result.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou {

// What a server told of one quota. What it did not tell is empty.
struct QuotaHint {
  std::string name = {};  // of the policy; empty in the fields that know only one
  std::optional<std::int64_t> quota = std::nullopt;
  std::optional<std::int64_t> remaining = std::nullopt;
  std::optional<std::chrono::seconds> window = std::nullopt;
  std::optional<std::chrono::seconds> reset = std::nullopt;  // from when the response was made
  std::string unit = "requests";

  friend bool operator==(const QuotaHint&, const QuotaHint&) = default;
};

inline constexpr std::size_t kMaxRateFieldBytes = 8192;
inline constexpr std::size_t kMaxRateFieldItems = 32;
inline constexpr std::size_t kMaxRateFieldParameters = 32;  // of one item

// The values of header fields, the lines of one field joined by ", ". Parsed as RFC 9651 says: wholly or not at all; of
// a parameter or a member that is there twice the last counts; parameters that are not known are passed over. Times are
// capped at ten years.
// Errors: kInvalidArgument, with field and byte.

// RateLimit: `"burst";r=5;t=7` (-11; a token as name, as in -08, is taken), or `limit=100, remaining=50, reset=30`
// (-07), which is one hint without name. Not empty; r is required, and of -07 all three.
Result<std::vector<QuotaHint>> parse_rate_limit(std::string_view value);
// RateLimit-Policy: `"burst";q=100;w=60` (-11), or `100;w=60` (-07), whose hints have no name. Not empty; q is
// required.
Result<std::vector<QuotaHint>> parse_rate_limit_policy(std::string_view value);
// The three fields of `prefix`, "RateLimit-" (-06) or "X-RateLimit-"; empty: absent, which only Remaining must not be.
// Reset is in seconds from now; from 10^9 on, since no window is 31 years long, it is the calendar time in seconds, and
// from 10^11 on in milliseconds. Of a Limit with policies behind it (`100, 100;w=60`) the first number counts.
Result<QuotaHint> parse_rate_limit_trio(std::string_view prefix, std::string_view limit, std::string_view remaining,
                                        std::string_view reset, WallTime server_now);
// Retry-After: seconds or an HTTP-date in any of its three forms. What has passed is 0.
Result<std::chrono::seconds> parse_retry_after(std::string_view value, WallTime server_now);
// RFC 9110 section 5.6.7. A year of two digits is taken for the one within 50 years of `now`, or else the past one.
Result<WallTime> parse_http_date(std::string_view field, std::string_view value, WallTime now);

// All that a response tells.
struct RateHints {
  std::vector<QuotaHint> quotas = {};
  std::optional<std::chrono::seconds> retry_after = std::nullopt;
  std::vector<Error> ignored = {};  // fields that are malformed: the draft says to ignore them
};

// Reads all fields of a response, their names in any case. RateLimit is preferred to the three fields of -06, and those
// to X-RateLimit; quotas and windows come from RateLimit-Policy, by name. Times of the calendar are compared with the
// response's Date if it has one, else with `now`, so that no two clocks need agree. A response from a cache (Age over
// 0) tells nothing of quotas.
RateHints read_rate_hints(std::span<const std::pair<std::string, std::string>> headers, WallTime now);

struct PacerOptions {
  // Below this share of the quota what is left is spread over the time until it is back; from it on, nothing waits.
  // 0: never spread, run until it is spent and wait then. 1: always. Of a sliding window about this share stays unused.
  double spread_below = 0.25;
  Milliseconds max_wait{600'000};           // for a quota, 0 to kMaxPacerWait; after it the server is asked anew
  Milliseconds max_retry_after{3'600'000};  // for Retry-After, likewise
};

inline constexpr Milliseconds kMaxPacerWait = std::chrono::hours(24);
inline constexpr std::size_t kMaxPacedQuotas = 32;

class Pacer {
 public:
  // Errors: kInvalidArgument, all at once.
  static Result<Pacer> create(PacerOptions options = {});

  // How long to wait before the next request; 0: none. At most max_wait, or max_retry_after if Retry-After asks for it.
  // Asking changes nothing.
  Milliseconds wait(TimePoint now) const noexcept;
  // A request goes out: counted against what is left, until an answer tells more.
  void sent(TimePoint now);
  // An answer has come. Quotas that it does not name stay as they are.
  void answered(const RateHints& hints, TimePoint now);

 private:
  struct Quota {
    std::string name;
    std::int64_t quota = 0;
    std::int64_t remaining = 0;
    TimePoint back_at{};  // when the server said that it is back
    TimePoint next_at{};  // not before
  };

  explicit Pacer(const PacerOptions& options) : options_(options) {}
  Quota& quota_named(const std::string& name);
  void learn(const QuotaHint& hint, TimePoint now);
  void plan(Quota& quota, TimePoint now) const noexcept;
  TimePoint::duration gap(const Quota& quota, TimePoint now) const noexcept;

  PacerOptions options_;
  std::vector<Quota> quotas_;  // at most kMaxPacedQuotas
  std::optional<TimePoint> last_sent_;
  std::optional<TimePoint> not_before_;  // by Retry-After
};

}  // namespace envoyou
