#include "redis/io_thread.hpp"

#include "base/blocked_signals.hpp"

#include <pthread.h>

#include <new>
#include <system_error>
#include <utility>

namespace envoyou::redis {

namespace {

void name_this_thread() noexcept {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "envoyou-io");
#endif
}

// Nothing may leave the thread, so what cannot be allocated here ends all the same.
void drop_everything(IoCore& core, Errc why) noexcept {
  try {
    core.reactor->drop_everything(Error(why));
  } catch (const std::bad_alloc&) {
    detail::misuse("redis client", "out of memory twice in a row");
  }
}

void run(IoCore& core) noexcept {
  name_this_thread();
  core.thread.store(std::this_thread::get_id(), std::memory_order_release);
  core.role->take();
  while (!core.stopping.load(std::memory_order_acquire)) {
    try {
      core.reactor->step(TimePoint::max());
    } catch (const std::bad_alloc&) {
      drop_everything(core, Errc::kOutOfMemory);
    }
  }
  // First the inboxes, so that what callbacks submit from here on is refused at once.
  core.reactor->close();
  drop_everything(core, Errc::kClosed);
  core.reactor->show_closed();
  core.role->give();
}

}  // namespace

Result<IoThread> IoThread::start(std::shared_ptr<IoCore> core) {
  const base::BlockedSignals blocked;
  try {
    auto thread = std::make_unique<std::thread>([core] { run(*core); });
    return IoThread(std::move(core), std::move(thread));
  } catch (const std::system_error&) {
    return Error(Errc::kInternal, "redis client: no thread to be had");
  }
}

void IoThread::stop() noexcept {
  core_->ask_to_stop();
  if (!thread_) return;
  if (core_->is_own_thread()) {
    thread_->detach();
  } else {
    thread_->join();
  }
  thread_.reset();
}

}  // namespace envoyou::redis
