// What every algorithm of the limiter has in common: the moment it is asked for, and what it sees then.
//
// A *meter* is what rules of one key read and write: the count under one algorithm and one window. Rules that have both
// in common share a meter, whatever their limits; only GCRA, whose state depends on the rate, has one meter a rule
// (MeterId::place tells two of one window apart).
//
// The algorithms are pure arithmetic over (state, moment, request); sliding_log.hpp, buckets.hpp, gcra.hpp and
// lease_book.hpp. Each has the same verbs:
//
//   look(moment, rate)            what counts now; changes nothing, so asking and being denied leave no trace
//   retry_after(look, rule, cost) 0: it is admitted; kNever; else the least wait
//   reset_after(look)             until nothing counts
//   admit(look, cost)             takes it
//   force(look, cost)             the same, whatever the limit says: penalties, and what Redis was not told
//   refund(look, units)           gives some of it back
//   hear(moment, answer, unknown) Redis said what counts, of which it does not know `unknown` units of ours
//   for_each_own(look, visit)     our own admissions, for a Redis that has lost its data
//   forget_at(), bytes(), clear()
#pragma once

#include <envoyou/limiter.hpp>

#include <cstddef>
#include <cstdint>

namespace envoyou::limiter {

// Milliseconds on whatever clock decides: the server's, this process' steady clock, a test's.
using Ms = std::int64_t;

// As an answer to "when again?".
inline constexpr Ms kNever = -1;

// How far a clock may have stepped back beyond the window before a meter counts as broken and starts afresh: otherwise
// a clock that was an hour ahead for a moment would block its callers for an hour.
inline constexpr Ms kClockTolerance = 1'000;

// `now` may be of a clock that began anywhere; `now + phase` is what the aligned windows of all servers agree on.
struct Moment {
  Ms now = 0;
  Ms phase = 0;
};

// Without a value of its own, so that an array of them costs nothing.
struct MeterId {
  Algorithm algorithm;
  std::uint8_t place;  // of GCRA: how many of this window are before it
  Ms window;

  friend bool operator==(const MeterId&, const MeterId&) = default;
};

// What one meter holds after a request.
struct MeterAnswer {
  std::int64_t used = 0;  // units, rounded up
  Ms reset_after = 0;
  std::int64_t previous = 0;  // of the sliding counter: the count of the window before
};

// A meter at one moment; valid until it changes. The algorithms fill what they need, and whoever makes one fills it by
// their look(): so an array of them costs nothing.
struct Look {
  Ms now;             // the moment that was asked for
  Ms at;              // the effective one: never before the newest admission
  std::int64_t used;  // what counts, others' usage included
  Ms reset_after;
  bool afresh;  // the meter is broken and counts as empty

  // Log and leases.
  std::size_t first;   // index of the oldest admission that still counts
  std::int64_t heard;  // others' part of what counts

  // Buckets.
  std::int64_t bucket;  // number of the aligned window that `at` lies in
  std::int64_t current;
  std::int64_t previous;
  Ms elapsed;  // of the window

  // GCRA: the theoretical arrival time, tat + fraction / rate milliseconds.
  std::int64_t rate;
  Ms tat;
  std::int64_t fraction;
};

// Wide enough for a limit times a window.
__extension__ using Wide = __int128;

inline std::int64_t divide_up(Wide value, std::int64_t by) noexcept {
  return static_cast<std::int64_t>(value / by + (value % by > 0 ? 1 : 0));
}
// Rounded down, also below zero. REQUIRES: by > 0.
inline std::int64_t divide_down(Wide value, std::int64_t by) noexcept {
  return static_cast<std::int64_t>(value / by - (value % by < 0 ? 1 : 0));
}

}  // namespace envoyou::limiter
