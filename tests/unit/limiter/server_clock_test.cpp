// Goal: the estimate of the server's clock never refuses a call before its time, is not late by more than the shortest
// round trip, and
//       follows a clock that was set.
// Method: replies made by hand, with a server whose clock is known.
#include "limiter/server_clock.hpp"

#include <gtest/gtest.h>

namespace envoyou::limiter::server_clock_test {
namespace {

TEST(ServerClock, KnowsNothingBeforeTheFirstReply) {
  ServerClock clock;
  EXPECT_EQ(clock.at(100), std::nullopt);
}

TEST(ServerClock, IsNeverBehindTheServer) {
  ServerClock clock;
  constexpr Ms kOffset = 1'700'000'000'000;
  for (Ms sent = 0; sent < 1'000; sent += 10) {
    const Ms there = sent % 7;
    const Ms back = sent % 5;
    clock.learn(sent, sent + there + back, sent + there + kOffset);
    ASSERT_GE(*clock.at(sent), sent + kOffset);
  }
  EXPECT_LE(*clock.at(0), kOffset + 1) << "the shortest way there decides";
}

TEST(ServerClock, FollowsAClockThatWasSet) {
  ServerClock clock;
  clock.learn(0, 2, 1'001);
  EXPECT_EQ(*clock.at(0), 1'002);
  clock.learn(10, 12, 3'601'011);
  EXPECT_EQ(*clock.at(10), 3'601'012);
  clock.learn(20, 22, 21);
  EXPECT_EQ(*clock.at(20), 22);
}

TEST(ServerClocks, KeepsTheClocksOfNodesApart) {
  ServerClocks clocks;
  clocks.of("a")->learn(0, 2, 1'001);
  clocks.of("b")->learn(0, 2, 3'601'001);
  EXPECT_EQ(*clocks.of("a")->at(0), 1'002);
  EXPECT_EQ(*clocks.of("b")->at(0), 3'601'002);
  EXPECT_EQ(clocks.of("")->at(0), std::nullopt);
}

}  // namespace
}  // namespace envoyou::limiter::server_clock_test
