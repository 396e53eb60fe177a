// Which way requests go, as a pure state machine over the breaker (the diagram is in <envoyou/fallback.hpp>).
//
// The breaker tells whether the node is there; the machine adds the step between: `recovering`, in which the node is
// there but what happened without it is not yet known to it. A failure in that step leads back to `local`; a carry-over
// that did not succeed on a healthy node is simply tried again, which is the caller's affair.
//
// It starts in `redis`: unknown means worth asking, and the first refusal is told at once.
//
// Pure: no clock, no thread, no log. Confined to one thread.
#pragma once

#include "fallback/breaker.hpp"

#include <optional>
#include <string_view>

namespace envoyou::fallback {

class SwitchMachine {
 public:
  // `has_redis` false: local for good, whatever it is told.
  SwitchMachine(BreakerOptions options, bool has_redis) noexcept;

  Mode mode() const noexcept { return mode_; }
  BreakerState breaker() const noexcept { return has_redis_ ? breaker_.state() : BreakerState::kOpen; }
  // When `advance` must be called at the latest, if there is something to wait for.
  std::optional<TimePoint> due() const noexcept { return has_redis_ ? breaker_.due() : std::nullopt; }

  // The transition of the mode that the event made, if it made one.
  std::optional<SwitchTransition> on_failure(TimePoint now, std::string_view reason);
  std::optional<SwitchTransition> advance(TimePoint now);
  // All participants have carried over what they had. Does nothing unless recovering: the node may have gone meanwhile.
  std::optional<SwitchTransition> on_carried_over();
  // Never moves the mode; it may give something to wait for (see `due`).
  void on_answered(TimePoint now) noexcept;

 private:
  SwitchTransition move_to(Mode mode, std::string_view reason);

  Breaker breaker_;
  bool has_redis_;
  Mode mode_;
};

}  // namespace envoyou::fallback
