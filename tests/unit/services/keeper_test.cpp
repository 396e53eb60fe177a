// Goal: the keeper's thread runs the switch when it is woken, wakes those that wait for Redis, gives up when told, and
// ends. Method: a switch without a client, moved by hand on a ManualClock; nothing sleeps.
#include "services/keeper.hpp"

#include <envoyou/testing/manual_clock.hpp>

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace envoyou::keeper_test {
namespace {

using namespace std::chrono_literals;

struct KeeperTest : ::testing::Test {
  KeeperTest() {
    runtime.clock = clock;
    fallback = std::make_shared<Switch>(SwitchOptions{}, runtime, true);
  }
  std::shared_ptr<testing::ManualClock> clock = std::make_shared<testing::ManualClock>();
  Runtime runtime;
  std::shared_ptr<Switch> fallback;
};

// Waits for what the keeper's thread does, with no time in it.
class Latch {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    wake_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool open_ = false;
};

// Carries over one entry, and notes on which thread and with which signals.
struct OneEntry final : CarryOver {
  std::string_view name() const noexcept override { return "test"; }
  std::size_t pending() const noexcept override { return left; }
  Result<void> carry_over(Deadline) override {
    thread = std::this_thread::get_id();
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    pthread_getname_np(pthread_self(), thread_name, sizeof thread_name);
    left = 0;
    called.open();
    return {};
  }
  std::atomic<std::size_t> left{1};
  std::thread::id thread;
  sigset_t blocked{};
  char thread_name[16] = {};
  Latch called;
};

TEST_F(KeeperTest, EndsWhileItsSwitchHasNothingToDo) {
  auto keeper = Keeper::start(fallback, runtime);
  ASSERT_TRUE(keeper);
  keeper->reset();
  // The switch may still call the waker it was given.
  fallback->on_answered();
}

TEST_F(KeeperTest, RunsTheSwitchWhenWokenOnAThreadOfItsOwnThatTakesNoSignals) {
  auto keeper = Keeper::start(fallback, runtime);
  ASSERT_TRUE(keeper);
  OneEntry entry;
  fallback->add(&entry);
  entry.called.wait();
  fallback->remove(&entry);
  EXPECT_NE(entry.thread, std::this_thread::get_id());
  EXPECT_STREQ(entry.thread_name, "envoyou-keeper");
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE}) {
    EXPECT_EQ(sigismember(&entry.blocked, number), 1) << number;
  }
  sigset_t own;
  pthread_sigmask(SIG_SETMASK, nullptr, &own);
  EXPECT_EQ(sigismember(&own, SIGTERM), 0) << "the caller's own mask must be as it was";
}

TEST_F(KeeperTest, StoppingAndJoiningTwiceIsTheSameAsOnce) {
  auto keeper = Keeper::start(fallback, runtime);
  ASSERT_TRUE(keeper);
  for (int i = 0; i < 2; ++i) {
    (*keeper)->request_stop();
    (*keeper)->join();
  }
}

}  // namespace
}  // namespace envoyou::keeper_test
