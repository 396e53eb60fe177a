// A cluster of the model's servers: who owns which slot, and what a server says of keys that are not its own.
//
//   two shards, each a primary and a replica; host 2s is the first primary of shard s, host 2s+1 its replica
//
//   owner      executes, but for keys that have moved on already: ASK
//   importer   executes what is asked with ASKING, else MOVED
//   others     MOVED to the owner's primary, also where that is down
//
// Faults that only a cluster has are functions here: a shard fails over (the replica takes over with the data that it
// has, the old primary comes back as its replica), a slot moves key by key.
//
// Everybody knows the truth at once: that nodes of a real cluster do not is covered by links that are held up.
// Confined to one thread.
#pragma once

#include "world.hpp"

#include "redis/topology/slots.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace envoyou::simulation {

class Cluster {
 public:
  static constexpr std::size_t kShards = 2;
  static constexpr std::uint16_t kFirstPort = 7000;

  // Adds the hosts to the world. `executed`, `sha`: as for ModelRedis.
  Cluster(World& world, const std::string& sha, const ModelRedis::Executed& executed);

  Host& host(std::size_t index) { return *hosts_[index]; }
  std::size_t size() const noexcept { return hosts_.size(); }
  // The one that listens on `port`; null: nobody.
  Host* at(std::uint16_t port);

  // The replica of `shard` takes over; with chance without what was written last.
  void fail_over(std::size_t shard);
  // The slot of `key` begins to move to the other shard, moves one key, has moved.
  void begin_move(const std::string& key);
  void move_key(const std::string& key);
  void end_move(const std::string& key);

 private:
  struct Move {
    std::size_t to;
    std::set<std::string> moved;
  };
  std::optional<std::string> gate(std::size_t host, ModelPeer& peer, const Argv& argv);
  std::optional<std::string> judge_key(std::size_t host, bool asking, const std::string& key);
  std::string shards() const;
  std::string info() const;
  std::size_t shard_of(std::size_t host) const noexcept { return host / 2; }
  bool is_primary(std::size_t host) const noexcept { return primary_[shard_of(host)] == host; }
  Host& primary(std::size_t shard) { return *hosts_[primary_[shard]]; }

  World& world_;
  std::vector<Host*> hosts_;
  std::array<std::size_t, kShards> primary_{0, 2};
  std::array<std::uint8_t, redis::kSlots> owner_{};
  std::map<redis::Slot, Move> moves_;
  std::uint64_t epoch_ = 1;
};

}  // namespace envoyou::simulation
