// Goal: the arithmetic of the exact sliding window log answers as the conventions say, to the millisecond, and never
// admits more
//       than the limit in any window; the lump of others' usage only ever makes it stricter, and lapses when it was
//       said to.
// Method: the edges by hand; random requests against the plain oracle, with a printed seed.
#include "limiter/algorithms/sliding_log.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace envoyou::limiter::sliding_log_test {
namespace {

bool take(SlidingLog& log, Ms now, std::int64_t limit, std::int64_t cost = 1) {
  const auto look = log.look({now, 0});
  if (log.retry_after(look, {.limit = limit}, cost) != 0) return false;
  log.admit(look, cost);
  return true;
}
Ms wait(const SlidingLog& log, Ms now, std::int64_t limit, std::int64_t cost = 1) {
  return log.retry_after(log.look({now, 0}), {.limit = limit}, cost);
}

TEST(SlidingLog, AnAdmissionCountsUntilExactlyAWindowLater) {
  SlidingLog log(1000);
  EXPECT_TRUE(take(log, 5000, 1));
  EXPECT_EQ(wait(log, 5999, 1), 1);
  EXPECT_EQ(wait(log, 6000, 1), 0);
  EXPECT_EQ(log.look({5999, 0}).used, 1);
  EXPECT_EQ(log.look({6000, 0}).used, 0);
}

TEST(SlidingLog, TenThousandInOneMillisecondAllCount) {
  SlidingLog log(60'000);
  int admitted = 0;
  for (int i = 0; i < 20'000; ++i) admitted += take(log, 77, 10'000) ? 1 : 0;
  EXPECT_EQ(admitted, 10'000);
  EXPECT_EQ(wait(log, 77, 10'000), 60'000);
}

TEST(SlidingLog, TheWaitIsForTheAdmissionThatFreesEnough) {
  SlidingLog log(100);
  take(log, 10, 10, 3);
  take(log, 20, 10, 4);
  take(log, 30, 10, 3);
  EXPECT_EQ(wait(log, 40, 10, 1), 70);
  EXPECT_EQ(wait(log, 40, 10, 3), 70);
  EXPECT_EQ(wait(log, 40, 10, 4), 80);
  EXPECT_EQ(wait(log, 40, 10, 10), 90);
  EXPECT_EQ(wait(log, 40, 10, 11), kNever);
}

TEST(SlidingLog, AClockThatStepsBackDoesNotOpenTheLimit) {
  SlidingLog log(500);
  EXPECT_TRUE(take(log, 10'000, 1));
  EXPECT_FALSE(take(log, 9'800, 1));
  EXPECT_EQ(wait(log, 9'800, 1), 700) << "the wait counts from the caller's own now";
  EXPECT_EQ(log.look({9'800, 0}).reset_after, 700);
}

TEST(SlidingLog, AClockThatWasFarAheadStartsItAfresh) {
  SlidingLog log(500);
  take(log, 3'600'000, 1);
  EXPECT_FALSE(log.look({3'598'500, 0}).afresh);
  EXPECT_TRUE(log.look({3'598'499, 0}).afresh);
  EXPECT_TRUE(take(log, 1'000, 1));
  EXPECT_EQ(log.look({1'000, 0}).used, 1);
  EXPECT_FALSE(log.look({1'000, 0}).afresh);
}

TEST(SlidingLog, ALimitThatIsLoweredAppliesToWhatIsThere) {
  SlidingLog log(100);
  for (int i = 0; i < 8; ++i) take(log, i, 10);
  EXPECT_EQ(wait(log, 10, 5), 93);
  EXPECT_EQ(wait(log, 10, 5, 0), 0) << "nothing costs nothing";
}

TEST(SlidingLog, WhatOthersUsedCountsUntilItWasSaidToLapse) {
  SlidingLog log(1000);
  take(log, 100, 30, 5);
  log.hear({200, 0}, {25, 900}, 0);
  EXPECT_EQ(log.look({200, 0}).used, 25);
  EXPECT_EQ(log.look({200, 0}).heard, 20);
  EXPECT_EQ(log.look({1099, 0}).used, 25);
  EXPECT_EQ(log.look({1100, 0}).used, 0);
  EXPECT_EQ(log.look({300, 0}).reset_after, 800);
}

TEST(SlidingLog, TheWaitKnowsOfBothParts) {
  SlidingLog log(1000);
  take(log, 0, 30, 10);
  take(log, 500, 30, 5);
  log.hear({500, 0}, {30, 700}, 0);  // 15 of others until 1200
  EXPECT_EQ(wait(log, 600, 30, 10), 400) << "the first ten of our own go first";
  EXPECT_EQ(wait(log, 600, 30, 11), 600) << "then the others' lump";
  EXPECT_EQ(wait(log, 600, 30, 25), 600);
  EXPECT_EQ(wait(log, 600, 30, 26), 900) << "and our last ones";
}

TEST(SlidingLog, WhatRedisDoesNotKnowOfIsNotTakenForOthers) {
  SlidingLog log(1000);
  take(log, 0, 30, 4);
  take(log, 0, 30, 6);
  log.hear({10, 0}, {9, 990}, 6);
  EXPECT_EQ(log.look({10, 0}).heard, 5) << "nine in Redis, four of them ours";
}

TEST(SlidingLog, HearingLessThanWeKnowForgetsNothing) {
  SlidingLog log(1000);
  take(log, 0, 30, 10);
  log.hear({1, 0}, {3, 999}, 0);
  EXPECT_EQ(log.look({1, 0}).used, 10);
}

TEST(SlidingLog, BeyondItsBoundItOnlyGetsStricter) {
  constexpr Ms kWindow = 200'000;
  SlidingLog log(kWindow);
  for (Ms now = 0; now < 150'000; ++now) ASSERT_TRUE(take(log, now, 1'000'000));
  EXPECT_LE(log.bytes(), kMaxLogEntries * sizeof(Admission));
  EXPECT_EQ(log.look({150'000, 0}).used, 150'000);
  for (Ms now = kWindow; now < kWindow + 150'000; now += 997) {
    const std::int64_t exact = 150'000 - (now - kWindow) - 1;
    const std::int64_t used = log.look({now, 0}).used;
    ASSERT_GE(used, exact);
    ASSERT_LE(used, exact + 8);
  }
  EXPECT_EQ(log.look({kWindow + 150'000, 0}).used, 0);
}

TEST(SlidingLog, TotalsThatGrewVeryLargeStillSubtract) {
  SlidingLog log(10);
  constexpr std::int64_t kCost = std::int64_t{1} << 58;
  for (Ms now = 0; now < 100; ++now) {
    const auto look = log.look({now, 0});
    log.admit(look, kCost / 16);
    ASSERT_EQ(log.look({now, 0}).used, std::min<Ms>(now + 1, 10) * (kCost / 16));
  }
}

// P1, P2, P3, P5, P6, P10 and P13 of one log against a list that is summed up anew.
TEST(SlidingLog, AgreesWithAPlainList) {
  const std::uint64_t seed = base::jitter_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  base::Jitter random(seed);
  for (int run = 0; run < 200; ++run) {
    const Ms window = 1 + static_cast<Ms>(random.next() % 300);
    const std::int64_t limit = 1 + static_cast<std::int64_t>(random.next() % 40);
    SlidingLog log(window);
    std::vector<std::pair<Ms, std::int64_t>> plain;
    Ms now = 1'000'000;
    Ms newest = 0;
    for (int step = 0; step < 300; ++step) {
      now += static_cast<Ms>(random.next() % 30) - (random.next() % 10 == 0 ? 60 : 0);
      const std::int64_t cost = 1 + static_cast<std::int64_t>(random.next() % 5);
      const Ms at = std::max(now, newest);
      std::int64_t used = 0;
      for (const auto& [when, paid] : plain) used += when > at - window ? paid : 0;
      const auto look = log.look({now, 0});
      ASSERT_EQ(look.used, used);
      const bool admits = used + cost <= limit;
      const Ms waits = log.retry_after(look, {.limit = limit}, cost);
      ASSERT_EQ(waits == 0, admits);
      if (!admits && cost <= limit) {
        SlidingLog later = SlidingLog(window);
        for (const auto& [when, paid] : plain) later.admit(later.look({when, 0}), paid);
        ASSERT_EQ(later.retry_after(later.look({now + waits, 0}), {.limit = limit}, cost), 0);
        // Before its own newest admission a log does not open at all, so the step before is one on the effective clock.
        if (now + waits - 1 >= at) {
          ASSERT_GT(later.retry_after(later.look({now + waits - 1, 0}), {.limit = limit}, cost), 0);
        }
      }
      if (!admits) continue;
      log.admit(look, cost);
      plain.emplace_back(at, cost);
      newest = at;
      ASSERT_EQ(log.look({now, 0}).reset_after, at + window - now);
    }
  }
}

}  // namespace
}  // namespace envoyou::limiter::sliding_log_test
