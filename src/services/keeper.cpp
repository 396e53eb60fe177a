#include "services/keeper.hpp"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

namespace envoyou {
namespace {

// How long the keeper rests after a round that ran out of memory.
constexpr Milliseconds kRestAfterFailure{100};

// Blocks every signal on this thread, so that the threads it starts have them blocked, too.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

// Outlives the Keeper in the switch's waker, which may be called while the Keeper goes.
struct Keeper::Shared {
  Shared(std::shared_ptr<Switch> s, Runtime r) : fallback(std::move(s)), runtime(std::move(r)) {}

  const std::shared_ptr<Switch> fallback;
  const Runtime runtime;

  std::mutex mutex;
  std::condition_variable wake;
  bool woken = false;
  bool stopping = false;
};

Result<std::shared_ptr<Keeper>> Keeper::start(std::shared_ptr<Switch> fallback, Runtime runtime) {
  auto shared = std::make_shared<Shared>(std::move(fallback), std::move(runtime));
  auto keeper = std::shared_ptr<Keeper>(new Keeper(shared));
  // Weak, since the switch would else hold itself.
  shared->fallback->set_waker([weak = std::weak_ptr<Shared>(shared)] {
    const auto state = weak.lock();
    if (state == nullptr) return;
    const std::lock_guard lock(state->mutex);
    state->woken = true;
    state->wake.notify_one();
  });
  const SignalsBlocked blocked;
  try {
    keeper->thread_ = std::make_unique<std::thread>([shared] { run(*shared); });
  } catch (const std::system_error& failure) {
    return Error(Errc::kInternal, std::string("keeper: no thread: ") + failure.what());
  }
  return keeper;
}

Keeper::~Keeper() {
  request_stop();
  join();
}

void Keeper::request_stop() {
  // In a forked child the lock may be held by a thread that is not there.
  if (fork_guard_.forked()) return;
  const std::lock_guard lock(shared_->mutex);
  shared_->stopping = true;
  shared_->wake.notify_all();
}

void Keeper::join() {
  if (thread_ == nullptr) return;
  if (fork_guard_.forked()) {
    // There is no thread to wait for, and none to let go of: what describes it is left behind.
    static_cast<void>(thread_.release());
    static_cast<void>(new std::shared_ptr<Shared>(shared_));
    return;
  }
  thread_->join();
  thread_.reset();
}

void Keeper::run(Shared& shared) {
  pthread_setname_np(pthread_self(), "envoyou-keeper");
  Clock& clock = *shared.runtime.clock;
  std::unique_lock lock(shared.mutex);
  while (!shared.stopping) {
    shared.woken = false;
    lock.unlock();
    TimePoint next = clock.now() + kRestAfterFailure;
    try {
      next = shared.fallback->run_due();
    } catch (const std::exception& failure) {
      shared.runtime.logger.error("services", "the keeper's round failed", {{"reason", failure.what()}});
    }
    lock.lock();
    while (!shared.stopping && !shared.woken && clock.now() < next) clock.wait_until(lock, shared.wake, next);
  }
}

}  // namespace envoyou
