// What this process keeps by itself: values by keys of bytes, with a time to live, bounded in bytes.
//
// The bound is strict and shared by all shards: room is reserved before a value goes in, by letting others go in the
// order that the eviction policy names, those whose time is over first. What is counted is the key, the value as its
// owner states it, and kEntryOverhead for what the store itself spends on an entry.
//
// Expired entries are never returned. They leave when they are asked for, when their shard is written to (a few each
// time) and when room is needed; no scan ever looks at those that are still good.
//
// Does not: refuse a key or a value for what it holds; call anybody back.
//
// Thread-safe: a lock a shard. `Value` is a cheap handle (a shared_ptr to something immutable), copied under the lock;
// values that leave are destroyed outside of it.
#pragma once

#include "base/hash.hpp"
#include "memory/eviction/lru.hpp"
#include "memory/eviction/policy.hpp"
#include "memory/expiry_heap.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/metrics.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace envoyou::memory {

// How many expired entries one put may sweep out of its shard.
inline constexpr std::size_t kMaxSweptPerPut = 4;
inline constexpr std::size_t kMaxShards = 256;

inline std::unique_ptr<EvictionPolicy> make_lru() { return std::make_unique<LruPolicy>(); }

// What is counted besides, where it is not null. REQUIRES: outlives the store.
struct StoreMetrics {
  std::array<Counter*, kRemovalReasons> removed{};  // by reason
  Gauge* bytes = nullptr;
};

struct BoundedStoreOptions {
  std::size_t max_bytes = 64u << 20;
  std::size_t shards = 16;      // 1 to kMaxShards
  std::uint64_t hash_seed = 0;  // random where keys come from outside, so that nobody can aim at one bucket
  PolicyFactory policy = make_lru;
  StoreMetrics metrics{};
};

template <class Value>
class BoundedStore {
 public:
  explicit BoundedStore(BoundedStoreOptions options);

  struct Found {
    Value value;
    TimePoint expires;
  };
  std::optional<Found> get(std::string_view key, TimePoint now);

  // False: there is no room for an entry of this size, and the key now has none. REQUIRES: now < expires.
  bool put(std::string_view key, Value value, std::size_t value_bytes, TimePoint expires, TimePoint now);
  // True: there was one.
  bool remove(std::string_view key);
  void clear();

  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  std::size_t entries() const noexcept { return entries_.load(std::memory_order_relaxed); }
  std::size_t max_bytes() const noexcept { return max_bytes_; }
  // How many entries have left for this reason since the store was made.
  std::uint64_t removed(Removal reason) const noexcept {
    return removed_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
  }

 private:
  struct Node {
    std::string key;
    Value value{};
    TimePoint expires{};
    std::size_t weight = 0;
  };
  struct SeededHash {
    std::uint64_t seed = 0;
    std::size_t operator()(std::string_view key) const noexcept { return base::hash64(key, seed); }
  };
  struct Shard {
    std::mutex mutex;
    std::deque<Node> nodes;  // by slot; its elements do not move, since `index` looks into their keys
    std::vector<Slot> free;
    std::unordered_map<std::string_view, Slot, SeededHash> index;
    std::unique_ptr<EvictionPolicy> policy;
    ExpiryHeap expiries;
  };

 public:
  // A node, its entry in the index (links, key view, slot, cached hash, the allocator's header), and its places in the
  // policy and in the heap.
  static constexpr std::size_t kEntryOverhead = sizeof(Node) + 72 + 8 + 16;

 private:
  std::size_t shard_of(std::string_view key) const noexcept {
    // The index of a shard uses the low bits of the same hash.
    return (hash_(key) >> 48) % shards_.size();
  }
  Slot take_slot(Shard& shard);
  // Takes the entry out of everything; the value is handed out so that it dies after the lock.
  Value detach(Shard& shard, Slot slot, Removal reason);
  void release(std::size_t weight) noexcept {
    bytes_.fetch_sub(weight, std::memory_order_relaxed);
    if (metrics_.bytes != nullptr) metrics_.bytes->add(-static_cast<std::int64_t>(weight));
  }
  void count_removed(Removal reason, std::size_t entries) noexcept {
    const auto index = static_cast<std::size_t>(reason);
    removed_[index].fetch_add(entries, std::memory_order_relaxed);
    if (metrics_.removed[index] != nullptr) metrics_.removed[index]->add(entries);
  }
  bool reserve(std::size_t weight, std::size_t first_shard, TimePoint now);
  bool evict_one(Shard& shard, TimePoint now);
  void insert(Shard& shard, std::string_view key, Value value, std::size_t weight, TimePoint expires);

  const std::size_t max_bytes_;
  const PolicyFactory policy_;
  const StoreMetrics metrics_;
  const SeededHash hash_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::atomic<std::size_t> bytes_{0};  // with what is reserved
  std::atomic<std::size_t> entries_{0};
  std::array<std::atomic<std::uint64_t>, kRemovalReasons> removed_{};
};

template <class Value>
BoundedStore<Value>::BoundedStore(BoundedStoreOptions options)
    : max_bytes_(options.max_bytes),
      policy_(std::move(options.policy)),
      metrics_(options.metrics),
      hash_{options.hash_seed} {
  const std::size_t shards = std::clamp<std::size_t>(options.shards, 1, kMaxShards);
  for (std::size_t i = 0; i < shards; ++i) {
    auto shard = std::make_unique<Shard>();
    shard->index = decltype(shard->index)(0, hash_);
    shard->policy = policy_();
    shards_.push_back(std::move(shard));
  }
}

template <class Value>
auto BoundedStore<Value>::get(std::string_view key, TimePoint now) -> std::optional<Found> {
  Shard& shard = *shards_[shard_of(key)];
  Value dead{};
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.index.find(key);
  if (at == shard.index.end()) return std::nullopt;
  const Slot slot = at->second;
  const Node& node = shard.nodes[slot];
  if (node.expires <= now) {
    dead = detach(shard, slot, Removal::kExpired);
    return std::nullopt;
  }
  shard.policy->on_access(slot);
  return Found{node.value, node.expires};
}

template <class Value>
bool BoundedStore<Value>::put(std::string_view key, Value value, std::size_t value_bytes, TimePoint expires,
                              TimePoint now) {
  const std::size_t home = shard_of(key);
  const std::size_t weight = key.size() + value_bytes + kEntryOverhead;
  if (!reserve(weight, home, now)) {
    remove(key);
    return false;
  }
  Shard& shard = *shards_[home];
  std::array<Value, kMaxSweptPerPut + 1> dead{};
  const std::lock_guard lock(shard.mutex);
  if (const auto at = shard.index.find(key); at != shard.index.end()) {
    dead.back() = detach(shard, at->second, Removal::kReplaced);
  }
  insert(shard, key, std::move(value), weight, expires);
  for (std::size_t i = 0; i < kMaxSweptPerPut; ++i) {
    const Slot slot = shard.expiries.expired(now);
    if (slot == kNoSlot) break;
    dead[i] = detach(shard, slot, Removal::kExpired);
  }
  return true;
}

template <class Value>
bool BoundedStore<Value>::remove(std::string_view key) {
  Shard& shard = *shards_[shard_of(key)];
  Value dead{};
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.index.find(key);
  if (at == shard.index.end()) return false;
  dead = detach(shard, at->second, Removal::kRemoved);
  return true;
}

template <class Value>
void BoundedStore<Value>::clear() {
  for (const auto& shard : shards_) {
    std::deque<Node> dead;
    const std::lock_guard lock(shard->mutex);
    for (const auto& [key, slot] : shard->index) {
      release(shard->nodes[slot].weight);
    }
    const std::size_t count = shard->index.size();
    entries_.fetch_sub(count, std::memory_order_relaxed);
    count_removed(Removal::kCleared, count);
    shard->index.clear();
    shard->free.clear();
    shard->expiries = {};
    shard->policy = policy_();
    dead.swap(shard->nodes);
  }
}

template <class Value>
Slot BoundedStore<Value>::take_slot(Shard& shard) {
  if (shard.free.empty()) {
    shard.nodes.emplace_back();
    return static_cast<Slot>(shard.nodes.size() - 1);
  }
  const Slot slot = shard.free.back();
  shard.free.pop_back();
  return slot;
}

template <class Value>
Value BoundedStore<Value>::detach(Shard& shard, Slot slot, Removal reason) {
  Node& node = shard.nodes[slot];
  shard.policy->on_remove(slot, reason);
  shard.expiries.remove(slot);
  shard.index.erase(std::string_view(node.key));
  release(node.weight);
  entries_.fetch_sub(1, std::memory_order_relaxed);
  count_removed(reason, 1);
  Value value = std::move(node.value);
  node = Node{};
  shard.free.push_back(slot);
  return value;
}

template <class Value>
bool BoundedStore<Value>::reserve(std::size_t weight, std::size_t first_shard, TimePoint now) {
  if (weight > max_bytes_) return false;
  std::size_t emptied = 0;
  while (emptied < shards_.size()) {
    std::size_t used = bytes_.load(std::memory_order_relaxed);
    while (used + weight <= max_bytes_) {
      if (!bytes_.compare_exchange_weak(used, used + weight, std::memory_order_relaxed)) continue;
      if (metrics_.bytes != nullptr) metrics_.bytes->add(static_cast<std::int64_t>(weight));
      return true;
    }
    Shard& shard = *shards_[(first_shard + emptied) % shards_.size()];
    if (!evict_one(shard, now)) ++emptied;
  }
  return false;
}

template <class Value>
bool BoundedStore<Value>::evict_one(Shard& shard, TimePoint now) {
  Value dead{};
  const std::lock_guard lock(shard.mutex);
  const Slot expired = shard.expiries.expired(now);
  const Slot slot = expired != kNoSlot ? expired : shard.policy->victim();
  if (slot == kNoSlot) return false;
  dead = detach(shard, slot, expired != kNoSlot ? Removal::kExpired : Removal::kCapacity);
  return true;
}

template <class Value>
void BoundedStore<Value>::insert(Shard& shard, std::string_view key, Value value, std::size_t weight,
                                 TimePoint expires) {
  const Slot slot = take_slot(shard);
  Node& node = shard.nodes[slot];
  node = {.key = std::string(key), .value = std::move(value), .expires = expires, .weight = weight};
  shard.index.emplace(node.key, slot);
  shard.policy->on_insert(slot, {.hash = hash_(key), .weight = weight});
  shard.expiries.add(slot, expires);
  entries_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace envoyou::memory
