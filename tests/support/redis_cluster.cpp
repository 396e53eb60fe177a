#include "support/redis_cluster.hpp"

#include "support/wait_for.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace envoyou::testing {
namespace {

constexpr std::chrono::seconds kClusterTimeout{30};
constexpr std::size_t kClusterSlots = 16384;

// The words of a reply as to_text() gives it, one a line or blank between them.
std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

RedisCluster RedisCluster::start(std::size_t primaries, RedisOptions options, std::size_t replicas) {
  options.config_lines.insert(options.config_lines.end(),
                              {"cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 2000",
                               "cluster-allow-replica-migration no", "repl-diskless-sync-delay 0"});
  if (!options.password.empty()) options.config_lines.push_back("masterauth \"" + options.password + "\"");
  if (options.tls) options.config_lines.insert(options.config_lines.end(), {"tls-cluster yes", "tls-replication yes"});
  RedisCluster cluster;
  cluster.password_ = options.password;
  cluster.tls_ = options.tls.has_value();
  cluster.primaries_ = primaries;
  for (std::size_t index = 0; index < primaries * (1 + replicas); ++index) {
    cluster.nodes_.push_back(RedisServer::start(options));
  }
  cluster.assign_slots();
  if (!eventually([&] { return cluster.ready(); }, kClusterTimeout)) {
    throw std::runtime_error("the cluster does not come up; its first node's log:\n" + cluster.nodes_.front().log());
  }
  if (replicas > 0) cluster.assign_replicas();
  return cluster;
}

std::size_t RedisCluster::first_owner(std::size_t slot) const {
  std::size_t owner = 0;
  while (owner + 1 < primaries_ && slot >= kClusterSlots * (owner + 1) / primaries_) ++owner;
  return owner;
}

void RedisCluster::assign_slots() const {
  for (std::size_t index = 0; index < primaries_; ++index) {
    const std::size_t first = kClusterSlots * index / primaries_;
    const std::size_t last = kClusterSlots * (index + 1) / primaries_ - 1;
    nodes_[index].cli({"CLUSTER", "ADDSLOTSRANGE", std::to_string(first), std::to_string(last)});
    nodes_[index].cli({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(index + 1)});
  }
  for (const auto& node : nodes_) {
    nodes_.front().cli({"CLUSTER", "MEET", "127.0.0.1", std::to_string(tls_ ? node.tls_port() : node.port())});
  }
}

void RedisCluster::assign_replicas() const {
  for (std::size_t index = primaries_; index < nodes_.size(); ++index) {
    const std::string primary = id(index % primaries_);
    const bool done = eventually(
        [&] {
          return nodes_[index].cli({"CLUSTER", "REPLICATE", primary}) == "OK";
        },
        kClusterTimeout);
    if (!done) throw std::runtime_error("a node does not become a replica:\n" + nodes_[index].log());
  }
  for (std::size_t index = primaries_; index < nodes_.size(); ++index) {
    const bool linked = eventually(
        [&] {
          return nodes_[index].cli({"INFO", "replication"}).find("master_link_status:up") != std::string::npos;
        },
        kClusterTimeout);
    if (!linked) throw std::runtime_error("a replica does not get its data:\n" + nodes_[index].log());
  }
  // All of them must know of all replicas, or none can be voted for.
  const std::string count = std::to_string(nodes_.size() - primaries_);
  const bool known = eventually(
      [&] {
        for (const auto& node : nodes_) {
          const std::string text = node.cli({"CLUSTER", "NODES"});
          std::size_t replicas = 0;
          for (std::size_t at = text.find("slave"); at != std::string::npos; at = text.find("slave", at + 1))
            ++replicas;
          if (replicas != nodes_.size() - primaries_) return false;
        }
        return true;
      },
      kClusterTimeout);
  if (!known) throw std::runtime_error("the nodes do not learn of all replicas");
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

std::string RedisCluster::url() const {
  std::string url = "redis-cluster://" + (password_.empty() ? "" : ":" + percent_encoded(password_) + "@");
  for (const auto& node : nodes_) url += "127.0.0.1:" + std::to_string(node.port()) + ",";
  url.pop_back();
  return url;
}

std::string RedisCluster::tls_url() const {
  std::string url = "rediss-cluster://" + (password_.empty() ? "" : ":" + percent_encoded(password_) + "@");
  for (const auto& node : nodes_) url += "localhost:" + std::to_string(node.tls_port()) + ",";
  url.pop_back();
  return url;
}

// By the lines of CLUSTER NODES: id, address, flags, ..., then the ranges of slots.
std::string RedisCluster::owner_seen_by(const RedisServer& node, std::size_t slot) {
  std::istringstream lines(node.cli({"CLUSTER", "NODES"}));
  for (std::string line; std::getline(lines, line);) {
    const auto words = words_of(line);
    for (std::size_t i = 8; i < words.size(); ++i) {
      unsigned long first = 0;
      unsigned long last = 0;
      const int read = std::sscanf(words[i].c_str(), "%lu-%lu", &first, &last);
      if (read >= 1 && slot >= first && slot <= (read == 2 ? last : first)) return words.front();
    }
  }
  return "";
}

std::size_t RedisCluster::owner(std::size_t slot) const {
  for (std::size_t index = 0; index < nodes_.size(); ++index) {
    if (owner_seen_by(nodes_[index], slot) == id(index)) return index;
  }
  return nodes_.size();
}

void RedisCluster::begin_move(std::size_t slot, std::size_t from, std::size_t to) {
  nodes_.at(to).cli({"CLUSTER", "SETSLOT", std::to_string(slot), "IMPORTING", id(from)});
  nodes_.at(from).cli({"CLUSTER", "SETSLOT", std::to_string(slot), "MIGRATING", id(to)});
}

void RedisCluster::move_keys(std::size_t slot, std::size_t from, std::size_t to) {
  const RedisServer& target = nodes_.at(to);
  for (;;) {
    const auto keys = words_of(nodes_.at(from).cli({"CLUSTER", "GETKEYSINSLOT", std::to_string(slot), "1"}));
    if (keys.empty()) return;
    Words words{"MIGRATE",    "127.0.0.1", std::to_string(tls_ ? target.tls_port() : target.port()),
                keys.front(), "0",         "2000"};
    if (!password_.empty()) words.insert(words.end(), {"AUTH", password_});
    const std::string reply = nodes_.at(from).cli(words);
    if (reply != "OK" && reply != "NOKEY") throw std::runtime_error("MIGRATE: " + reply);
  }
}

// The target first, so that the slot is never without an owner. Moves that follow each other faster than the nodes
// gossip would leave them in disagreement for good.
void RedisCluster::end_move(std::size_t slot, std::size_t from, std::size_t to) {
  const std::string owner = id(to);
  nodes_.at(to).cli({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", owner});
  nodes_.at(from).cli({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", owner});
  const bool agreed = eventually(
      [&] {
        return std::all_of(nodes_.begin(), nodes_.end(),
                           [&](const RedisServer& node) { return owner_seen_by(node, slot) == owner; });
      },
      kClusterTimeout);
  if (!agreed) throw std::runtime_error("the nodes do not agree on who has slot " + std::to_string(slot));
}

void RedisCluster::move_slot(std::size_t slot, std::size_t from, std::size_t to) {
  begin_move(slot, from, to);
  move_keys(slot, from, to);
  end_move(slot, from, to);
}

}  // namespace envoyou::testing
