// How long a loop may sleep until a time of its clock, as the system calls want it. Never shorter than that, so a
// loop that waits for a time does not spin in front of it.
#pragma once

#include <envoyou/clock.hpp>

#include <time.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace envoyou::wire {

// Zero if `until` has come. Waits of more than a day end early; callers loop.
inline std::chrono::nanoseconds time_to_wait(TimePoint now, TimePoint until) noexcept {
  constexpr std::chrono::nanoseconds kMostAtOnce = std::chrono::hours(24);
  if (until <= now) return std::chrono::nanoseconds(0);
  const bool far = until - now > kMostAtOnce || until == TimePoint::max();
  return far ? kMostAtOnce : std::chrono::nanoseconds(until - now);
}

inline timespec to_timespec(std::chrono::nanoseconds time) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  timespec out{};
  out.tv_sec = static_cast<time_t>(seconds.count());
  out.tv_nsec = static_cast<long>((time - seconds).count());
  return out;
}

inline int to_milliseconds_rounded_up(std::chrono::nanoseconds time) noexcept {
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(time).count());
}

}  // namespace envoyou::wire
