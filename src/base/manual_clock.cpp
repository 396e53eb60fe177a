#include <envoyou/testing/manual_clock.hpp>

#include <algorithm>

namespace envoyou::testing {

ManualClock::ManualClock(TimePoint start, WallTime wall) : now_(start), wall_(wall) {}

TimePoint ManualClock::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

WallTime ManualClock::wall_now() const {
  const std::lock_guard lock(mutex_);
  return wall_;
}

void ManualClock::wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake, TimePoint until) {
  {
    const std::lock_guard own(mutex_);
    if (now_ >= until) return;
    waiters_.push_back(&wake);
  }
  // `advance` can not take the waiter's lock, so a wake-up may come between registering and waiting: look again soon.
  wake.wait_for(lock, Milliseconds(5));
  const std::lock_guard own(mutex_);
  const auto mine = std::find(waiters_.begin(), waiters_.end(), &wake);
  if (mine != waiters_.end()) waiters_.erase(mine);
}

void ManualClock::advance(std::chrono::nanoseconds by) {
  const std::lock_guard lock(mutex_);
  now_ += by;
  wall_remainder_ += by;
  const auto whole = std::chrono::floor<Milliseconds>(wall_remainder_);
  wall_ += whole;
  wall_remainder_ -= whole;
  for (std::condition_variable* waiter : waiters_) waiter->notify_all();
}

void ManualClock::step_wall(Milliseconds by) {
  const std::lock_guard lock(mutex_);
  wall_ += by;
}

}  // namespace envoyou::testing
