// How a fleet learns who its servers are: by asking the nodes of a cluster (cluster_discovery.hpp), or the sentinels
// that watch a primary (sentinel_discovery.hpp).
//
// Confined to the I/O role.
#pragma once

#include "redis/topology/shards.hpp"

#include <envoyou/clock.hpp>

namespace envoyou::redis {

class Discovery {
 public:
  virtual ~Discovery() = default;
  virtual void turn(TimePoint now) = 0;
  // When the next turn is due at the latest.
  virtual TimePoint due() const = 0;
  // Something hints that what was learnt is not true any more: a redirect, a link that was refused.
  virtual void want(TimePoint now) = 0;
};

}  // namespace envoyou::redis
