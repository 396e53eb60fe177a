// Who holds which slots: a cluster as one of its nodes sees it, read from CLUSTER SHARDS or CLUSTER SLOTS.
//
// Servers differ and are wrong at times, so the reading is lenient where a meaning is left (an empty host, "?" or null
// is the host that was asked; unknown fields and failed nodes are passed over) and strict where none is: an answer of
// another shape, or one over the bounds, is an error.
//
// With Sentinel there is one shard that holds everything.
//
// Pure; thread-safe.
#pragma once

#include "redis/topology/slots.hpp"

#include <envoyou/redis/options.hpp>
#include <envoyou/redis/reply.hpp>
#include <envoyou/result.hpp>

#include <cstddef>
#include <vector>

namespace envoyou::redis {

inline constexpr std::size_t kMaxShards = 1000;
inline constexpr std::size_t kMaxReplicas = 32;  // a shard; more are passed over

struct SlotRange {
  Slot first = 0;
  Slot last = 0;  // included

  friend bool operator==(const SlotRange&, const SlotRange&) = default;
  friend auto operator<=>(const SlotRange&, const SlotRange&) = default;
};

struct Shard {
  Endpoint primary;
  std::vector<Endpoint> replicas;
  std::vector<SlotRange> slots;

  friend bool operator==(const Shard&, const Shard&) = default;
};

// Sorted, so that equal clusters are equal values.
using Shards = std::vector<Shard>;

std::size_t slots_covered(const Shards& shards);

// `shards`, where a slot without an owner is left to whom `before` gave it. A server in the midst of a failover may
// name none for a moment; the one before answers or says MOVED, and an owner that is gone is away all the same.
Shards with_gaps_filled(Shards shards, const Shards& before);

// `asked` is the server that answered. Errors: kProtocol.
Result<Shards> read_cluster_shards(const ReplyView& reply, const Endpoint& asked, bool tls);
Result<Shards> read_cluster_slots(const ReplyView& reply, const Endpoint& asked);

}  // namespace envoyou::redis
