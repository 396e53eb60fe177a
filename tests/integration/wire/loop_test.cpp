// Goal: both loops tell what happened on which descriptor, wake at once when another thread says so, at the time they
// were given and not before, and sleep in between.
// Method: the same tests over epoll and poll, with pairs of real sockets and the system's clock.
#include "wire/loop.hpp"

#include "testing/sockets.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace envoyou::wire::loop_test {
namespace {

using envoyou::testing::Fd;
using namespace std::chrono_literals;

using Make = Result<std::unique_ptr<Loop>> (*)(std::shared_ptr<Clock>);

struct Pair {
  Pair() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    near = Fd(ends[0]);
    far = Fd(ends[1]);
  }
  void send_from_far() const { EXPECT_EQ(::write(far.get(), "x", 1), 1); }
  Fd near;
  Fd far;
};

class LoopTest : public ::testing::TestWithParam<Make> {
 protected:
  std::span<const Event> wait(std::chrono::nanoseconds at_most) { return loop_->wait(clock_->now() + at_most); }

  std::shared_ptr<Clock> clock_ = system_clock();
  std::unique_ptr<Loop> loop_ = GetParam()(clock_).value();
};

INSTANTIATE_TEST_SUITE_P(Loops, LoopTest, ::testing::Values(make_epoll_loop, make_poll_loop),
                         [](const auto& param) { return param.param == make_epoll_loop ? "Epoll" : "Poll"; });

TEST_P(LoopTest, TellsWhichDescriptorIsReadableUntilItIsRead) {
  const Pair quiet;
  const Pair busy;
  ASSERT_TRUE(loop_->watch(quiet.near.get(), 1, {.read = true}));
  ASSERT_TRUE(loop_->watch(busy.near.get(), 2, {.read = true}));
  busy.send_from_far();
  for (int round = 0; round < 2; ++round) {
    const auto events = wait(2s);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].token, 2u);
    EXPECT_TRUE(events[0].readable);
    EXPECT_FALSE(events[0].writable);
  }
  char byte = 0;
  EXPECT_EQ(::read(busy.near.get(), &byte, 1), 1);
  EXPECT_TRUE(wait(0ns).empty());
}

TEST_P(LoopTest, FollowsAChangeOfInterestAndOfToken) {
  const Pair pair;
  ASSERT_TRUE(loop_->watch(pair.near.get(), 1, {}));
  EXPECT_TRUE(wait(0ns).empty());
  loop_->change(pair.near.get(), 7, {.write = true});
  const auto events = wait(2s);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].token, 7u);
  EXPECT_TRUE(events[0].writable);
  loop_->change(pair.near.get(), 7, {.read = true});
  EXPECT_TRUE(wait(0ns).empty());
}

TEST_P(LoopTest, ForgetsADescriptorAlsoAfterItWasClosed) {
  Pair pair;
  ASSERT_TRUE(loop_->watch(pair.near.get(), 1, {.read = true}));
  pair.send_from_far();
  loop_->forget(pair.near.get());
  EXPECT_TRUE(wait(0ns).empty());
  loop_->forget(pair.near.get());
  ASSERT_TRUE(loop_->watch(pair.near.get(), 1, {.read = true}));
  const int closed = pair.near.get();
  pair.near.reset();
  loop_->forget(closed);
  EXPECT_TRUE(wait(0ns).empty());
}

TEST_P(LoopTest, TellsAHangUp) {
  Pair pair;
  ASSERT_TRUE(loop_->watch(pair.near.get(), 1, {.read = true}));
  pair.far.reset();
  const auto events = wait(2s);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].readable || events[0].failed);
}

TEST_P(LoopTest, RefusesWhatCanNotBeWatched) {
  const Pair pair;
  ASSERT_TRUE(loop_->watch(pair.near.get(), 1, {.read = true}));
  EXPECT_FALSE(loop_->watch(pair.near.get(), 2, {.read = true}));
}

TEST_P(LoopTest, IsWokenOnceByAnyNumberOfWakesBeforeAWait) {
  for (int i = 0; i < 1000; ++i) loop_->wake();
  EXPECT_TRUE(wait(2s).empty());
  const TimePoint before = clock_->now();
  EXPECT_TRUE(wait(20ms).empty());
  EXPECT_GE(clock_->now() - before, 20ms);
}

TEST_P(LoopTest, EndsAtItsTimeAndNotBefore) {
  for (const auto time : {0us, 1us, 300us, 1500us, 20'000us}) {
    const TimePoint until = clock_->now() + time;
    int waits = 0;
    while (clock_->now() < until) {
      EXPECT_TRUE(loop_->wait(until).empty());
      ++waits;
    }
    EXPECT_LE(waits, 2) << time.count() << " us";
  }
}

TEST_P(LoopTest, SleepsWithoutUsingTheProcessor) {
  const auto used = [] {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return std::chrono::seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           std::chrono::microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  };
  const auto before = used();
  const TimePoint until = clock_->now() + 100ms;
  while (clock_->now() < until) loop_->wait(until);
  EXPECT_LT(used() - before, 20ms);
}

// A wake that finds the flag set writes nothing, so a flag cleared at the wrong moment would lose it, and the loop
// would sleep on.
TEST_P(LoopTest, LosesNoWakeOfManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 20'000;
  std::atomic<int> left{0};  // what the wakers have left for the loop to find
  std::vector<std::thread> wakers;
  for (int i = 0; i < kThreads; ++i) {
    wakers.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) {
        left.fetch_add(1);
        loop_->wake();
      }
    });
  }
  int found = 0;
  bool late = false;
  while (found < kThreads * kEach && !late) {
    const TimePoint until = clock_->now() + 10s;
    loop_->wait(until);
    late = clock_->now() >= until;
    found += left.exchange(0);
  }
  for (auto& waker : wakers) waker.join();
  EXPECT_FALSE(late) << "slept through a wake after " << found;
}

TEST_P(LoopTest, ServesMoreDescriptorsThanOneWaitTells) {
  constexpr std::size_t kCount = Loop::kMaxEvents * 2 + 3;
  std::vector<Pair> pairs(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(loop_->watch(pairs[i].near.get(), i, {.read = true}));
    pairs[i].send_from_far();
  }
  std::set<std::uint64_t> seen;
  for (int round = 0; round < 6; ++round) {
    const auto events = wait(2s);
    ASSERT_LE(events.size(), Loop::kMaxEvents);
    for (const Event& event : events) seen.insert(event.token);
  }
  EXPECT_EQ(seen.size(), kCount);
}

TEST_P(LoopTest, LeavesNoDescriptorBehindAndNoneToAChildProcess) {
  const auto open = [] {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
  };
  const auto inheritable = [] {
    int count = 0;
    for (int fd = 3; fd < 1024; ++fd) count += fcntl(fd, F_GETFD) == 0 ? 1 : 0;
    return count;
  };
  const int inheritable_before = inheritable();
  const int before = open();
  {
    const auto another = GetParam()(clock_).value();
    EXPECT_GT(open(), before);
    EXPECT_EQ(inheritable(), inheritable_before);
  }
  EXPECT_EQ(open(), before);
}

}  // namespace
}  // namespace envoyou::wire::loop_test
