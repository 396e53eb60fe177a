// Holds back a line that would be repeated: in a window of time at most so many pass, and the next that passes tells
// how many did not. An outage of hours must not fill a disk.
//
// Pure: time is handed in. Confined to the I/O role.
#pragma once

#include <envoyou/clock.hpp>

#include <cstdint>

namespace envoyou::redis {

class LogGate {
 public:
  LogGate(int most, Milliseconds window) noexcept : most_(most), window_(window) {}

  bool passes(TimePoint now) noexcept {
    if (now >= ends_) {
      ends_ = now + window_;
      passed_ = 0;
    }
    if (passed_ == most_) {
      ++held_back_;
      return false;
    }
    ++passed_;
    return true;
  }
  // Since the last call.
  std::uint64_t take_held_back() noexcept {
    const auto held_back = held_back_;
    held_back_ = 0;
    return held_back;
  }
  // Something else happened: the next line is news again.
  void reopen() noexcept { ends_ = TimePoint::min(); }

 private:
  const int most_;
  const Milliseconds window_;
  TimePoint ends_ = TimePoint::min();
  int passed_ = 0;
  std::uint64_t held_back_ = 0;
};

}  // namespace envoyou::redis
