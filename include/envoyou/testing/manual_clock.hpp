// A clock that a test moves by hand. Both scales start at a fixed time and advance together; `step_wall` moves the
// calendar alone, as an administrator or NTP does.
//
// Thread-safe: `advance` wakes whoever waits on this clock for a time that has come.
#pragma once

#include <envoyou/clock.hpp>

#include <vector>

namespace envoyou::testing {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimePoint start = TimePoint(std::chrono::hours(1)),
                       WallTime wall = from_unix_ms(1'700'000'000'000));

  TimePoint now() const override;
  WallTime wall_now() const override;
  void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake, TimePoint until) override;

  void advance(std::chrono::nanoseconds by);
  void step_wall(Milliseconds by);

 private:
  mutable std::mutex mutex_;
  TimePoint now_;
  WallTime wall_;
  std::chrono::nanoseconds wall_remainder_{0};
  std::vector<std::condition_variable*> waiters_;
};

}  // namespace envoyou::testing
