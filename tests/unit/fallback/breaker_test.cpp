// Goal: the breaker opens at once, closes only after a node stayed good for as long as it must, asks more of a node
// that flaps,
//       and always believes a healthy node within 400 ms of its first good answer.
// Method: feed events and times by hand; the machine has no time of its own.
#include "fallback/breaker.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include "../times.hpp"

namespace envoyou::fallback::breaker_test {
namespace {

using namespace std::chrono_literals;

void open_and_answer(Breaker& breaker, TimePoint at) {
  breaker.on_failure(at);
  breaker.on_answered(at);
}

TEST(Breaker, OpensOnTheFirstFailureAndCountsManyAsOne) {
  Breaker breaker{{}};
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
  EXPECT_TRUE(breaker.on_failure(t0));
  EXPECT_EQ(breaker.state(), BreakerState::kOpen);
  for (int i = 0; i < 64; ++i) EXPECT_FALSE(breaker.on_failure(t0 + 1ms));
  EXPECT_EQ(breaker.stable_for(), 50ms);
}

TEST(Breaker, IsHalfOpenAfterTheFirstGoodAnswerAndClosedWhenItStayedGood) {
  Breaker breaker{{}};
  breaker.on_failure(t0);
  EXPECT_FALSE(breaker.due().has_value());
  EXPECT_TRUE(breaker.on_answered(t0 + 1s));
  EXPECT_EQ(breaker.state(), BreakerState::kHalfOpen);
  EXPECT_EQ(breaker.due(), t0 + 1050ms);
  EXPECT_FALSE(breaker.advance(t0 + 1049ms));
  EXPECT_TRUE(breaker.advance(t0 + 1050ms));
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
  EXPECT_FALSE(breaker.advance(t0 + 2s));
}

TEST(Breaker, MoreGoodAnswersDoNotDelayIt) {
  Breaker breaker{{}};
  open_and_answer(breaker, t0);
  EXPECT_FALSE(breaker.on_answered(t0 + 40ms));
  EXPECT_EQ(breaker.due(), t0 + 50ms);
}

TEST(Breaker, OpensAgainWhenTheNodeFailsWhileHalfOpen) {
  Breaker breaker{{}};
  open_and_answer(breaker, t0);
  EXPECT_TRUE(breaker.on_failure(t0 + 20ms));
  EXPECT_EQ(breaker.state(), BreakerState::kOpen);
  EXPECT_EQ(breaker.stable_for(), 100ms);
}

TEST(Breaker, AsksTwiceAsMuchOfANodeThatFlapsUpToABound) {
  Breaker breaker{{}};
  breaker.on_failure(t0);
  TimePoint now = t0;
  for (const auto expected : {50ms, 100ms, 200ms, 400ms, 400ms}) {
    EXPECT_EQ(breaker.stable_for(), expected);
    breaker.on_answered(now += 10ms);
    breaker.advance(now += expected);
    EXPECT_EQ(breaker.state(), BreakerState::kClosed);
    breaker.on_failure(now += 10ms);
  }
}

TEST(Breaker, ForgetsTheFlappingAfterAGoodTime) {
  Breaker breaker{{}};
  open_and_answer(breaker, t0);
  breaker.on_failure(t0 + 10ms);
  breaker.on_answered(t0 + 20ms);
  breaker.advance(t0 + 120ms);
  EXPECT_TRUE(breaker.on_failure(t0 + 20ms + 10s));
  EXPECT_EQ(breaker.stable_for(), 50ms);
}

TEST(Breaker, GoodAnswersOfAClosedBreakerMeanNothing) {
  Breaker breaker{{}};
  EXPECT_FALSE(breaker.on_answered(t0));
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
}

TEST(Breaker, WhateverHappenedBeforeAHealthyNodeIsBelievedWithinItsBound) {
  const std::uint64_t seed = base::jitter_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  base::Jitter random(seed);
  for (int run = 0; run < 200; ++run) {
    Breaker breaker{{}};
    TimePoint now = t0;
    for (int i = 0; i < 50; ++i) {
      now += std::chrono::milliseconds(random.next() % 200);
      if (random.next() % 2 == 0) breaker.on_failure(now);
      if (random.next() % 2 == 0) breaker.on_answered(now);
      breaker.advance(now);
    }
    breaker.on_answered(now);
    breaker.advance(now + 400ms);
    ASSERT_EQ(breaker.state(), BreakerState::kClosed) << "run " << run;
  }
}

}  // namespace
}  // namespace envoyou::fallback::breaker_test
