#include "services/keeper.hpp"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
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
  std::condition_variable wake;    // of the thread
  std::condition_variable rounds;  // of those that wait for Redis
  bool woken = false;
  bool stopping = false;
  bool given_up = false;
};

namespace {

// What the switch and the listener hold of a keeper: nothing that keeps it, or the switch, alive.
template <class State, class Change>
std::function<void()> notifier(const std::shared_ptr<State>& shared, Change change) {
  return [weak = std::weak_ptr<State>(shared), change] {
    const auto state = weak.lock();
    if (state == nullptr) return;
    const std::lock_guard lock(state->mutex);
    change(*state);
  };
}

}  // namespace

Result<std::shared_ptr<Keeper>> Keeper::start(std::shared_ptr<Switch> fallback, Runtime runtime) {
  auto shared = std::make_shared<Shared>(std::move(fallback), std::move(runtime));
  auto keeper = std::shared_ptr<Keeper>(new Keeper(shared));
  shared->fallback->set_waker(notifier(shared, [](Shared& state) {
    state.woken = true;
    state.wake.notify_one();
  }));
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

std::function<void()> Keeper::give_up() const {
  return notifier(shared_, [](Shared& state) {
    state.given_up = true;
    state.rounds.notify_all();
  });
}

bool Keeper::wait_until_redis(Deadline deadline) {
  const Clock& clock = *shared_->runtime.clock;
  std::unique_lock lock(shared_->mutex);
  while (!shared_->fallback->uses_redis()) {
    if (shared_->given_up || shared_->stopping || deadline.expired(clock.now())) return false;
    shared_->runtime.clock->wait_until(lock, shared_->rounds, deadline.time());
  }
  return true;
}

void Keeper::request_stop() {
  // In a forked child the lock may be held by a thread that is not there.
  if (fork_guard_.forked()) return;
  const std::lock_guard lock(shared_->mutex);
  shared_->stopping = true;
  shared_->wake.notify_all();
  shared_->rounds.notify_all();
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
    shared.rounds.notify_all();
    while (!shared.stopping && !shared.woken && clock.now() < next) clock.wait_until(lock, shared.wake, next);
  }
}

}  // namespace envoyou
