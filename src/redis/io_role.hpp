// The I/O role as a thing to hold: who has it may touch engines, links and what hangs on them. One holder at a time.
//
//                        the I/O thread sleeps, and offers it
//   I/O thread has it ----------------------------------------> nobody has it
//        ^   ^                                                    |       ^
//        |   '------------- wakes: `take` ------------------------'       |
//        |                                             `try_borrow`       | the answer is there,
//        |                                                        v       | or it gives up
//        '--- wakes: `take` recalls it ----------------- a caller has it -'
//
// The I/O thread has it whenever it is awake, and while it sleeps unless it offers it. What a caller holds it gives
// back as soon as it is recalled, in microseconds; so `take` waits for nothing that a server does.
//
// No wake-up is lost: `recall` stays readable from the signal until the I/O thread, which is its only signaller, drains
// it; and it does so only when it has the role. A caller that borrows it between the two finds it recalled at once.
//
// Thread rule: `take` and `offer` are the I/O thread's, `give` whoever's has it, the rest anyone's.
#pragma once

#include "wire/wake_up.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace envoyou::redis {

class IoRole {
 public:
  explicit IoRole(std::unique_ptr<wire::WakeUp> recall) : recall_(std::move(recall)) {}
  IoRole(const IoRole&) = delete;
  IoRole& operator=(const IoRole&) = delete;

  void take();
  void give() noexcept;
  // Whether callers may borrow it from the next `give` on. REQUIRES: the caller has it.
  void offer(bool offered) noexcept { offered_.store(offered, std::memory_order_relaxed); }

  // False: it is not to be had. True: the caller has it until `give`.
  bool try_borrow() noexcept;
  // Readable: give it back.
  const wire::WakeUp& recall() const noexcept { return *recall_; }

  // Whether this thread has it: then it is in a callback, or another thread's answer would have to pass it.
  bool is_mine() const noexcept { return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

 private:
  const std::unique_ptr<wire::WakeUp> recall_;
  std::mutex mutex_;
  std::atomic<std::thread::id> owner_{};  // written by who holds mutex_
  std::atomic<bool> offered_{false};      // written by who holds mutex_
  std::atomic<bool> wanted_{false};       // by the I/O thread
};

}  // namespace envoyou::redis
