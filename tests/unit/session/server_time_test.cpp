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

// Nodes "a" and "b" have calendars that are an hour apart; what has the tag "b" is on "b".
class ServerTimeOfNodesTest : public ::testing::Test {
 protected:
  void answer(const std::string& node, std::int64_t server_ms) {
    const TimePoint sent = clock_->now();
    clock_->advance(2ms);
    time_.measured(server_ms, sent, clock_->now(), node);
  }

  static constexpr std::int64_t kHour = 3'600'000;
  std::shared_ptr<testing::ManualClock> clock_ = std::make_shared<testing::ManualClock>();
  ServerTime time_{clock_, [](std::string_view tag) { return std::string(tag); }};
  const std::int64_t opened_ms_ = to_unix_ms(clock_->wall_now());
};

TEST_F(ServerTimeOfNodesTest, HasACalendarForEach) {
  answer("a", opened_ms_);
  answer("b", opened_ms_ + kHour);
  answer("a", opened_ms_ + 4);
  EXPECT_NEAR(static_cast<double>(time_.now_ms("a") - opened_ms_), 5.0, 2.0);
  EXPECT_NEAR(static_cast<double>(time_.now_ms("b") - opened_ms_ - kHour), 5.0, 3.0);
  EXPECT_EQ(time_.now_ms(), time_.now_ms("a")) << "what has come everywhere";
}

TEST_F(ServerTimeOfNodesTest, WantsEachMeasured) {
  answer("a", opened_ms_);
  EXPECT_TRUE(time_.was_measured("a"));
  EXPECT_FALSE(time_.was_measured("b"));
  EXPECT_TRUE(time_.wants_measuring("b"));
  clock_->advance(61s);
  EXPECT_TRUE(time_.wants_measuring("a"));
}

TEST_F(ServerTimeOfNodesTest, BelievesAnUnknownOneToBeAsTheFirst) {
  time_.assume_offset(-7'000);
  EXPECT_EQ(time_.now_ms("c"), opened_ms_ - 7'000);
  answer("b", opened_ms_ + kHour);
  EXPECT_EQ(time_.now_ms("c"), time_.now_ms("b"));
  answer("a", opened_ms_);
  EXPECT_EQ(time_.now_ms("c"), time_.now_ms("a"));
  EXPECT_EQ(time_.offset_ms(), time_.now_ms("a") - opened_ms_ - 4);
}

TEST_F(ServerTimeOfNodesTest, DoesNotCountWhatNobodySaid) {
  answer("", opened_ms_ + kHour);
  EXPECT_EQ(time_.offset_ms(), 0);
  EXPECT_FALSE(time_.was_measured(""));
}

}  // namespace
}  // namespace envoyou::session::server_time_test
