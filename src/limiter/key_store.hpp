// All keys that this process knows of, bounded in number and in bytes, in shards of their own lock.
//
// Each shard keeps its records in queues by importance and by the width of their windows, least recently changed first.
// Records of one queue expire nearly in its order, so freeing what has expired means looking at heads of queues, a
// bounded number at each visit, and never a scan:
//
//             window   up to 3 ms   up to 15 ms   ...   up to a year
//   ordinary           [ ][ ][ ]    [ ][ ]              [ ][ ][ ][ ]     evicted first, whatever expires soonest
//   important          [ ]                              [ ][ ]           blocked keys, and what is owed to Redis
//
// When a bound is reached, the record of least importance goes: expired ones, then ordinary ones, and a blocked key
// only when there is nothing else, in this shard or another: otherwise a flood of new keys would set blocked callers
// free.
//
// Thread-safe: everything goes through a Visit, which holds the lock of one shard.
#pragma once

#include "limiter/key_table.hpp"

#include <envoyou/metrics.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

namespace envoyou::limiter {

struct KeyStoreBounds {
  std::size_t max_keys = 100'000;
  std::size_t max_bytes = 64u << 20;
  // How long what has expired is kept all the same. For replays in virtual time, where the clock may step back.
  Ms linger = 0;
};

struct KeyStoreMetrics {
  Counter& evicted;    // records that still counted for something
  Counter& owed_lost;  // of those, how many owed something
  Gauge& keys;
  Gauge& bytes;
  Gauge& owing;
};

// A count that is also shown: by the registry, summed over all stores that share it.
class ShownCount {
 public:
  explicit ShownCount(Gauge& shown) noexcept : shown_(shown) {}
  ~ShownCount() { shown_.add(-count_.load(std::memory_order_relaxed)); }
  ShownCount(const ShownCount&) = delete;
  ShownCount& operator=(const ShownCount&) = delete;

  void add(std::int64_t n) noexcept {
    count_.fetch_add(n, std::memory_order_relaxed);
    shown_.add(n);
  }
  std::size_t value() const noexcept { return static_cast<std::size_t>(count_.load(std::memory_order_relaxed)); }

 private:
  std::atomic<std::int64_t> count_{0};
  Gauge& shown_;
};

class KeyStore {
 public:
  KeyStore(KeyStoreBounds bounds, KeyStoreMetrics metrics);
  ~KeyStore();

  class Visit;
  // The key's shard, locked.
  Visit visit(std::string_view key);

  std::size_t keys() const noexcept { return keys_.value(); }
  std::size_t bytes() const noexcept { return bytes_.value(); }
  // Records that owe something to Redis.
  std::size_t owing() const noexcept { return owing_.value(); }

  std::size_t shard_count() const noexcept { return shard_count_; }
  // A shard by number, locked. REQUIRES: index < shard_count().
  Visit visit_shard(std::size_t index);

 private:
  static constexpr std::size_t kClasses = 18;  // two bits of the window each
  static constexpr std::size_t kQueues = 2 * kClasses;
  using Queue = Chain<KeyRecord, &KeyRecord::queue_link>;
  using OwedChain = Chain<KeyRecord, &KeyRecord::owed_link>;

  struct alignas(64) Shard {
    std::mutex mutex;
    KeyTable table;
    std::array<Queue, kQueues> queues;
    std::uint64_t filled = 0;  // a bit for each queue that is not empty
    std::size_t cursor = 0;    // the queue to look at next
    OwedChain owed;
  };

  static std::size_t queue_of(const KeyRecord& record, Ms now) noexcept;
  void enqueue(Shard& shard, KeyRecord& record, std::size_t queue, Ms now) noexcept;
  void dequeue(Shard& shard, KeyRecord& record) noexcept;
  void destroy(Shard& shard, KeyRecord& record) noexcept;
  void evict(Shard& shard, KeyRecord& record, Ms now) noexcept;
  void tidy(Shard& shard, Ms now) noexcept;
  void account(KeyRecord& record) noexcept;
  bool over_bounds() const noexcept;
  void enforce(Shard& own, const KeyRecord& spare, Ms now) noexcept;
  bool evict_one(Shard& shard, const KeyRecord* spare, bool important, Ms now) noexcept;

  const KeyStoreBounds bounds_;
  Counter& evicted_;
  Counter& owed_lost_;
  const std::size_t shard_count_;  // a power of two
  const std::unique_ptr<Shard[]> shards_;
  ShownCount keys_;
  ShownCount bytes_;
  ShownCount owing_;
};

// One shard under its lock, and in it one key. Records found or made are valid while the Visit lives.
class KeyStore::Visit {
 public:
  // The key's record; null if there is none.
  KeyRecord* find() const noexcept { return shard_.table.find(hash_, key_); }
  // The key's record, made with this meter if there was none. `changed` must follow.
  KeyRecord& get(const MeterId& meter);
  // After any change to a record: accounts it, finds its place in the queues, and makes room if that is needed. If
  // nothing in it counts any more it may be gone afterwards.
  void changed(KeyRecord& record, Ms now);
  // The same, except that nothing is freed: safe within for_each.
  void touched(KeyRecord& record, Ms now);
  // One that owes something stands behind all others that do.
  void put_off(KeyRecord& record) noexcept;
  // Visits the first `at_most` of the shard's records that owe something; the visitor may `changed` the one it is
  // given.
  template <class Visitor>
  void for_each_owing(std::size_t at_most, Visitor visitor) {
    KeyRecord* record = shard_.owed.front();
    for (std::size_t i = 0; record != nullptr && i < at_most; ++i) {
      KeyRecord* next = OwedChain::next(*record);
      visitor(*record);
      record = next;
    }
  }
  template <class Visitor>
  void for_each(Visitor visitor) {
    shard_.table.for_each(visitor);
  }

 private:
  friend class KeyStore;
  Visit(KeyStore& store, Shard& shard, std::uint64_t hash, std::string_view key)
      : store_(store), shard_(shard), lock_(shard.mutex), hash_(hash), key_(key) {}

  KeyStore& store_;
  Shard& shard_;
  std::unique_lock<std::mutex> lock_;
  std::uint64_t hash_;
  std::string_view key_;
};

}  // namespace envoyou::limiter
