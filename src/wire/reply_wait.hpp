// How a thread that has no loop waits for one descriptor: until it can be read, until somebody wants the thread back,
// or for a time.
//
// Confined to one thread, but for the signal.
#pragma once

#include "wire/wake_up.hpp"

#include <chrono>

namespace envoyou::wire {

enum class Waited : unsigned char {
  kReadable,  // or failed: a read tells
  kRecalled,  // `recall` was signalled; it is left to be drained by who signalled it
  kNothing,   // the time is over, or the wait was broken off
};

Waited wait_for_reply(int descriptor, const WakeUp& recall, std::chrono::nanoseconds time) noexcept;

}  // namespace envoyou::wire
