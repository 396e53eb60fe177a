// Goal: with several servers a connection of one's own is to the one that has the key; what moves away says so, was not
// executed, and the next connection is to where it is. Method: a real cluster whose slots move, and a real set of
// Sentinel that fails over, under blocked commands and watches.
#include "redis_commands.hpp"

#include "redis/topology/slots.hpp"
#include "support/coroutine.hpp"
#include "support/redis_cluster.hpp"
#include "support/redis_sentinel.hpp"
#include "support/wait_for.hpp"

#include <envoyou/redis/commands.hpp>
#include <envoyou/redis/connection.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::cluster_connection_test {
namespace {

using namespace std::chrono_literals;
using testing::Coroutine;
using testing::eventually;
using ::testing::HasSubstr;
using testing::RedisCluster;

RedisCluster& shared_cluster() {
  static RedisCluster cluster = RedisCluster::start(3, {.password = "cluster secret"});
  return cluster;
}

std::shared_ptr<Client> open_patient(const std::string& url, std::size_t max_dedicated = 8) {
  auto options = parse_url(url).value();
  options.command_timeout = 5s;
  options.stall_limit = 5s;
  options.connect_timeout = 5s;
  options.max_dedicated = max_dedicated;
  return open_at(options);
}

std::string address_of(std::size_t node) { return "127.0.0.1:" + std::to_string(shared_cluster().node(node).port()); }

Connection take(Client& client, std::string_view key) {
  return Connection::take(client, {.deadline = within(5s), .key = key}).value();
}

void move_on(std::string_view key) {
  const Slot slot = slot_of(key);
  const std::size_t from = shared_cluster().owner(slot);
  shared_cluster().move_slot(slot, from, (from + 1) % 3);
}

TEST(ClusterConnection, BlocksAtTheNodeOfItsKey) {
  auto client = open_patient(shared_cluster().url());
  for (const char* key : {"foo", "bar", "hello", "a", "b"}) {
    Connection connection = take(*client, key);
    const auto before = shared_cluster().node(shared_cluster().owner(slot_of(key))).calls_of("blpop");
    std::thread pusher([&] { EXPECT_TRUE(client->run(cmd::rpush(key, {"job"}))); });
    const auto popped = connection.run(cmd::blpop({key}, 5s));
    pusher.join();
    ASSERT_TRUE(popped.value()) << key;
    EXPECT_EQ((*popped)->second, "job");
    EXPECT_EQ(shared_cluster().node(shared_cluster().owner(slot_of(key))).calls_of("blpop"), before + 1);
  }
}

TEST(ClusterConnection, NeedsAKey) {
  auto client = open_patient(shared_cluster().url());
  const auto none = Connection::take(*client);
  EXPECT_EQ(none.error().code(), Errc::kInvalidArgument);
  EXPECT_THAT(std::string(none.error().message()), HasSubstr("key: needed in a cluster"));
}

TEST(ClusterConnection, SaysWhenItsSlotHasMovedAndTheNextIsToWhereItIs) {
  auto client = open_patient(shared_cluster().url());
  ASSERT_TRUE(client->run(set("foo", "1")));
  Connection connection = take(*client, "foo");
  ASSERT_TRUE(connection.run(get("foo")));
  for (int round = 0; round < 3; ++round) {
    move_on("foo");
    const std::size_t owner = shared_cluster().owner(slot_of("foo"));
    const auto moved = connection.run(set("foo", "2"));
    ASSERT_EQ(moved.error().code(), Errc::kRedirect);
    EXPECT_THAT(std::string(moved.error().message()), HasSubstr("take another"));
    EXPECT_THAT(std::string(moved.error().message()), HasSubstr(address_of(owner)));
    EXPECT_TRUE(connection.is_usable());
    connection = take(*client, "foo");  // at once, and not after the next map
    EXPECT_EQ(connection.run(get("foo")).value(), "1");
  }
}

TEST(ClusterConnection, StaysGoodForTheKeysThatAreStillThere) {
  auto client = open_patient(shared_cluster().url());
  Connection connection = take(*client, "{bar}1");
  move_on("bar");
  EXPECT_EQ(connection.run(get("{bar}1")).error().code(), Errc::kRedirect);
  const auto at_its_node = [&] {
    for (int i = 0;; ++i) {
      const std::string key = "k" + std::to_string(i);
      if (shared_cluster().owner(slot_of(key)) == shared_cluster().first_owner(slot_of("bar"))) return key;
    }
  };
  EXPECT_TRUE(connection.run(set(at_its_node(), "v")));
}

TEST(ClusterConnection, IsToldWhenTheSlotGoesWhileItBlocks) {
  auto client = open_patient(shared_cluster().url());
  Connection connection = take(*client, "queue");
  std::optional<Error> error;
  std::atomic<bool> ended{false};
  connection.run(cmd::blpop({"queue"}, 30s), {}, [&](auto popped) {
    if (!popped) error = popped.error();
    ended = true;
  });
  auto& node = shared_cluster().node(shared_cluster().owner(slot_of("queue")));
  ASSERT_TRUE(eventually([&] { return node.cli({"CLIENT", "LIST"}).find("cmd=blpop") != std::string::npos; }));
  move_on("queue");
  ASSERT_TRUE(eventually([&] { return ended.load(); }, 10s));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Errc::kRedirect);
  ASSERT_TRUE(client->run(cmd::rpush("queue", {"job"})));
  EXPECT_EQ(take(*client, "queue").run(cmd::blpop({"queue"}, 5s)).value()->second, "job");
}

TEST(ClusterConnection, GoesOptimisticallyOnWhereTheSlotHasMoved) {
  auto client = open_patient(shared_cluster().url());
  ASSERT_TRUE(client->run(set("stock", "0")));
  int attempts = 0;
  for (int round = 0; round < 2; ++round) {
    const auto done = optimistic(*client, {"stock"}, 5, {within(10s)}, [&](Connection& on) -> Result<Transaction> {
      const auto left = on.run(get("stock"), {within(5s)});
      if (!left) return left.error();
      if (attempts++ == 0) move_on("stock");
      Transaction transaction;
      (void)transaction.add(set("stock", std::to_string(std::stoi(left->value()) + 1)));
      return transaction;
    });
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(*done, Executed::kAll);
  }
  EXPECT_GE(attempts, 3);
  EXPECT_EQ(client->run(get("stock")).value(), "2");
}

TEST(ClusterConnection, CountsOptimisticallyAtAllNodes) {
  auto client = open_patient(shared_cluster().url());
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 30; ++i) {
        const std::string key = "count:" + std::to_string(i % 5);
        const auto done = optimistic(*client, {key}, 100, {within(10s)}, [&](Connection& on) -> Result<Transaction> {
          const auto now = on.run(get(key), {within(5s)});
          if (!now) return now.error();
          Transaction transaction;
          (void)transaction.add(set(key, std::to_string(*now ? std::stoi(**now) + 1 : 1)));
          return transaction;
        });
        EXPECT_EQ(done.value(), Executed::kAll);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client->run(get("count:" + std::to_string(i))).value(), "18");
}

TEST(ClusterConnection, KeptToOneNodeMakesRoomForAnother) {
  auto client = open_patient(shared_cluster().url(), 1);
  for (int round = 0; round < 2; ++round) {
    for (const char* key : {"foo", "bar", "hello"}) EXPECT_TRUE(take(*client, key).run(set(key, "v"))) << key;
  }
  const std::int64_t before = shared_cluster().node(shared_cluster().owner(slot_of("hello"))).calls_of("hello");
  EXPECT_TRUE(take(*client, "hello").run(set("hello", "v")));
  EXPECT_EQ(shared_cluster().node(shared_cluster().owner(slot_of("hello"))).calls_of("hello"), before);
  const Connection held = take(*client, "foo");
  EXPECT_EQ(Connection::take(*client, {.deadline = within(20ms), .key = "bar"}).error().code(), Errc::kQueueFull);
}

Coroutine take_and_get(Client& client, std::string_view key, std::string& got) {
  auto connection = co_await Connection::async_take(client, {.deadline = within(5s), .key = key});
  if (!connection) {
    got = to_string(connection.error().code());
    co_return;
  }
  const auto value = co_await connection->async(get(key));
  got = value ? value->value_or("nothing") : std::string(value.error().message());
}

TEST(ClusterConnection, ServesACoroutine) {
  auto client = open_patient(shared_cluster().url());
  for (const char* key : {"foo", "bar", "hello"}) {
    ASSERT_TRUE(client->run(set(key, "value of " + std::string(key))));
    std::string got;
    const Coroutine coroutine = take_and_get(*client, key, got);
    ASSERT_TRUE(eventually([&] { return coroutine.done(); }));
    EXPECT_EQ(got, "value of " + std::string(key));
  }
  std::string got;
  const Coroutine coroutine = take_and_get(*client, "", got);
  EXPECT_TRUE(coroutine.done());
  EXPECT_EQ(got, "invalid_argument");
}

TEST(ClusterConnection, WaitsForTheFirstMap) {
  auto options = parse_url(shared_cluster().url()).value();
  options.connect_timeout = 5s;
  auto client = open_only(options);
  EXPECT_TRUE(Connection::take(*client, {.key = "foo"}).value().run(set("foo", "v")));
}

TEST(SentinelConnection, IsToThePrimaryAndTheNextToTheOneThatFollows) {
  auto set_of = testing::RedisSentinelSet::start();
  auto client = open_patient(set_of.url());
  Connection connection = Connection::take(*client, {.deadline = within(5s)}).value();
  ASSERT_TRUE(client->run(cmd::rpush("jobs", {"job"})));
  EXPECT_EQ(connection.run(cmd::blpop({"jobs"}, 5s)).value()->second, "job");
  const std::size_t first = set_of.primary();
  set_of.fail_over();
  ASSERT_TRUE(eventually([&] { return set_of.primary() < set_of.size() && set_of.primary() != first; }, 20s));
  // The old primary takes writes until the sentinels have told it what it is now.
  EXPECT_TRUE(eventually([&] { return !connection.run(set("k", "v")); }));
  ASSERT_TRUE(eventually([&] {
    auto next = Connection::take(*client, {.deadline = within(1s)});
    return next && next->run(set("k", "v"), {within(1s)});
  }));
}

}  // namespace
}  // namespace envoyou::redis::cluster_connection_test
