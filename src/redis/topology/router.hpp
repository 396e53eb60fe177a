// The callers' side of a client of several servers: where a command goes, by the map that the fleet has published.
//
//   submit --> slot of the keys --> the map's node --> its inbox
//                  |                    '-- it is away: refused at once, while the other shards go on
//                  '-- no map yet, or the node has just left --> the lobby, from where the fleet sends it on
//
// The map is immutable and swapped as a whole; a caller that still holds the old one meets a closed inbox or a MOVED.
// It is guarded by a mutex of a few instructions, as each inbox is.
//
// Thread-safe; what is the fleet's says so.
#pragma once

#include "redis/board.hpp"
#include "redis/inbox.hpp"
#include "redis/node.hpp"
#include "redis/topology/routing.hpp"
#include "redis/topology/slots.hpp"

#include <envoyou/redis/client.hpp>
#include <envoyou/redis/options.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace envoyou::redis {

struct ShardNodes {
  std::shared_ptr<Node> primary;  // null: it can not even be dialled
  std::vector<std::shared_ptr<Node>> replicas;
};

// 32 KiB and a little for each shard.
struct SlotMap {
  static constexpr std::uint16_t kNobody = 0xffff;

  SlotMap() { shard_of.fill(kNobody); }

  std::array<std::uint16_t, kSlots> shard_of;
  std::vector<ShardNodes> shards;
};

// A node and what it is in the published map.
struct ListedNode {
  Endpoint endpoint;
  bool is_primary = false;
  std::size_t slots = 0;
  std::shared_ptr<Node> node;
};

class Router {
 public:
  // REQUIRES: `options` outlives it. `wake` steps whoever has the I/O role.
  Router(const ClientOptions& options, const Runtime& runtime, std::function<void()> wake);

  // Each submission has its own outcome. `node`: the endpoint of the one that is meant, or empty.
  void submit(Submission submission, TimePoint deadline, bool shortened, std::string_view node);
  void submit_all(std::vector<Submission> submissions, TimePoint deadline, bool shortened, std::string_view node);

  // Where the primary of a slot is, for who dials it himself: by the map, or as a server has said since it was
  // published. kNoSlot: that of the only shard. Nothing: there is no map yet. Errors: kUnavailable (it has no owner).
  std::optional<Result<Endpoint>> where_is(Slot slot) const;
  // A server said MOVED. The map is asked for anew, too.
  void learn(Slot slot, Endpoint at);
  void call_for_map() noexcept { map_is_called_for_.store(true, std::memory_order_release); }

  // Whether the whole is there: up when a primary of the published map is.
  Board& board() noexcept { return board_; }
  ClientStats stats() const;
  std::vector<NodeInfo> nodes() const;

  std::shared_ptr<const SlotMap> map() const;
  // The node that `route` leads to; null: its slot has no owner. `map` keeps it alive.
  Node* choose(const SlotMap& map, const Route& route) const noexcept;

  // The fleet's.
  Inbox& lobby() noexcept { return lobby_; }
  void publish(std::shared_ptr<const SlotMap> map);
  bool is_map_called_for() const noexcept { return map_is_called_for_.load(std::memory_order_acquire); }
  bool take_call_for_map() noexcept { return map_is_called_for_.exchange(false, std::memory_order_acq_rel); }
  void list(std::vector<ListedNode> nodes);
  // What a node counted that is no more.
  void keep_counts(const ClientStats& stats);

 private:
  struct Group {
    Node* node;  // null: the lobby
    std::vector<Pending> pendings;
  };
  class Sorter;

  std::shared_ptr<Node> named(std::string_view endpoint) const;
  Node* choose_any(const SlotMap& map) const noexcept;
  Node* choose_replica(const ShardNodes& shard) const noexcept;
  void post(Node* node, std::span<Pending> group);

  const ClientOptions& options_;
  Board board_;
  Inbox lobby_;
  mutable std::atomic<std::uint32_t> turn_{0};  // whose turn it is among equals
  std::atomic<bool> map_is_called_for_{false};
  mutable std::mutex mutex_;
  std::shared_ptr<const SlotMap> map_;  // guarded by mutex_
  std::vector<ListedNode> nodes_;       // guarded by mutex_
  std::map<Slot, Endpoint> learnt_;     // guarded by mutex_; newer than map_
  ClientStats gone_;                    // guarded by mutex_
};

}  // namespace envoyou::redis
