// The thread that has a reactor's I/O role. A thin shell: names itself, takes no signals, steps the reactor until it
// is told to stop, and ends what is left with kClosed.
//
// What runs out of memory in it ends all commands with kOutOfMemory and goes on; it ends with the process or when
// told to.
//
// Thread-safe.
#pragma once

#include "redis/io_role.hpp"
#include "redis/reactor.hpp"
#include "redis/sleepers.hpp"
#include "wire/loop.hpp"

#include <envoyou/redis/options.hpp>
#include <envoyou/result.hpp>

#include <atomic>
#include <memory>
#include <thread>

namespace envoyou::redis {

// What the thread works on. Shared with it, so that a client that is destroyed inside one of its own callbacks, which
// it must not be, leaves the thread with something to stand on.
struct IoCore {
  Sleepers sleepers;
  std::shared_ptr<wire::Loop> loop;
  ClientOptions options;  // a fleet's
  std::unique_ptr<IoRole> role;
  std::unique_ptr<Reactor> reactor;
  std::atomic<bool> stopping{false};
  std::atomic<std::thread::id> thread{};

  void ask_to_stop() noexcept {
    stopping.store(true, std::memory_order_release);
    loop->wake();
  }
  bool is_own_thread() const noexcept { return thread.load(std::memory_order_acquire) == std::this_thread::get_id(); }
  // Whether what this thread waits for would have to pass it: on the I/O thread, and in a decoder of a direct call.
  bool must_not_wait() const noexcept { return is_own_thread() || role->is_mine(); }
};

class IoThread {
 public:
  // Errors: kInternal, if there is no thread to be had.
  static Result<IoThread> start(std::shared_ptr<IoCore> core);
  IoThread(IoThread&&) noexcept = default;
  IoThread& operator=(IoThread&&) = delete;

  // Returns when the thread has ended; on the thread itself at once. Once.
  void stop() noexcept;
  // In a forked child: there is no such thread here; lets go of it without a touch.
  void forget_in_child() noexcept { (void)thread_.release(); }

 private:
  IoThread(std::shared_ptr<IoCore> core, std::unique_ptr<std::thread> thread)
      : core_(std::move(core)), thread_(std::move(thread)) {}

  std::shared_ptr<IoCore> core_;
  std::unique_ptr<std::thread> thread_;
};

}  // namespace envoyou::redis
