// When a node may be dialled.
//
//   failures in a row   wait from the *start* of the attempt before
//   0                   none: the first connect, and the first after a link that was up
//   1, 2, 3, ...        first, doubled each time, at most `most`; less up to 20 %, so that clients of one server part
//
// Counted from the start, an attempt that used up its whole connect_timeout in a black hole does not wait on top of it.
//
// A bucket of tokens bounds the attempts whatever their outcome (a server that accepts and hangs up at once counts as
// "up" each time): full at first, one token an attempt, three back a second. So at most ten attempts in the first
// second and three a second later; each link beyond the first adds one to the first second. Commands that were
// answered earn tokens, too, one in kAnswersPerToken: a node that does its work may lose a link now and then, and is
// not away for it.
//
// Pure: time and jitter are handed in. Confined to the I/O role.
#pragma once

#include "base/random.hpp"

#include <envoyou/clock.hpp>

#include <cstddef>
#include <cstdint>

namespace envoyou::redis {

class ReconnectPolicy {
 public:
  static constexpr std::int64_t kBurst = 7;
  static constexpr Milliseconds kTokenEvery{1000 / 3 + 1};  // at most three a second, rounded down
  static constexpr std::int64_t kAnswersPerToken = 10;

  ReconnectPolicy(Milliseconds first, Milliseconds most, std::size_t links, base::Jitter& jitter);

  void on_attempt(TimePoint now);
  void on_failed();
  void on_ready() noexcept { failures_ = 0; }
  // The last link that was up is gone: whatever other links met with, the next attempt is the first.
  void on_lost() noexcept { failures_ = 0; }
  void on_answered(std::int64_t answers) noexcept;

  // No attempt before this, whatever else is due: what was refused would be refused again.
  void hold_until(TimePoint time) noexcept { held_until_ = time; }

  // When the next attempt may begin; may be in the past.
  TimePoint next_attempt() const noexcept;

 private:
  std::chrono::nanoseconds delay();

  const std::chrono::nanoseconds first_;
  const std::chrono::nanoseconds most_;
  const std::int64_t burst_;
  base::Jitter& jitter_;
  int failures_ = 0;
  TimePoint last_start_ = TimePoint::min();
  TimePoint backed_off_until_ = TimePoint::min();
  TimePoint held_until_ = TimePoint::min();
  // The bucket, as the time at which it would be full: each attempt moves it on by kTokenEvery.
  TimePoint full_at_ = TimePoint::min();
};

}  // namespace envoyou::redis
