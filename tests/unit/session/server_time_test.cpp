// Goal: one time scale for all servers: a step of the local calendar changes nothing, and Redis' clock decides.
// Method: a clock that is moved by hand, and measurements as a reply would bring them.
#include "session/server_time.hpp"

#include <envoyou/testing/manual_clock.hpp>

#include <gtest/gtest.h>

namespace envoyou::session::server_time_test {
namespace {

using namespace std::chrono_literals;

class ServerTimeTest : public ::testing::Test {
 protected:
  void answer(std::int64_t server_ms, Milliseconds round_trip = 2ms) {
    const TimePoint sent = clock_->now();
    clock_->advance(round_trip);
    time_.measured(server_ms, sent, clock_->now());
  }

  std::shared_ptr<testing::ManualClock> clock_ = std::make_shared<testing::ManualClock>();
  ServerTime time_{clock_};
  const std::int64_t opened_ms_ = to_unix_ms(clock_->wall_now());
};

TEST_F(ServerTimeTest, IsTheCalendarWhereNoServerHasSpoken) {
  EXPECT_EQ(time_.now_ms(), opened_ms_);
  clock_->advance(90s);
  EXPECT_EQ(time_.now_ms(), opened_ms_ + 90'000);
  EXPECT_FALSE(time_.was_measured());
  EXPECT_TRUE(time_.wants_measuring());
}

TEST_F(ServerTimeTest, DoesNotNoticeAStepOfTheCalendar) {
  clock_->step_wall(-1h);
  EXPECT_EQ(time_.now_ms(), opened_ms_);
  clock_->step_wall(3h);
  clock_->advance(1s);
  EXPECT_EQ(time_.now_ms(), opened_ms_ + 1'000);
}

TEST_F(ServerTimeTest, FollowsTheServer) {
  answer(opened_ms_ + 300'000);
  EXPECT_NEAR(static_cast<double>(time_.now_ms()), static_cast<double>(opened_ms_ + 300'001), 1.0);
  EXPECT_TRUE(time_.was_measured());
  EXPECT_FALSE(time_.wants_measuring());
  clock_->advance(61s);
  EXPECT_TRUE(time_.wants_measuring());
}

TEST_F(ServerTimeTest, IsNotMovedByWhatMayBeTheWayOfTheReply) {
  answer(opened_ms_ + 1);
  const std::int64_t before = time_.offset_ms();
  answer(opened_ms_ + 2 + 30, 80ms);  // in the middle would have been 42
  EXPECT_EQ(time_.offset_ms(), before);
  answer(time_.now_ms() + 5'000, 80ms);
  EXPECT_NEAR(static_cast<double>(time_.offset_ms() - before), 4'960.0, 1.0);
}

TEST_F(ServerTimeTest, StartsFromWhatAnEarlierRunKnew) {
  time_.assume_offset(-7'000);
  EXPECT_EQ(time_.now_ms(), opened_ms_ - 7'000);
  EXPECT_TRUE(time_.wants_measuring());
  answer(opened_ms_ + 1);
  EXPECT_NEAR(static_cast<double>(time_.offset_ms()), 0.0, 1.0);
}

}  // namespace
}  // namespace envoyou::session::server_time_test
