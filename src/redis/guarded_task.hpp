// A task for another thread that knows if it will never run: a reactor that is closed drops what was posted, and
// whoever waits for it must be told all the same. Exactly one of the two functions is called, exactly once.
//
// A value that can only be moved; thread rule: belongs to whoever holds it.
#pragma once

#include <utility>

namespace envoyou::redis {

template <class Run, class Dropped>
class GuardedTask {
 public:
  GuardedTask(Run run, Dropped dropped) : run_(std::move(run)), dropped_(std::move(dropped)) {}
  GuardedTask(GuardedTask&& other) noexcept
      : run_(std::move(other.run_)), dropped_(std::move(other.dropped_)), armed_(std::exchange(other.armed_, false)) {}
  GuardedTask& operator=(GuardedTask&&) = delete;
  ~GuardedTask() {
    if (armed_) dropped_();
  }
  void operator()() {
    armed_ = false;
    run_();
  }

 private:
  Run run_;
  Dropped dropped_;
  bool armed_ = true;
};

}  // namespace envoyou::redis
