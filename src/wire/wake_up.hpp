// How another thread ends a loop's wait: a descriptor that becomes readable. eventfd(2) where there is one and it is
// wanted, else a pipe. Coalesced: between two `drain` calls, only the first `signal` costs a system call.
//
// `signal` is thread-safe; all else is confined to the loop's thread.
#pragma once

#include "wire/socket.hpp"

#include <envoyou/result.hpp>

#include <atomic>
#include <memory>

namespace envoyou::wire {

class WakeUp {
 public:
  static Result<std::unique_ptr<WakeUp>> by_eventfd();  // kUnsupported but on Linux
  static Result<std::unique_ptr<WakeUp>> by_pipe();
  // The first of the two that there is.
  static Result<std::unique_ptr<WakeUp>> make();

  int descriptor() const noexcept { return read_end_.get(); }
  void signal() noexcept;
  // To be called when the descriptor was readable, and before looking at what the signallers left.
  void drain() noexcept;

 private:
  WakeUp() = default;

  OwnedDescriptor read_end_;
  OwnedDescriptor write_end_;  // empty: the same as read_end_
  std::atomic<bool> signalled_{false};
};

}  // namespace envoyou::wire
