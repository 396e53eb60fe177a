// Goal: a node is dialled as often as promised and no more, and it is known at any time whether commands may wait for
// it. Method: hand-fed time and outcomes; attempts are counted over simulated seconds.
#include "redis/node_fsm.hpp"

#include "redis/retry_budget.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "../times.hpp"

namespace envoyou::redis::node_fsm_test {
namespace {

using namespace std::chrono_literals;

class NodeTest : public ::testing::Test {
 protected:
  NodeFsm node(std::size_t links = 1) { return {ReconnectPolicy(50ms, 500ms, links, jitter_), links}; }

  // The starts of all attempts in `span` if each fails `takes` after its start.
  std::vector<TimePoint> attempts(NodeFsm& fsm, std::chrono::milliseconds takes, std::chrono::seconds span) {
    std::vector<TimePoint> starts;
    for (TimePoint now = t0; now < t0 + span;) {
      now = std::max(now, fsm.next_dial());
      starts.push_back(now);
      fsm.on_dial(now);
      now += takes;
      fsm.on_failed();
    }
    return starts;
  }

  base::Jitter jitter_{42};
};

TEST_F(NodeTest, IsDialledAtOnceAndThenAtDoublingIntervals) {
  auto fsm = node();
  const auto starts = attempts(fsm, 0ms, 10s);
  EXPECT_EQ(starts[0], t0);
  const std::chrono::milliseconds kNominal[] = {50ms, 100ms, 200ms, 400ms, 500ms, 500ms, 500ms};
  for (std::size_t i = 0; i < std::size(kNominal); ++i) {
    const auto waited = starts[i + 1] - starts[i];
    EXPECT_LE(waited, kNominal[i]);
    EXPECT_GE(waited, kNominal[i] * 8 / 10);
  }
}

TEST_F(NodeTest, IsDialledAtMostTenTimesInTheFirstSecondAndThreeTimesASecondLater) {
  for (const auto takes : {0ms, 1ms, 100ms, 400ms}) {
    auto fsm = node();
    const auto starts = attempts(fsm, takes, 60s);
    const auto in_first = std::count_if(starts.begin(), starts.end(), [](TimePoint at) { return at < t0 + 1s; });
    EXPECT_LE(in_first, 10);
    EXPECT_LE(starts.size(), 10u + 3u * 59u);
    EXPECT_GE(starts.size(), 60u * 2u);  // and never less than twice a second
  }
}

TEST_F(NodeTest, DoesNotWaitOnTopOfAnAttemptThatUsedUpItsTime) {
  auto fsm = node();
  const auto starts = attempts(fsm, 400ms, 5s);
  for (std::size_t i = 1; i < starts.size(); ++i) EXPECT_LE(starts[i] - starts[i - 1], 500ms);
  EXPECT_EQ(starts[1] - starts[0], 400ms);
}

// A server that accepts, answers the handshake, and hangs up.
TEST_F(NodeTest, IsNotHammeredWhenItFlaps) {
  auto fsm = node();
  std::size_t in_first = 0;
  std::size_t all = 0;
  for (TimePoint now = t0; now < t0 + 30s; now += 1ms) {
    if (now < fsm.next_dial()) continue;
    fsm.on_dial(now);
    fsm.on_ready();
    fsm.on_lost(now);
    ++all;
    if (now < t0 + 1s) ++in_first;
  }
  EXPECT_LE(in_first, 10u);
  EXPECT_LE(all, 10u + 3u * 29u);
}

TEST_F(NodeTest, MayLoseLinksNowAndThenAsLongAsItAnswers) {
  auto fsm = node();
  for (TimePoint now = t0; now < t0 + 10s; now += 10ms) {
    EXPECT_LE(fsm.next_dial(), now);
    fsm.on_dial(now);
    fsm.on_ready();
    fsm.on_answered(20);
    fsm.on_lost(now);
    EXPECT_EQ(fsm.reach(), Reach::kTrying);
  }
  // What was earned is no more than a bucket.
  fsm.on_answered(1'000'000'000);
  int at_once = 0;
  for (; fsm.next_dial() <= t0 + 10s; ++at_once) {
    fsm.on_dial(t0 + 10s);
    fsm.on_ready();
    fsm.on_lost(t0 + 10s);
  }
  EXPECT_LE(at_once, 8);
}

TEST_F(NodeTest, IsTryingUntilTheFirstAttemptFails) {
  auto fsm = node();
  EXPECT_EQ(fsm.reach(), Reach::kTrying);
  fsm.on_dial(t0);
  EXPECT_EQ(fsm.reach(), Reach::kTrying);
  EXPECT_EQ(fsm.next_dial(), TimePoint::max());
  fsm.on_failed();
  EXPECT_EQ(fsm.reach(), Reach::kAway);
  fsm.on_dial(fsm.next_dial());
  EXPECT_EQ(fsm.reach(), Reach::kAway);
  fsm.on_ready();
  EXPECT_EQ(fsm.reach(), Reach::kUp);
}

TEST_F(NodeTest, IsDialledAtOnceAfterALinkThatWasUpIsLost) {
  auto fsm = node();
  fsm.on_dial(t0);
  fsm.on_ready();
  fsm.on_lost(t0 + 60s);
  EXPECT_EQ(fsm.reach(), Reach::kTrying);
  EXPECT_LE(fsm.next_dial(), t0 + 60s);
}

TEST_F(NodeTest, IsAwayWhenALossMayNotBeAnsweredWithAnAttempt) {
  auto fsm = node();
  for (int i = 0; i < ReconnectPolicy::kBurst; ++i) {
    EXPECT_EQ(fsm.reach(), Reach::kTrying);
    fsm.on_dial(t0);
    fsm.on_ready();
    fsm.on_lost(t0);
  }
  EXPECT_EQ(fsm.reach(), Reach::kAway);
  EXPECT_GT(fsm.next_dial(), t0);
}

TEST_F(NodeTest, IsKnockedAtOnceHoweverManyLinksAreMissing) {
  auto fsm = node(4);
  fsm.on_dial(t0);
  EXPECT_EQ(fsm.next_dial(), TimePoint::max());
  fsm.on_ready();
  for (int i = 0; i < 3; ++i) {
    EXPECT_LE(fsm.next_dial(), t0);
    fsm.on_dial(t0);
  }
  EXPECT_EQ(fsm.next_dial(), TimePoint::max());
  for (int i = 0; i < 3; ++i) fsm.on_ready();
  EXPECT_EQ(fsm.ready(), 4u);
}

TEST_F(NodeTest, StaysUpWhileOneLinkIs) {
  auto fsm = node(2);
  fsm.on_dial(t0);
  fsm.on_ready();
  fsm.on_dial(t0);
  fsm.on_failed();
  EXPECT_EQ(fsm.reach(), Reach::kUp);
  fsm.on_lost(t0);  // at once, although the other link has failed just now
  EXPECT_EQ(fsm.reach(), Reach::kTrying);
  EXPECT_LE(fsm.next_dial(), t0);
}

TEST(RetryBudget, IsAHundredRepeatsAndATenthOfTheAnswers) {
  RetryBudget budget;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take());
  budget.on_answered(9);
  EXPECT_FALSE(budget.take());
  budget.on_answered(1);
  EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take());
  budget.on_answered(1'000'000);
  int repeats = 0;
  while (budget.take()) ++repeats;
  EXPECT_EQ(repeats, 100);
}

}  // namespace
}  // namespace envoyou::redis::node_fsm_test
