// Goal: in a cluster each user's sessions go by the clock of the node that has them, and a node that stays away holds
// up its own users only. Method: a real cluster, whose nodes count what they were asked; frozen, and back but for one
// node, and then whole.
#include "fleet.hpp"

#include "redis/topology/slots.hpp"
#include "support/redis_cluster.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace envoyou::session_cluster_test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::FleetServer;
using testing::kPatient;
using testing::RedisCluster;

TEST(SessionCluster, AsksTheNodeOfTheUserForTheTime) {
  auto cluster = RedisCluster::start(3);
  testing::TempDir dir("session_cluster");
  FleetServer server(cluster.url(), (dir / "here.db").string());
  ASSERT_TRUE(server.is_on_redis());
  const auto keys_at = [&](std::size_t n) { return cluster.node(n).cli({"DBSIZE"}); };
  std::vector<std::int64_t> logins(3);
  for (int i = 0; i < 60; ++i) {
    const std::vector<std::string> before{keys_at(0), keys_at(1), keys_at(2)};
    (void)server.login("user" + std::to_string(i));
    for (std::size_t n = 0; n < 3; ++n) logins[n] += keys_at(n) != before[n] ? 1 : 0;
  }
  // Each script asks once, too.
  for (std::size_t n = 0; n < 3; ++n) {
    ASSERT_GT(logins[n], 0);
    EXPECT_EQ(cluster.node(n).calls_of("time"), logins[n] + 1) << n;
  }
}

TEST(SessionCluster, ANodeThatStaysAwayHoldsUpItsOwnUsersOnly) {
  auto cluster = RedisCluster::start(3, {.config_lines = {"cluster-require-full-coverage no"}});
  testing::TempDir dir("session_cluster");
  FleetServer here(cluster.url(), (dir / "here.db").string());
  ASSERT_TRUE(here.is_on_redis());
  for (std::size_t i = 0; i < 3; ++i) cluster.node(i).freeze();
  ASSERT_TRUE(eventually([&] {
    (void)here.login("wakes the links");
    return !here.fallback().uses_redis();
  }));
  std::vector<Session> made;
  for (int i = 0; i < 90; ++i) made.push_back(here.login("user" + std::to_string(i)));
  cluster.node(0).kill9();
  cluster.node(1).thaw();
  cluster.node(2).thaw();
  ASSERT_TRUE(eventually([&] { return here.fallback().uses_redis(); }, 20s));
  FleetServer there(cluster.url(), (dir / "there.db").string());
  const auto seen_there = [&] {
    std::size_t seen = 0;
    for (const Session& session : made) seen += there.state(session.id) == "{}" ? 1U : 0U;
    return seen;
  };
  EXPECT_TRUE(eventually([&] { return seen_there() >= 40; }, 10s)) << seen_there();
  EXPECT_GT(here.pending(), 0);
  cluster.node(0).restart();
  EXPECT_TRUE(here.has_told_everything()) << here.pending();
  EXPECT_TRUE(eventually([&] { return seen_there() == made.size(); }, 10s)) << seen_there();
}

}  // namespace
}  // namespace envoyou::session_cluster_test
