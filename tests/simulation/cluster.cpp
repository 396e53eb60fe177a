#include "cluster.hpp"

#include <utility>

namespace envoyou::simulation {

using redis::bulk;
using redis::integer;
using redis::Slot;
using redis::slot_of;

namespace {

std::string redirect(std::string_view verb, Slot slot, std::size_t host) {
  return "-" + std::string(verb) + " " + std::to_string(slot) +
         " 127.0.0.1:" + std::to_string(Cluster::kFirstPort + host) + "\r\n";
}

const std::string* key_in(const Argv& argv) {
  if (argv[0] == "GET" || argv[0] == "SET" || argv[0] == "INCRBY") return &argv[1];
  return argv[0] == "EVALSHA" || argv[0] == "EVAL" ? &argv[3] : nullptr;
}

}  // namespace

Cluster::Cluster(World& world, const std::string& sha, const ModelRedis::Executed& executed) : world_(world) {
  for (std::size_t i = 0; i < 2 * kShards; ++i) {
    hosts_.push_back(&world.add_host(ModelRedis(sha, executed)));
    hosts_.back()->redis().set_gate([this, i](ModelPeer& peer, const Argv& argv) { return gate(i, peer, argv); });
  }
  // Ranges as a real cluster has them, with one slot of each shard among the other's.
  for (std::size_t slot = 0; slot < redis::kSlots; ++slot) owner_[slot] = slot < redis::kSlots / 2 ? 0 : 1;
}

Host* Cluster::at(std::uint16_t port) {
  const std::size_t index = std::size_t{port} - kFirstPort;
  return index < hosts_.size() ? hosts_[index] : nullptr;
}

std::optional<std::string> Cluster::gate(std::size_t host, ModelPeer& peer, const Argv& argv) {
  const bool asking = std::exchange(peer.asking, false);
  if (argv[0] == "ASKING") {
    peer.asking = true;
    return "+OK\r\n";
  }
  if (argv[0] == "READONLY" || argv[0] == "READWRITE") return "+OK\r\n";
  if (argv[0] == "CLUSTER" && argv[1] == "INFO") return bulk(info());
  if (argv[0] == "CLUSTER" && argv[1] == "SHARDS") return shards();
  const std::string* const key = key_in(argv);
  return key == nullptr ? std::nullopt : judge_key(host, asking, *key);
}

std::optional<std::string> Cluster::judge_key(std::size_t host, bool asking, const std::string& key) {
  const Slot slot = slot_of(key);
  const std::size_t shard = owner_[slot];
  const auto move = moves_.find(slot);
  if (shard_of(host) == shard && is_primary(host)) {
    const bool is_gone = move != moves_.end() && move->second.moved.contains(key);
    return is_gone ? std::optional(redirect("ASK", slot, primary_[move->second.to])) : std::nullopt;
  }
  const bool imports = move != moves_.end() && move->second.to == shard_of(host) && is_primary(host);
  if (imports && asking && move->second.moved.contains(key)) return std::nullopt;
  return redirect("MOVED", slot, primary_[shard]);
}

std::string Cluster::info() const {
  return "cluster_state:ok\r\ncluster_current_epoch:" + std::to_string(epoch_) + "\r\n";
}

// RESP2, which a RESP3 client reads, too.
std::string Cluster::shards() const {
  std::string all = "*" + std::to_string(kShards) + "\r\n";
  for (std::size_t shard = 0; shard < kShards; ++shard) {
    std::string ranges;
    std::size_t numbers = 0;
    for (std::size_t slot = 0; slot < redis::kSlots;) {
      std::size_t end = slot;
      while (end < redis::kSlots && owner_[end] == owner_[slot]) ++end;
      if (owner_[slot] == shard) {
        ranges += integer(slot) + integer(end - 1);
        numbers += 2;
      }
      slot = end;
    }
    all += "*4\r\n" + bulk("slots") + "*" + std::to_string(numbers) + "\r\n" + ranges + bulk("nodes") + "*2\r\n";
    for (const std::size_t host : {2 * shard, 2 * shard + 1}) {
      all += "*8\r\n" + bulk("port") + integer(kFirstPort + host) + bulk("ip") + bulk("127.0.0.1") + bulk("role") +
             bulk(is_primary(host) ? "master" : "replica") + bulk("health") + bulk("online");
    }
  }
  return all;
}

void Cluster::fail_over(std::size_t shard) {
  const std::size_t before = primary_[shard];
  primary_[shard] = before ^ 1;
  if (world_.random().chance(70)) primary(shard).redis().data() = hosts_[before]->redis().data();
  ++epoch_;
  world_.journal().note("cluster fails over", shard, primary_[shard]);
}

void Cluster::begin_move(const std::string& key) {
  const Slot slot = slot_of(key);
  moves_.try_emplace(slot, Move{1u - owner_[slot], {}});
  world_.journal().note("cluster moves", slot, 1u - owner_[slot], key);
}

void Cluster::move_key(const std::string& key) {
  const auto move = moves_.find(slot_of(key));
  if (move == moves_.end() || !move->second.moved.insert(key).second) return;
  auto& from = primary(owner_[slot_of(key)]).redis().data();
  if (auto value = from.extract(key)) primary(move->second.to).redis().data().insert(std::move(value));
}

void Cluster::end_move(const std::string& key) {
  const Slot slot = slot_of(key);
  const auto move = moves_.find(slot);
  if (move == moves_.end()) return;
  move_key(key);
  owner_[slot] = static_cast<std::uint8_t>(move->second.to);
  moves_.erase(move);
  ++epoch_;
  world_.journal().note("cluster has moved", slot, owner_[slot], key);
}

}  // namespace envoyou::simulation
