// Goal: a server far away is served as well as a near one, is not taken for dead because of the way, and where no call
// can be answered in time that is said once. Method: the simulated client (sim.hpp) with a server that answers late;
// every figure is exact.
#include "sim.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace envoyou::redis::distance_test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

std::unique_ptr<SimClient> connected_over(Milliseconds way, ClientOptions options = {}) {
  auto client = std::make_unique<SimClient>(std::move(options));
  client->server.delay = way;
  client->run_for(3 * way);
  EXPECT_TRUE(client->board.is_up());
  return client;
}

std::ptrdiff_t warnings(const SimClient& client) {
  return std::count_if(client.recorder->logged.begin(), client.recorder->logged.end(),
                       [](const std::string& line) { return line.find("in time") != std::string::npos; });
}

class FarAway : public ::testing::TestWithParam<Milliseconds> {};
INSTANTIATE_TEST_SUITE_P(Ways, FarAway, ::testing::Values(5ms, 25ms, 60ms, 90ms));

TEST_P(FarAway, ThousandCommandsTakeOneRoundTrip) {
  auto client = connected_over(GetParam());
  std::vector<std::shared_ptr<std::optional<Result<std::optional<std::string>>>>> answers;
  for (int i = 0; i < 1000; ++i) answers.push_back(client->submit(get(std::to_string(i)), 100ms));
  client->run_for(GetParam());
  for (const auto& answer : answers) ASSERT_EQ(outcome(answer), "ok");
}

TEST_P(FarAway, AMinuteOfWorkAndOfFencesCondemnsNothing) {
  auto client = connected_over(GetParam());
  for (int i = 0; i < 600; ++i) {
    client->submit(get("k"), 100ms);
    client->run_for(100ms);
  }
  EXPECT_EQ(client->stats().condemned, 0u);
  EXPECT_EQ(client->stats().timed_out, 0u);
  EXPECT_EQ(client->server.dials, 1u);
  EXPECT_EQ(client->stats().round_trip, GetParam());
  EXPECT_EQ(warnings(*client), 0);
}

TEST_P(FarAway, ALinkIsSilentForFourRoundTripsBeforeItIsCondemned) {
  auto client = connected_over(GetParam());
  client->server.frozen = true;
  client->submit(get("k"), 1000ms);
  const Milliseconds limit = std::clamp<Milliseconds>(4 * GetParam(), 100ms, 400ms);
  client->run_for(limit - 1ns);
  EXPECT_EQ(client->stats().condemned, 0u);
  client->run_for(1ms);
  EXPECT_EQ(client->stats().condemned, 1u);
  EXPECT_THAT(client->recorder->told,
              Contains(HasSubstr("silent for " + std::to_string(limit.count()) + " ms with work in flight")));
}

TEST(Distance, IsNoLongerThanAConnectMayTake) {
  ClientOptions options;
  options.connect_timeout = 150ms;
  auto client = connected_over(60ms, options);
  client->server.frozen = true;
  client->submit(get("k"), 1000ms);
  client->run_for(151ms);
  EXPECT_EQ(client->stats().condemned, 1u);
}

// The greeting met a server that was busy.
TEST(Distance, IsTheShortestThatWasSeenSoThatOneSlowAnswerIsForgotten) {
  auto client = connected_over(90ms);
  client->server.delay = 0ms;
  client->run_for(1s);
  EXPECT_EQ(client->stats().round_trip, 0ms);
  client->server.frozen = true;
  client->submit(get("k"), 1000ms);
  client->run_for(101ms);
  EXPECT_EQ(client->stats().condemned, 1u);
}

TEST(Distance, IsMeasuredAnewByTheNextLink) {
  auto client = connected_over(5ms);
  client->server.delay = 60ms;
  client->server.drop_links();
  client->run_for(200ms);
  EXPECT_TRUE(client->board.is_up());
  EXPECT_EQ(client->stats().round_trip, 60ms);
}

TEST(Distance, ThatNoCommandCanMeetIsSaidOnceAndCommandsTimeOut) {
  auto client = connected_over(120ms);
  for (int i = 0; i < 100; ++i) {
    const auto answer = client->submit(get("k"), 100ms);
    client->run_for(100ms);
    EXPECT_EQ(outcome(answer), "timeout");
  }
  EXPECT_TRUE(client->board.is_up());
  EXPECT_EQ(client->stats().condemned, 0u);
  EXPECT_EQ(client->stats().late_replies, 99u);
  EXPECT_EQ(warnings(*client), 1);
  EXPECT_THAT(client->recorder->logged, Contains(HasSubstr("round_trip_us=120000 command_timeout_ms=100")));
  EXPECT_THAT(client->recorder->told, Each(Not(HasSubstr("refused"))));
  const auto patient = client->submit(get("k"), 200ms);
  client->run_for(200ms);
  EXPECT_EQ(outcome(patient), "ok");
}

TEST(Distance, OfOneSlowGreetingIsNotSaid) {
  auto client = connected_over(120ms);
  client->server.delay = 1ms;
  client->run_for(10s);
  EXPECT_EQ(warnings(*client), 0);
}

TEST(RepeatsOfANode, AreBoundedAndCanBeSeen) {
  SimClient client;
  client.settle();
  EXPECT_EQ(client.stats().repeat_budget, 100u);
  for (int round = 0; round < 3; ++round) {
    client.server.frozen = true;
    for (int i = 0; i < 80; ++i) client.submit(get("k"), 1000ms);
    client.run_for(10ms);
    client.server.frozen = false;
    client.server.drop_links();
    client.server.handler = [](const Argv& argv) -> std::optional<std::string> {
      if (argv[0] == "GET") return "";  // a server that is sick goes on being so
      return std::nullopt;
    };
    client.run_for(500ms);
  }
  EXPECT_EQ(client.stats().repeated, 100u);
  EXPECT_EQ(client.stats().repeats_refused, 3 * 80u - 100u);
  EXPECT_EQ(client.stats().repeat_budget, 0u);
  std::map<std::string, double> samples;
  client.runtime.metrics->visit([&](const auto& sample) { samples[std::string(sample.name)] = sample.value; });
  EXPECT_EQ(samples["envoyou_redis_repeated_total"], 100);
  EXPECT_EQ(samples["envoyou_redis_repeats_refused_total"], 140);
  EXPECT_EQ(samples["envoyou_redis_repeat_budget"], 0);
}

TEST(RepeatsOfANode, AreEarnedByAnswers) {
  SimClient client;
  client.settle();
  client.server.frozen = true;
  for (int i = 0; i < 100; ++i) client.submit(get("k"), 1000ms);
  client.run_for(10ms);
  client.server.frozen = false;
  client.server.drop_links();
  client.settle();
  EXPECT_EQ(client.stats().repeated, 100u);
  EXPECT_EQ(client.stats().repeat_budget, 10u);  // the hundred answers of the repeats
}

}  // namespace
}  // namespace envoyou::redis::distance_test
