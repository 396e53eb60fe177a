// When a request must have its answer. Made once a request and handed to every module that serves it; each takes a
// share of what is left, so that three calls to a hung Redis cost one budget and not three.
//
// A value; thread-compatible. Between processes a deadline travels as remaining milliseconds, never as a time: clocks
// of two machines differ, and the way between them is subtracted by nobody, so a cap of the receiver's own stays above
// it.
//
//   out:  request.set(kDeadlineHeader, to_remaining_ms(deadline, now));
//   in:   auto deadline = from_remaining_ms(header, now, 100ms);     // 100 ms where there is none
//
// Background work that a request leaves behind is not the request's: give it a Deadline of its own.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/result.hpp>

#include <algorithm>
#include <string>
#include <string_view>

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

  // True where share(now, at_most) leaves less than `at_most`.
  constexpr bool cuts(TimePoint now, std::chrono::nanoseconds at_most) const noexcept {
    return remaining(now) < at_most;
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

// The header of a request that carries what is left of its deadline: decimal digits, milliseconds.
inline constexpr std::string_view kDeadlineHeader = "X-Request-Timeout-Ms";
inline constexpr std::size_t kMaxDeadlineDigits = 12;

// What is left, rounded down, so that the caller gives up last. Empty for never(): send no header.
std::string to_remaining_ms(const Deadline& deadline, TimePoint now);

// What the sender has left, at most `cap`; `cap` where `text` is empty (there was no header). "0" is a deadline that
// has passed: answer so at once. Errors: kInvalidArgument for all that is not 1 to kMaxDeadlineDigits decimal digits.
Result<Deadline> from_remaining_ms(std::string_view text, TimePoint now, Milliseconds cap);

}  // namespace envoyou
