// Goal: deadlines shrink and never grow, and a manual clock wakes its waiters.
// Method: hand-fed time; one thread that waits on a ManualClock.
#include <envoyou/deadline.hpp>
#include <envoyou/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <thread>

namespace envoyou::time_test {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, SharesOfOneBudgetNeverExceedIt) {
  testing::ManualClock clock;
  const Deadline request = Deadline::after(clock, 100ms);
  EXPECT_EQ(request.share(clock.now(), 20ms).remaining(clock.now()), 20ms);
  clock.advance(90ms);
  EXPECT_EQ(request.share(clock.now(), 20ms).remaining(clock.now()), 10ms);
  clock.advance(30ms);
  EXPECT_TRUE(request.expired(clock.now()));
  EXPECT_EQ(request.remaining(clock.now()), 0ms);
}

TEST(Deadline, NeverIsNeverEvenAfterArithmetic) {
  testing::ManualClock clock;
  EXPECT_TRUE(Deadline::after(clock, std::chrono::nanoseconds::max()).is_never());
  EXPECT_FALSE(Deadline::never().share(clock.now(), 5ms).is_never());
}

TEST(Deadline, KnowsWhetherAShareIsCutShort) {
  testing::ManualClock clock;
  const Deadline request = Deadline::after(clock, 100ms);
  EXPECT_FALSE(request.cuts(clock.now(), 100ms));
  EXPECT_TRUE(request.cuts(clock.now(), 101ms));
  EXPECT_FALSE(Deadline::never().cuts(clock.now(), 1h));
}

TEST(Deadline, TravelsAsRemainingMillisecondsRoundedDown) {
  testing::ManualClock clock;
  const Deadline request = Deadline::after(clock, 100ms);
  EXPECT_EQ(to_remaining_ms(request, clock.now()), "100");
  clock.advance(1500us);
  EXPECT_EQ(to_remaining_ms(request, clock.now()), "98");
  clock.advance(1h);
  EXPECT_EQ(to_remaining_ms(request, clock.now()), "0");
  EXPECT_EQ(to_remaining_ms(Deadline::never(), clock.now()), "");
}

TEST(Deadline, ArrivesUnderACap) {
  testing::ManualClock clock;
  const auto left = [&](std::string_view text) {
    return from_remaining_ms(text, clock.now(), 250ms).value().remaining(clock.now());
  };
  EXPECT_EQ(left("98"), 98ms);
  EXPECT_EQ(left("0"), 0ms);
  EXPECT_EQ(left("007"), 7ms);
  EXPECT_EQ(left("251"), 250ms);
  EXPECT_EQ(left("999999999999"), 250ms);
  EXPECT_EQ(left(""), 250ms);
}

TEST(Deadline, IsNotReadFromWhatIsNoNumber) {
  const TimePoint now{1h};
  for (const std::string_view text : {"-1", "+1", " 1", "1 ", "1.5", "1e3", "0x10", "100m", "1234567890123", "\xff"}) {
    const auto read = from_remaining_ms(text, now, 100ms);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code(), Errc::kInvalidArgument);
    EXPECT_EQ(read.error().message().find("X-Request-Timeout-Ms"), 0u) << read.error().message();
  }
}

TEST(ManualClock, MovesBothScalesTogetherAndTheCalendarAlone) {
  testing::ManualClock clock;
  const auto start = clock.now();
  const auto wall = clock.wall_now();
  clock.advance(1500us);
  clock.advance(1500us);
  EXPECT_EQ(clock.now() - start, 3ms);
  EXPECT_EQ(clock.wall_now() - wall, 3ms);
  clock.step_wall(-1h);
  EXPECT_EQ(clock.wall_now() - wall, 3ms - 1h);
}

TEST(ManualClock, WakesWhoWaitsForATimeThatHasCome) {
  testing::ManualClock clock;
  std::mutex mutex;
  std::condition_variable wake;
  const auto until = clock.now() + 1h;
  std::thread waiter([&] {
    std::unique_lock lock(mutex);
    while (clock.now() < until) clock.wait_until(lock, wake, until);
  });
  clock.advance(2h);
  waiter.join();
  EXPECT_GE(clock.now(), until);
}

}  // namespace
}  // namespace envoyou::time_test
