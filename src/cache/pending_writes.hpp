// What the general cache acknowledged and Redis has yet to learn: at most one write a key, the newest.
//
//              put             batch               done(same version)
//   (none) ----------> waiting ------> waiting, sent ----------------> (none)
//                         ^                |
//                         '---- put -------'   a newer version: it is sent once more
//
// A write that was sent is still found by readers until Redis has acknowledged it, so that a key never falls back to an
// older value in between.
//
// Bounded in values and in bytes. Where a value does not fit, the oldest values make room: their keys stay, as keys
// whose value in Redis must go (`kDropped`), since a lost value is a miss, an old one would be wrong. Where not even
// keys fit, a write is refused.
//
// Between keys no order is kept. Thread-safe.
#pragma once

#include "cache/backend.hpp"

#include <atomic>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace envoyou::cache {

struct PendingBounds {
  std::size_t max_values = 10'000;
  std::size_t max_bytes = 64u << 20;
};

struct PendingWrite {
  enum class Kind : std::uint8_t { kValue, kRemoved, kDropped };

  std::vector<Name> names{};
  Kind kind = Kind::kRemoved;
  Payload payload{};    // of kValue
  Milliseconds ttl{0};  // as asked
  TimePoint expires{};  // of kValue
  WallTime written{};
  std::uint64_t sequence =
      0;  // of the calls of this process: a later one replaces an earlier one, never the other way round
  std::uint64_t version = 0;  // given by PendingWrites
};

class PendingWrites {
 public:
  explicit PendingWrites(PendingBounds bounds) : bounds_(bounds) {}

  // False: it did not fit, and nothing changed but what was already pending. True also where a later call has come
  // first.
  bool put(PendingWrite write);
  // Nullopt where nothing is pending. A value whose time is over is a removal.
  std::optional<PendingWrite> find(const Name& name, TimePoint now) const;
  bool contains(const Name& name) const;
  // At most so many, as they are now: removals first, then values, each the oldest first.
  std::vector<PendingWrite> batch(std::size_t at_most) const;
  // Redis has acknowledged this version.
  void done(const PendingWrite& write);

  std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  using Order = std::list<PendingWrite>;
  using Index = std::unordered_map<std::string, Order::iterator>;

  static std::size_t cost_of(const PendingWrite& write) noexcept;
  Order& list_of(const PendingWrite& write) noexcept;
  void insert(PendingWrite write);
  void erase(Index::iterator at);
  bool fits(const PendingWrite& write) const noexcept;
  void drop_value(PendingWrite& write);
  void drop_oldest_value();

  const PendingBounds bounds_;
  mutable std::mutex mutex_;
  Order values_;                    // guarded by mutex_, oldest first
  Order removals_;                  // guarded by mutex_, oldest first; dropped ones, too
  Index index_;                     // guarded by mutex_; by digest
  std::size_t bytes_ = 0;           // guarded by mutex_
  std::uint64_t last_version_ = 0;  // guarded by mutex_
  std::atomic<std::size_t> size_{0};
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace envoyou::cache
