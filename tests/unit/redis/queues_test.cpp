// Goal: the queues keep order, deadlines and the quota, whatever is taken out of their middle.
// Method: small cases by hand, and the ring against std::deque with random operations from a seed.
#include "redis/in_flight.hpp"
#include "redis/inbox.hpp"
#include "redis/log_gate.hpp"
#include "redis/ring.hpp"
#include "redis/unsent_queue.hpp"

#include "base/random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "../times.hpp"

namespace envoyou::redis::queues_test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class QueueTest : public ::testing::Test {
 protected:
  // `name` is noted with the outcome when the command ends.
  Pending pending(const std::string& name, TimePoint deadline, Repeat repeat = Repeat::kNever) {
    Command<void> command(Words(name), decode_ok, repeat);
    return Pending(to_submission(std::move(command),
                                 [this, name](Result<void> result) {
                                   ended_.push_back(name + " " +
                                                    std::string(to_string(result ? Errc::kOk : result.error().code())));
                                 }),
                   deadline);
  }

  std::vector<std::string> ended_;
  Tally tally_;
};

TEST(Ring, DoesWhatADequeDoes) {
  base::Jitter random(1);
  Ring<int> ring;
  std::deque<int> deque;
  for (int i = 0; i < 100'000; ++i) {
    const auto dice = random.next() % 5;
    if (dice < 2) {
      ring.push_back(int{i});
      deque.push_back(i);
    } else if (dice == 2) {
      ring.push_front(int{i});
      deque.push_front(i);
    } else if (!deque.empty()) {
      ASSERT_EQ(ring.pop_front(), deque.front());
      deque.pop_front();
    }
    ASSERT_EQ(ring.size(), deque.size());
    if (!deque.empty()) {
      const std::size_t at = static_cast<std::size_t>(random.next()) % deque.size();
      ASSERT_EQ(ring[at], deque[at]);
    }
  }
}

TEST_F(QueueTest, UnsentCommandsExpireFromTheMiddleAndTheRestKeepsItsOrder) {
  UnsentQueue queue;
  queue.push_back(pending("a", t0 + 30ms));
  queue.push_back(pending("b", t0 + 10ms));
  queue.push_back(pending("c", t0 + 20ms));
  queue.push_front(pending("d", t0 + 40ms));
  EXPECT_EQ(queue.earliest(), t0 + 10ms);
  queue.expire(t0 + 10ms - 1ns, tally_);
  EXPECT_EQ(queue.size(), 4u);
  queue.expire(t0 + 20ms, tally_);
  EXPECT_THAT(ended_, ElementsAre("b not_sent", "c not_sent"));
  EXPECT_EQ(queue.earliest(), t0 + 30ms);
  queue.fail_all(Error(Errc::kUnavailable), Error(Errc::kConnectionLost));
  EXPECT_THAT(ended_, ElementsAre("b not_sent", "c not_sent", "d unavailable", "a unavailable"));
  EXPECT_EQ(queue.earliest(), TimePoint::max());
  EXPECT_EQ(tally_.expired_unsent, 2u);
}

TEST_F(QueueTest, WhatMayHaveRunIsNotSaidToBeUnsent) {
  UnsentQueue queue;
  Pending expires = pending("expires", t0);
  expires.may_have_run = true;
  Pending fails = pending("fails", t0 + 1s);
  fails.may_have_run = true;
  queue.push_back(std::move(expires));
  queue.push_back(std::move(fails));
  queue.expire(t0, tally_);
  queue.fail_all(Error(Errc::kUnavailable), Error(Errc::kConnectionLost));
  EXPECT_THAT(ended_, ElementsAre("expires timeout", "fails connection_lost"));
}

TEST_F(QueueTest, AnExpiredCommandInFlightKeepsItsPlace) {
  InFlight flight;
  flight.push(pending("a", t0 + 20ms));
  flight.push(pending("b", t0 + 10ms));
  flight.push(pending("c", t0 + 30ms));
  EXPECT_EQ(flight.earliest(), t0 + 10ms);
  flight.expire(t0 + 10ms, tally_);
  EXPECT_THAT(ended_, ElementsAre("b timeout"));
  EXPECT_EQ(flight.size(), 3u);
  EXPECT_EQ(flight.earliest(), t0 + 20ms);
  EXPECT_TRUE(flight.pop().reader != nullptr);
  EXPECT_TRUE(flight.pop().reader == nullptr);
}

TEST_F(QueueTest, OnlyWordsThatMayBeSentAgainAreKept) {
  const Script script("return 1");
  InFlight flight;
  std::uint64_t end = 0;
  const auto push = [&](Repeat repeat, const Script* with) {
    Pending command = pending("WORD", t0 + 1s, repeat);
    command.script = with;
    command.end = end += 10;
    flight.push(std::move(command));
  };
  push(Repeat::kNever, nullptr);
  push(Repeat::kIsSafe, nullptr);
  push(Repeat::kNever, &script);
  push(Repeat::kNever, nullptr);
  flight.on_written(35);  // the last one in part
  EXPECT_EQ(flight.pop().words.count(), 0u);
  EXPECT_EQ(flight.pop().words.count(), 1u);
  EXPECT_EQ(flight.pop().words.count(), 1u);
  flight.on_written(35);
  EXPECT_EQ(flight.pop().words.count(), 1u);
}

TEST_F(QueueTest, ACommandThatIsDroppedStillEnds) {
  { const Pending dropped = pending("a", t0); }
  EXPECT_THAT(ended_, ElementsAre("a out_of_memory"));
}

TEST_F(QueueTest, AnInboxTakesAGroupWholeOrNotAtAll) {
  Inbox inbox(3, 1000, [] {});
  std::vector<Pending> two;
  two.push_back(pending("a", t0));
  two.push_back(pending("b", t0));
  EXPECT_TRUE(inbox.post(two));
  std::vector<Pending> more;
  more.push_back(pending("c", t0));
  more.push_back(pending("d", t0));
  const auto refused = inbox.post(more);
  EXPECT_EQ(refused.error().code(), Errc::kQueueFull);
  EXPECT_TRUE(more[0].reader != nullptr);  // still the caller's
  EXPECT_EQ(inbox.quota().unsent(), 2u);
  EXPECT_EQ(inbox.posted(), 2u);
}

TEST_F(QueueTest, AnInboxWakesOnlyWhoSleepsAndOnlyOnce) {
  int wakes = 0;
  Inbox inbox(100, 100'000, [&] { ++wakes; });
  const auto post = [&] {
    Pending one = pending("a", t0);
    EXPECT_TRUE(inbox.post(std::span(&one, 1)));
  };
  post();
  EXPECT_EQ(wakes, 0);
  EXPECT_FALSE(inbox.may_sleep());
  std::vector<Pending> taken;
  inbox.take(taken);
  EXPECT_EQ(taken.size(), 1u);
  EXPECT_TRUE(inbox.may_sleep());
  post();
  post();
  EXPECT_EQ(wakes, 1);
}

TEST_F(QueueTest, AnInboxTakesWhatACallbackSubmitsUnderTheSameBound) {
  int wakes = 0;
  Inbox inbox(2, 1000, [&] { ++wakes; });
  const auto post = [&] {
    Submission submission = to_submission(Command<void>(Words("SET", "k", "v"), decode_ok), [](Result<void>) {});
    const auto posted = inbox.post_in_turn(submission, Terms{});
    if (!posted) submission.reader->on_error(posted.error());
    return posted ? Errc::kOk : posted.error().code();
  };
  EXPECT_EQ(post(), Errc::kOk);
  EXPECT_EQ(post(), Errc::kOk);
  EXPECT_EQ(post(), Errc::kQueueFull);
  EXPECT_FALSE(inbox.may_sleep());
  inbox.quota().publish();
  EXPECT_EQ(inbox.quota().unsent(), 2u);
  EXPECT_EQ(inbox.posted(), 2u);
  std::vector<Pending> taken;
  inbox.take(taken);
  EXPECT_EQ(taken.size(), 2u);
  for (Pending& pending : taken) pending.fail(Error(Errc::kClosed));
  taken.clear();
  inbox.quota().publish();
  EXPECT_EQ(inbox.quota().unsent(), 0u);
  EXPECT_EQ(inbox.quota().bytes(), 0u);
  EXPECT_EQ(post(), Errc::kOk);
  auto left = inbox.close();
  EXPECT_EQ(left.size(), 1u);
  for (Pending& pending : left) pending.fail(Error(Errc::kClosed));
  EXPECT_EQ(post(), Errc::kClosed);
  EXPECT_EQ(wakes, 0);
}

TEST_F(QueueTest, AClosedInboxGivesWhatIsLeftAndTakesNothing) {
  Inbox inbox(100, 100'000, [] {});
  Pending one = pending("a", t0);
  EXPECT_TRUE(inbox.post(std::span(&one, 1)));
  for (Pending& left : inbox.close()) left.fail(Error(Errc::kClosed));
  Pending late = pending("b", t0);
  EXPECT_EQ(inbox.post(std::span(&late, 1)).error().code(), Errc::kClosed);
  late.fail(Error(Errc::kClosed));
  EXPECT_THAT(ended_, ElementsAre("a closed", "b closed"));
  EXPECT_FALSE(inbox.may_sleep());
}

TEST(Inbox, LosesNothingBetweenManyProducersAndOneConsumer) {
  constexpr int kThreads = 8;
  constexpr int kEach = 2'000;
  std::atomic<int> ended{0};
  std::mutex mutex;
  std::condition_variable wake;
  bool woken = false;
  Inbox inbox(kThreads * kEach, std::size_t{1} << 30, [&] {
    const std::lock_guard lock(mutex);
    woken = true;
    wake.notify_one();
  });
  std::vector<std::thread> producers;
  for (int i = 0; i < kThreads; ++i) {
    producers.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) {
        Command<void> command(Words("X"), decode_ok);
        Pending one(to_submission(std::move(command), [&](Result<void>) { ++ended; }), t0);
        ASSERT_TRUE(inbox.post(std::span(&one, 1)));
      }
    });
  }
  std::vector<Pending> taken;
  while (ended < kThreads * kEach) {
    if (inbox.may_sleep()) {
      std::unique_lock lock(mutex);
      ASSERT_TRUE(wake.wait_for(lock, 5s, [&] { return woken; })) << "a wake-up was lost";
      woken = false;
    }
    inbox.take(taken);
    for (Pending& pending : taken) pending.fail(Error(Errc::kClosed));
    taken.clear();
    inbox.quota().publish();
  }
  for (auto& producer : producers) producer.join();
  EXPECT_EQ(inbox.quota().unsent(), 0u);
  EXPECT_EQ(inbox.quota().bytes(), 0u);
}

TEST(LogGate, LetsSoManyThroughAWindowAndCountsTheRest) {
  LogGate gate(2, 10s);
  EXPECT_TRUE(gate.passes(t0));
  EXPECT_TRUE(gate.passes(t0 + 1s));
  EXPECT_FALSE(gate.passes(t0 + 2s));
  EXPECT_FALSE(gate.passes(t0 + 9s));
  EXPECT_TRUE(gate.passes(t0 + 10s));
  EXPECT_EQ(gate.take_held_back(), 2u);
  EXPECT_EQ(gate.take_held_back(), 0u);
  gate.reopen();
  EXPECT_TRUE(gate.passes(t0 + 11s));
  EXPECT_TRUE(gate.passes(t0 + 11s));
}

}  // namespace
}  // namespace envoyou::redis::queues_test
