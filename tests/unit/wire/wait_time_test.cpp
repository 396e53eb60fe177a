// Goal: a loop never wakes before the time it was asked for, and never spins in front of it.
// Method: the arithmetic alone, at its edges.
#include "wire/wait_time.hpp"

#include <gtest/gtest.h>

namespace envoyou::wire::wait_time_test {
namespace {

using namespace std::chrono_literals;

const TimePoint t0{1h};

TEST(WaitTime, IsZeroOnceTheTimeHasCome) {
  EXPECT_EQ(time_to_wait(t0, t0), 0ns);
  EXPECT_EQ(time_to_wait(t0, t0 - 1s), 0ns);
  EXPECT_EQ(time_to_wait(t0, TimePoint::min()), 0ns);
}

TEST(WaitTime, IsWhatIsLeft) {
  EXPECT_EQ(time_to_wait(t0, t0 + 1ns), 1ns);
  EXPECT_EQ(time_to_wait(t0, t0 + 90ms), 90ms);
}

TEST(WaitTime, IsBoundedHoweverFarTheTimeIs) {
  EXPECT_EQ(time_to_wait(t0, TimePoint::max()), 24h);
  EXPECT_EQ(time_to_wait(t0, t0 + 48h), 24h);
}

TEST(WaitTime, InMillisecondsIsRoundedUpSoThatNoLoopSpins) {
  EXPECT_EQ(to_milliseconds_rounded_up(0ns), 0);
  EXPECT_EQ(to_milliseconds_rounded_up(1ns), 1);
  EXPECT_EQ(to_milliseconds_rounded_up(1ms), 1);
  EXPECT_EQ(to_milliseconds_rounded_up(1ms + 1ns), 2);
}

TEST(WaitTime, AsATimespecKeepsItsNanoseconds) {
  const timespec time = to_timespec(2s + 5ns);
  EXPECT_EQ(time.tv_sec, 2);
  EXPECT_EQ(time.tv_nsec, 5);
}

}  // namespace
}  // namespace envoyou::wire::wait_time_test
