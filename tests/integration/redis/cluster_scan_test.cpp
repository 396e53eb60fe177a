// Goal: a scan over a cluster gives every key of every primary, also while slots move, and names the node that it could
// not ask. Method: a real cluster, resharded and broken between two steps of a scan.
#include "redis_commands.hpp"

#include "redis/topology/slots.hpp"
#include "support/coroutine.hpp"
#include "support/redis_cluster.hpp"
#include "support/wait_for.hpp"

#include <envoyou/redis/commands.hpp>
#include <envoyou/redis/scan.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace envoyou::redis::cluster_scan_test {
namespace {

using namespace std::chrono_literals;
using testing::Coroutine;
using testing::eventually;
using ::testing::HasSubstr;
using testing::RedisCluster;
using Keys = std::set<std::string>;

constexpr ScanLimits kPatient{.step_timeout = 10s};

std::shared_ptr<Client> open_patient(const RedisCluster& cluster) {
  auto options = parse_url(cluster.url()).value();
  options.command_timeout = 5s;
  options.stall_limit = 5s;
  return open_at(options);
}

Keys fill_keys(Client& client, int keys) {
  Keys made;
  Pipeline pipeline;
  std::vector<Pipeline::Slot<void>> answers;
  for (int i = 0; i < keys; ++i) {
    made.insert("key" + std::to_string(i));
    answers.push_back(pipeline.add(set("key" + std::to_string(i), "v")));
  }
  EXPECT_TRUE(client.run(pipeline, {within(10s)}));
  for (auto& answer : answers) EXPECT_TRUE(Pipeline::take(answer));
  return made;
}

Coroutine collect(AsyncScan<std::string> keys, Keys& into, std::optional<Error>& error) {
  while (auto key = co_await keys.next()) {
    if (*key) {
      into.insert(**key);
    } else {
      error = key->error();
    }
  }
}

TEST(ClusterScanOver, ARealClusterGivesEveryKeyToThreadsAndCoroutines) {
  auto cluster = RedisCluster::start(3);
  auto client = open_patient(cluster);
  const Keys made = fill_keys(*client, 1'500);
  Keys keys;
  std::size_t came = 0;
  for (Result<std::string>& key : scan(*client, {.count = 100}, kPatient)) {
    keys.insert(std::move(key).value());
    ++came;
  }
  EXPECT_EQ(keys, made);
  EXPECT_EQ(came, made.size());
  Keys rare;
  for (Result<std::string>& key : scan(*client, {.match = "key77*"}, kPatient)) rare.insert(std::move(key).value());
  EXPECT_EQ(rare.size(), 11u);
  Keys awaited;
  std::optional<Error> error;
  const Coroutine all = collect(async_scan(*client, {.count = 100}, kPatient), awaited, error);
  ASSERT_TRUE(eventually([&] { return all.done(); }, 20s));
  EXPECT_EQ(error, std::nullopt);
  EXPECT_EQ(awaited, made);
}

TEST(ClusterScanOver, ARealClusterGoesToTheNodeOfAKey) {
  auto cluster = RedisCluster::start(3);
  auto client = open_patient(cluster);
  for (const char* name : {"foo", "bar", "hello"}) {
    Pipeline pipeline;
    for (int i = 0; i < 600; ++i) (void)pipeline.add(cmd::sadd(name, {std::to_string(i) + " is a member"}));
    ASSERT_TRUE(client->run(pipeline, {within(10s)}));
    Keys members;
    std::size_t steps = 0;
    const Slot slot = slot_of(name);
    for (Result<std::string>& member : sscan(*client, name, {.count = 20}, kPatient)) {
      members.insert(std::move(member).value());
      if (++steps == 100) cluster.move_slot(slot, cluster.owner(slot), (cluster.owner(slot) + 1) % 3);
    }
    EXPECT_EQ(members.size(), 600u) << name;
  }
}

// Slots go both ways in mid-scan, so that some of their keys are ahead of it and some behind, and one stays half moved.
TEST(ClusterScanOver, ARealClusterMissesNoKeyWhileSlotsMove) {
  auto cluster = RedisCluster::start(3);
  auto client = open_patient(cluster);
  const Keys made = fill_keys(*client, 900);
  Keys keys;
  std::size_t steps = 0;
  int moved = 0;
  for (Result<std::string>& key : scan(*client, {.count = 20}, kPatient)) {
    ASSERT_TRUE(key) << key.error().message();
    keys.insert(*key);
    if (++steps % 30 != 0 || steps > 900) continue;
    const Slot slot = slot_of("key" + std::to_string(moved * 29));
    const std::size_t from = cluster.owner(slot);
    cluster.begin_move(slot, from, (from + 1 + static_cast<std::size_t>(moved) % 2) % 3);
    cluster.move_keys(slot, from, (from + 1 + static_cast<std::size_t>(moved) % 2) % 3);
    if (moved != 20) cluster.end_move(slot, from, (from + 1 + static_cast<std::size_t>(moved) % 2) % 3);
    ++moved;
  }
  EXPECT_GE(moved, 25);
  EXPECT_EQ(keys, made);
}

TEST(ClusterScanOver, ARealClusterNamesTheNodeThatIsAway) {
  auto cluster = RedisCluster::start(3);
  auto client = open_patient(cluster);
  const Keys made = fill_keys(*client, 300);
  cluster.node(1).kill9();
  ASSERT_TRUE(eventually([&] {
    const auto nodes = client->nodes();
    return std::any_of(nodes.begin(), nodes.end(), [](const NodeInfo& node) { return node.away_because.has_value(); });
  }));
  Keys keys;
  std::optional<Error> error;
  const auto time = time_of([&] {
    for (Result<std::string>& key : scan(*client, {}, kPatient)) {
      EXPECT_EQ(error, std::nullopt);
      if (key) keys.insert(*key);
      if (!key) error = key.error();
    }
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Errc::kUnavailable);
  EXPECT_THAT(std::string(error->message()), HasSubstr("127.0.0.1:" + std::to_string(cluster.node(1).port())));
  EXPECT_LT(keys.size(), made.size());
  EXPECT_LT(time, 5s);
}

}  // namespace
}  // namespace envoyou::redis::cluster_scan_test
