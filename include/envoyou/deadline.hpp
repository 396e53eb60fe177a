// When a request must have its answer. Made once a request and handed to every module that serves it; each takes a
// share of what is left, so that three calls to a hung Redis cost one budget and not three.
//
// A value; thread-compatible. Between processes a deadline travels as remaining milliseconds, never as a time.
#pragma once

#include <envoyou/clock.hpp>

#include <algorithm>

namespace envoyou {

inline constexpr Milliseconds kDefaultRequestBudget{100};

class Deadline {
 public:
  // No limit at all. Only for background work; a blocking call under it still ends when the link is condemned.
  static constexpr Deadline never() noexcept { return Deadline(TimePoint::max()); }
  static constexpr Deadline at(TimePoint time) noexcept { return Deadline(time); }
  static Deadline after(const Clock& clock, std::chrono::nanoseconds budget) {
    return at_saturated(clock.now(), budget);
  }

  constexpr TimePoint time() const noexcept { return time_; }
  constexpr bool is_never() const noexcept { return time_ == TimePoint::max(); }
  constexpr bool expired(TimePoint now) const noexcept { return now >= time_; }

  // What is left, never below zero.
  constexpr std::chrono::nanoseconds remaining(TimePoint now) const noexcept {
    return expired(now) ? std::chrono::nanoseconds(0) : std::chrono::nanoseconds(time_ - now);
  }

  // The earlier of this deadline and `now + at_most`: what one module may use of it.
  constexpr Deadline share(TimePoint now, std::chrono::nanoseconds at_most) const noexcept {
    return Deadline(std::min(time_, at_saturated(now, at_most).time_));
  }

  friend constexpr auto operator<=>(const Deadline&, const Deadline&) = default;

 private:
  constexpr explicit Deadline(TimePoint time) noexcept : time_(time) {}
  static constexpr Deadline at_saturated(TimePoint now, std::chrono::nanoseconds budget) noexcept {
    const bool overflows = budget > TimePoint::max() - now;
    return Deadline(overflows ? TimePoint::max() : now + budget);
  }

  TimePoint time_;
};

}  // namespace envoyou
