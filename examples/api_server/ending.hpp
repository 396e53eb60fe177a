// The end of the server, for work that takes long: it goes on for a grace, and is broken off then.
//
// Thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace api {

class Ending {
 public:
  using Clock = std::chrono::steady_clock;

  void begin(std::chrono::milliseconds grace) {
    const std::lock_guard lock(mutex_);
    end_ = Clock::now() + grace;
    changed_.notify_all();
  }

  // Blocks for `time`. False: the server ended before.
  bool pause(std::chrono::milliseconds time) {
    const Clock::time_point done = Clock::now() + time;
    std::unique_lock lock(mutex_);
    for (Clock::time_point now = Clock::now(); now < done; now = Clock::now()) {
      if (now >= end_) return false;
      changed_.wait_until(lock, std::min(done, end_));
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Clock::time_point end_ = Clock::time_point::max();  // guarded by mutex_
};

}  // namespace api
