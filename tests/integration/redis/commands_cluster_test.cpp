// Goal: the commands that ask a server about its cluster read what a server of a cluster answers.
// Method: a real cluster; one of its servers is asked, as a server.
#include "redis_commands.hpp"
#include "show.hpp"

#include "support/redis_cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace envoyou::redis::commands_cluster_test {
namespace {

using ::testing::HasSubstr;

TEST(CommandsCluster, AskAServerAboutItsCluster) {
  auto cluster = testing::RedisCluster::start(2);
  auto client = open_at(cluster.node(0).url());
  EXPECT_THAT(client->run(cmd::cluster_info()).value(), HasSubstr("cluster_state:ok"));
  const std::string id = client->run(cmd::cluster_myid()).value();
  EXPECT_EQ(id.size(), 40u);
  EXPECT_THAT(client->run(cmd::cluster_nodes()).value(), HasSubstr(id + " 127.0.0.1:"));
  EXPECT_EQ(client->run(cmd::cluster_keyslot("foo")).value(), 12182);
  EXPECT_EQ(client->run(cmd::cluster_countkeysinslot(1)).value(), 0);
  EXPECT_EQ(show(client->run(cmd::cluster_getkeysinslot(1, 10))), "[]");
  EXPECT_EQ(show(client->run(cmd::cluster_replicas(id))), "[]");
  EXPECT_EQ(client->run(cmd::cluster_links()).value().size(), 2u);
  EXPECT_EQ(client->run(cmd::cluster_shards()).value().size(), 2u);
  const auto slots = client->run(cmd::cluster_slots()).value();
  ASSERT_EQ(slots.size(), 2u);
  EXPECT_EQ(slots[0].first, 0);
  EXPECT_EQ(slots[0].servers.at(0).port, cluster.node(0).port());
  EXPECT_EQ(slots[0].servers.at(0).id, id);
  EXPECT_EQ(show(client->run(cmd::get("foo"))), "redirect");
}

}  // namespace
}  // namespace envoyou::redis::commands_cluster_test
