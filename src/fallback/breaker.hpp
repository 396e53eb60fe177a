// The breaker of one node: may it be asked?
//
//             refused, condemned            answered
//   closed ------------------------> open -------------> half-open
//     ^                               ^                    |  |
//     |                               '-- refused, condemned  |
//     '------------- stayed good for stable_for --------------'
//
// Opens at once, on the first refusal or condemnation: those are facts about links, so there is nothing to count up to.
// The probing is the client's reconnecting; the breaker is only told of the first good answer.
//
// Against flapping, each failure that comes within `flap_window` of the last first good answer doubles the time for
// which the next recovery must last, up to `max_stable_for`; a failure after a longer good time starts over at
// `stable_for`. So a node that answers and stays is believed at most `max_stable_for` after its first good answer.
//
// Pure: no clock, no thread, no log. Confined to one thread.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/fallback.hpp>

#include <optional>

namespace envoyou::fallback {

struct BreakerOptions {
  Milliseconds stable_for{50};
  Milliseconds max_stable_for{400};
  Milliseconds flap_window{10'000};
};

class Breaker {
 public:
  explicit Breaker(BreakerOptions options) noexcept : options_(options), stable_for_(options.stable_for) {}

  BreakerState state() const noexcept { return state_; }
  // What the present or the next recovery must last.
  Milliseconds stable_for() const noexcept { return stable_for_; }

  // Each tells whether the state changed.
  bool on_failure(TimePoint now) noexcept;
  bool on_answered(TimePoint now) noexcept;
  bool advance(TimePoint now) noexcept;

  // When `advance` will close it, while it is half-open.
  std::optional<TimePoint> due() const noexcept;

 private:
  BreakerOptions options_;
  Milliseconds stable_for_;
  BreakerState state_ = BreakerState::kClosed;
  std::optional<TimePoint> good_since_;  // the first good answer of the present or last good time
};

}  // namespace envoyou::fallback
