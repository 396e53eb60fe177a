#include "support/redis_cluster.hpp"

#include "support/wait_for.hpp"

#include <stdexcept>
#include <utility>

namespace envoyou::testing {
namespace {

constexpr std::chrono::seconds kClusterTimeout{30};
constexpr std::size_t kClusterSlots = 16384;

}  // namespace

RedisCluster RedisCluster::start(std::size_t nodes, RedisOptions options) {
  options.config_lines.insert(options.config_lines.end(),
                              {"cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 2000"});
  RedisCluster cluster;
  for (std::size_t index = 0; index < nodes; ++index) {
    cluster.nodes_.push_back(RedisServer::start(options));
  }
  cluster.assign_slots();
  if (!eventually([&] { return cluster.ready(); }, kClusterTimeout)) {
    throw std::runtime_error("the cluster does not come up; its first node's log:\n" + cluster.nodes_.front().log());
  }
  return cluster;
}

void RedisCluster::assign_slots() const {
  for (std::size_t index = 0; index < nodes_.size(); ++index) {
    const std::size_t first = kClusterSlots * index / nodes_.size();
    const std::size_t last = kClusterSlots * (index + 1) / nodes_.size() - 1;
    nodes_[index].cli({"CLUSTER", "ADDSLOTSRANGE", std::to_string(first), std::to_string(last)});
    nodes_[index].cli({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(index + 1)});
  }
  for (const auto& node : nodes_) {
    nodes_.front().cli({"CLUSTER", "MEET", "127.0.0.1", std::to_string(node.port())});
  }
}

bool RedisCluster::ready() const {
  const std::string known = "cluster_known_nodes:" + std::to_string(nodes_.size());
  for (const auto& node : nodes_) {
    const std::string info = node.cli({"CLUSTER", "INFO"});
    if (info.find("cluster_state:ok") == std::string::npos) return false;
    if (info.find(known + "\r\n") == std::string::npos) return false;
  }
  return true;
}

}  // namespace envoyou::testing
