// Goal: a Redis 25 or 60 ms away is served as one next door: its way once a call, no throughput lost, no link taken
// for dead.
// Method: a real Redis behind a proxy that delays each reply; three seconds of work, fences among it.
#include "redis_commands.hpp"

#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::far_test {
namespace {

using namespace std::chrono_literals;
using testing::FaultProxy;
using testing::RedisServer;

class FarRedis : public ::testing::TestWithParam<Milliseconds> {
 protected:
  FarRedis() { proxy_.latency(GetParam()); }
  RedisServer server_ = RedisServer::start();
  FaultProxy proxy_{server_.port()};
};
INSTANTIATE_TEST_SUITE_P(Ways, FarRedis, ::testing::Values(25ms, 60ms));

TEST_P(FarRedis, CostsACallItsWayAndNoMore) {
  auto client = open_at(proxy_.url());
  std::vector<std::chrono::milliseconds> took(41);
  for (auto& each : took) each = time_of([&] { ASSERT_TRUE(client->run(set("k", "v"), {within(500ms)})); });
  std::sort(took.begin(), took.end());
  EXPECT_GE(took.front(), GetParam());
  EXPECT_LT(took[took.size() / 2], GetParam() + 25ms);
  EXPECT_GE(client->stats().round_trip, GetParam());
  EXPECT_EQ(client->stats().condemned, 0u);
  EXPECT_EQ(client->stats().connects, 1u);
}

TEST_P(FarRedis, ServesThousandsAtOnceWithinAFewWays) {
  constexpr int kCommands = 4'000;
  auto client = open_at(proxy_.url());
  std::atomic<int> right{0};
  std::atomic<int> ended{0};
  const auto took = time_of([&] {
    for (int i = 0; i < kCommands; ++i) {
      client->run(incr("n"), {within(5s)}, [&](Result<std::int64_t> n) {
        right += n.has_value() && *n == ended + 1 ? 1 : 0;
        ++ended;
      });
    }
    while (ended < kCommands) std::this_thread::sleep_for(1ms);
  });
  EXPECT_EQ(right, kCommands);
  EXPECT_LT(took, 20 * GetParam()) << "one after the other would take " << kCommands << " ways";
}

TEST_P(FarRedis, IsNotTakenForDead) {
  auto client = open_at(proxy_.url());
  const auto end = Clock_::now() + 3s;
  int failed = 0;
  while (Clock_::now() < end) failed += client->run(get("k"), {within(500ms)}) ? 0 : 1;
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(client->stats().condemned, 0u);
  EXPECT_EQ(proxy_.connections_accepted(), 1u);
}

}  // namespace
}  // namespace envoyou::redis::far_test
