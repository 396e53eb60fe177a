// A real Redis Cluster for one test, of servers as in redis_server.hpp; their rules hold here as well.
#pragma once

#include "support/redis_server.hpp"

#include <cstddef>
#include <vector>

namespace envoyou::testing {

// A Redis Cluster of `nodes` primaries (at least one) that share the slots evenly. Returns from start() when each of
// them says cluster_state:ok.
class RedisCluster {
 public:
  static RedisCluster start(std::size_t nodes = 3, RedisOptions options = {});

  std::size_t size() const noexcept { return nodes_.size(); }
  RedisServer& node(std::size_t index) { return nodes_.at(index); }

 private:
  void assign_slots() const;
  bool ready() const;

  std::vector<RedisServer> nodes_;
};

}  // namespace envoyou::testing
