// A real Redis Cluster for one test, of servers as in redis_server.hpp; their rules hold here as well.
#pragma once

#include "support/redis_server.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace envoyou::testing {

// A Redis Cluster of `primaries` (at least one) that share the slots evenly, each with `replicas`. The primaries are
// the nodes 0 to primaries - 1; node primaries + i is a replica of node i % primaries. Returns from start() when each
// of them says cluster_state:ok and each replica has its data.
class RedisCluster {
 public:
  static RedisCluster start(std::size_t primaries = 3, RedisOptions options = {}, std::size_t replicas = 0);

  std::size_t size() const noexcept { return nodes_.size(); }
  RedisServer& node(std::size_t index) { return nodes_.at(index); }
  std::size_t primaries() const noexcept { return primaries_; }

  // "redis-cluster://:password@127.0.0.1:port,…" with all nodes as seeds; the TLS one names "localhost".
  std::string url() const;
  std::string tls_url() const;
  std::string id(std::size_t index) const { return nodes_.at(index).cli({"CLUSTER", "MYID"}); }
  // Of a slot, as the cluster was made.
  std::size_t first_owner(std::size_t slot) const;
  // The node that says that it is the primary of `slot` now; size() if none does.
  std::size_t owner(std::size_t slot) const;

  // A slot's keys and then the slot go from one primary to another, as redis-cli --cluster reshard does it.
  void move_slot(std::size_t slot, std::size_t from, std::size_t to);
  // The parts of it: from begin on the source answers ASK for keys that it has not.
  void begin_move(std::size_t slot, std::size_t from, std::size_t to);
  void move_keys(std::size_t slot, std::size_t from, std::size_t to);
  void end_move(std::size_t slot, std::size_t from, std::size_t to);

 private:
  void assign_slots() const;
  void assign_replicas() const;
  bool ready() const;
  static std::string owner_seen_by(const RedisServer& node, std::size_t slot);

  std::string password_;
  bool tls_ = false;
  std::size_t primaries_ = 0;
  std::vector<RedisServer> nodes_;
};

}  // namespace envoyou::testing
