// Goal: the client speaks to a cluster as to one server, and a caller never gets a wrong answer, or loses one that was
// acknowledged, while slots move and primaries die.
// Method: real clusters of redis-server, resharded and killed while threads write and read what only they write.
#include "redis_commands.hpp"

#include "redis/topology/slots.hpp"
#include "support/certificates.hpp"
#include "support/fake_redis.hpp"
#include "support/redis_cluster.hpp"
#include "support/wait_for.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis {
namespace {

using namespace std::chrono_literals;
using testing::Certificates;
using testing::eventually;
using ::testing::HasSubstr;
using testing::RedisCluster;
using testing::RedisOptions;

// One cluster for all tests that do not break it.
RedisCluster& shared_cluster() {
  static RedisCluster cluster = RedisCluster::start(3, {.password = "cluster secret"});
  return cluster;
}

std::shared_ptr<Client> open_shared() { return open_at(shared_cluster().url()); }

std::string key(int number) { return "key:" + std::to_string(number); }

TEST(Cluster, AnswersForKeysOfAllShards) {
  auto client = open_shared();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(client->run(set(key(i), "value " + std::to_string(i))));
  for (int i = 0; i < 300; ++i) EXPECT_EQ(client->run(get(key(i))).value(), "value " + std::to_string(i));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_GT(shared_cluster().node(i).calls_of("get"), 50);
}

}  // namespace
}  // namespace envoyou::redis
