// Goal: of those who ask at the same time one works; the others get its value, and nobody waits beyond its deadline or
// for a leader who failed. Method: flights driven by hand; threads only where waiting is the subject, held together by
// a manual clock.
#include "cache/single_flight.hpp"

#include <envoyou/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace envoyou::cache::single_flight_test {
namespace {

using Flights = SingleFlight<std::string>;
using Outcome = Flights::Outcome;
using std::chrono::milliseconds;

std::shared_ptr<const std::string> value(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

TEST(SingleFlight, TheFirstLeadsTheOthersFollow) {
  Flights flights;
  auto first = flights.join("k");
  auto second = flights.join("k");
  auto other = flights.join("l");
  ASSERT_TRUE(first.lead);
  ASSERT_TRUE(second.flight);
  EXPECT_TRUE(other.lead);
  testing::ManualClock clock;
  first.lead->land(value("v"));
  const auto awaited = second.flight->wait(Deadline::never(), clock);
  EXPECT_EQ(awaited.outcome, Outcome::kLanded);
  EXPECT_EQ(*awaited.value, "v");
  EXPECT_TRUE(flights.join("k").lead) << "a flight that ended is over";
}

TEST(SingleFlight, ALeaderThatIsDroppedHasFailed) {
  Flights flights;
  auto first = flights.join("k");
  auto second = flights.join("k");
  first.lead.reset();
  testing::ManualClock clock;
  EXPECT_EQ(second.flight->wait(Deadline::never(), clock).outcome, Outcome::kFailed);
}

TEST(SingleFlight, AValueThatIsKeptIsNotGivenAway) {
  Flights flights;
  auto first = flights.join("k");
  auto second = flights.join("k");
  first.lead->keep();
  testing::ManualClock clock;
  const auto awaited = second.flight->wait(Deadline::never(), clock);
  EXPECT_EQ(awaited.outcome, Outcome::kKept);
  EXPECT_EQ(awaited.value, nullptr);
}

TEST(SingleFlight, AFollowerWaitsUntilItsDeadlineAndNoLonger) {
  Flights flights;
  auto first = flights.join("k");
  auto second = flights.join("k");
  testing::ManualClock clock;
  EXPECT_EQ(second.flight->wait(Deadline::at(clock.now()), clock).outcome, Outcome::kTimedOut);
  const Deadline deadline = Deadline::after(clock, milliseconds(100));
  std::thread follower([&] { EXPECT_EQ(second.flight->wait(deadline, clock).outcome, Outcome::kTimedOut); });
  clock.advance(milliseconds(100));
  follower.join();
}

TEST(SingleFlight, FollowersInOtherThreadsGetTheValue) {
  Flights flights;
  testing::ManualClock clock;
  auto leader = flights.join("k");
  std::vector<std::thread> followers;
  std::atomic<int> got{0};
  for (int i = 0; i < 8; ++i) {
    auto joined = flights.join("k");
    followers.emplace_back([&clock, &got, flight = joined.flight] {
      const auto awaited = flight->wait(Deadline::never(), clock);
      if (awaited.value && *awaited.value == "v") ++got;
    });
  }
  leader.lead->land(value("v"));
  for (auto& follower : followers) follower.join();
  EXPECT_EQ(got, 8);
}

TEST(SingleFlight, AnOutdatedFlightIsJoinedByNobodyAndItsLeaderKnows) {
  Flights flights;
  auto first = flights.join("k");
  auto follower = flights.join("k");
  flights.outdate("k");
  EXPECT_TRUE(first.lead->outdated());
  auto second = flights.join("k");
  ASSERT_TRUE(second.lead);
  EXPECT_FALSE(second.lead->outdated());
  testing::ManualClock clock;
  first.lead->land(value("old"));
  EXPECT_TRUE(flights.join("k").flight) << "the end of the old flight does not end the new one";
  EXPECT_EQ(*follower.flight->wait(Deadline::never(), clock).value, "old");
}

TEST(SingleFlight, TellsWhetherSomebodyLandedMeanwhile) {
  Flights flights;
  const auto before = flights.landings("k");
  auto lead = std::move(flights.join("k").lead);
  EXPECT_EQ(flights.landings("k"), before);
  lead->land(value("v"));
  EXPECT_NE(flights.landings("k"), before);
}

}  // namespace
}  // namespace envoyou::cache::single_flight_test
