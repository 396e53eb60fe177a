// What the rate limiter is doing now: decisions by policy, the keys that use most and are denied most, how long
// decisions take, and how many of them were taken in process. As a struct, as JSON, and as Prometheus text.
//
// Counters only grow while the limiter lives; the difference of two snapshots is what happened between them. The top
// keys are of recent traffic: their counts halve every `halving`. All of it is of this process alone, is held in
// memory, and costs no command to Redis.
//
// Does not: remember anything across a restart, add up several processes (Prometheus does), or hide a key: a TopKey
// holds what the limiter was told to show, the key in clear or its keyed hash.
//
// Bounds: 256 policies unless told otherwise and "other", kMaxTopShown keys a list, kMaxTopKeyBytes a key.
// docs/limiter-live.md states the errors.
//
// Values; thread-compatible. The functions are pure.
#pragma once

#include <envoyou/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou {

inline constexpr std::size_t kMaxLivePolicies = 1000;
inline constexpr std::size_t kMaxLivePolicyNameBytes = 128;
inline constexpr std::string_view kOtherPolicies = "other";  // those beyond the bounds, counted together
inline constexpr std::size_t kMaxTopShown = 100;
inline constexpr std::size_t kMaxTopKeyBytes = 96;  // what is shown of a longer key

// How many decisions, by who took them.
struct LiveCount {
  std::uint64_t redis = 0;
  std::uint64_t local = 0;

  std::uint64_t total() const noexcept { return redis + local; }
  friend bool operator==(const LiveCount&, const LiveCount&) = default;
};

struct PolicyCounters {
  std::string name = {};
  LiveCount allowed = {};
  LiveCount denied = {};
  LiveCount shadow_denied = {};      // would have been denied, and was let through: the policy only watches
  std::uint64_t admitted_units = 0;  // the costs of what was allowed, added up
  std::uint64_t denied_units = 0;    // and of what was denied, shadow_denied not included

  friend bool operator==(const PolicyCounters&, const PolicyCounters&) = default;
};

// The true count is at most `count`, and at least `count - over_by_at_most`.
struct TopKey {
  std::string key = {};
  std::uint64_t count = 0;
  std::uint64_t over_by_at_most = 0;
  bool cut = false;  // only the beginning of the key is shown

  friend bool operator==(const TopKey&, const TopKey&) = default;
};

// What a list of top keys was picked from.
struct TopScope {
  std::uint64_t total = 0;             // all keys together, those that are not listed included
  std::uint64_t unlisted_at_most = 0;  // no key that is not listed has more than this

  friend bool operator==(const TopScope&, const TopScope&) = default;
};

// In microseconds. Quantiles are off by at most 1.6 %, `max_us` is exact; what takes longer than a minute is a minute.
struct LatencySummary {
  std::uint64_t count = 0;
  std::uint64_t sum_us = 0;  // with the error of the quantiles
  std::uint64_t p50_us = 0;
  std::uint64_t p90_us = 0;
  std::uint64_t p99_us = 0;
  std::uint64_t p999_us = 0;
  std::uint64_t max_us = 0;

  friend bool operator==(const LatencySummary&, const LatencySummary&) = default;
};

struct LimiterLive {
  WallTime at{};
  std::uint64_t version = 0;  // grows with every decision; not with the ageing of the top keys
  bool enabled = true;        // false: nothing is being counted, and what is here is from before
  Milliseconds halving{0};    // of the counts of the top keys; 0: never

  std::vector<PolicyCounters> policies = {};  // in the order in which they were first used; "other" last, if it counts
  double local_share = 0;                     // of all decisions since the start, 0 to 1
  LatencySummary redis = {};
  LatencySummary local = {};

  // The most first; equal ones by key. Used: units admitted. Denied, shadow-denied: decisions.
  std::vector<TopKey> top_used = {};
  std::vector<TopKey> top_denied = {};
  std::vector<TopKey> top_shadow_denied = {};
  TopScope used = {};
  TopScope denied = {};
  TopScope shadow_denied = {};

  friend bool operator==(const LimiterLive&, const LimiterLive&) = default;
};

// One object on one line, its members sorted by name. Valid whatever bytes keys and names are: those that are no UTF-8
// are percent-encoded, and a key then says so ("percent_encoded": true). Numbers over 2^63 - 1 are that.
std::string to_json(const LimiterLive& live);

struct LivePrometheusOptions {
  // Top keys as label values. They come and go, and each that was ever there stays a series in Prometheus; and they may
  // name persons. Off unless somebody has thought of both.
  bool top_keys = false;
  std::size_t max_top_keys = 10;  // of each list, at most kMaxTopShown
};

// Text format 0.0.4; every name begins with envoyou_ratelimit_live_. Can be appended to
// to_prometheus_text(MetricsRegistry).
std::string to_prometheus(const LimiterLive& live, const LivePrometheusOptions& options = {});

// Snapshots as server-sent events (WHATWG HTML, section 9.2), for a page that stays open: first all, then what changed.
//
//   id: 4711
//   event: snapshot | change
//   data: {…}                  one line; docs/limiter-live.md has the members
//
// `before` is what the client has; nullptr: nothing yet. One that cannot have come before (another process answers now,
// and counts from 0) is as good as none. Nothing new: a comment, which keeps proxies from closing a silent connection.
std::string to_event(const LimiterLive& now, const LimiterLive* before);

inline constexpr std::string_view kLiveFeedContentType = "text/event-stream";
inline constexpr Milliseconds kLiveFeedRetry{2'000};  // after which a client that lost us comes back

}  // namespace envoyou
