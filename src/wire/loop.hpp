// Waits for descriptors, for a time, and for wake-ups of other threads. epoll(7) on Linux, poll(2) elsewhere, behind
// one interface, so that a simulation can stand in for both.
//
// Confined to one thread, but for `wake`.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/result.hpp>

#include <cstdint>
#include <memory>
#include <span>

namespace envoyou::wire {

struct Interest {
  bool read = false;
  bool write = false;
  friend bool operator==(const Interest&, const Interest&) = default;
};

struct Event {
  std::uint64_t token = 0;
  bool readable = false;
  bool writable = false;
  bool failed = false;  // error or hang-up; a read tells which
};

class Loop {
 public:
  static constexpr std::size_t kMaxEvents = 64;                       // a wait
  static constexpr std::uint64_t kReservedToken = ~std::uint64_t{0};  // the loop's own; REQUIRES: nobody else's

  virtual ~Loop() = default;
  virtual Result<void> watch(int descriptor, std::uint64_t token, Interest interest) = 0;
  virtual void change(int descriptor, std::uint64_t token, Interest interest) = 0;
  virtual void forget(int descriptor) = 0;
  // Blocks until something happens, `until` comes, or `wake` was called since the last wait. The span is valid until
  // the next wait.
  virtual std::span<const Event> wait(TimePoint until) = 0;
  // Thread-safe; coalesced: many wakes before one wait cost one wake-up.
  virtual void wake() noexcept = 0;
};

// kUnsupported where there is no epoll: then the other one will do.
Result<std::unique_ptr<Loop>> make_epoll_loop(std::shared_ptr<Clock> clock);
Result<std::unique_ptr<Loop>> make_poll_loop(std::shared_ptr<Clock> clock);

}  // namespace envoyou::wire
