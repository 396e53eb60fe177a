// Which keys have the most, of more keys than anybody wants to remember: Space-Saving, in shards.
//
// Each key belongs to one shard by its hash. A shard holds a fixed number of counters in memory that is set aside when
// the first keys come and never grows. top_keys.cpp explains the algorithm and what it guarantees. Every update is
// counted: none is sampled, and none is dropped when threads meet.
//
// Does not: forget a key on demand, or hold more of a key than its first kMaxTopKeyBytes and a hash of the whole.
//
// Thread-safe: one short lock a shard, never held across a call to anybody else. Time is an argument and used for
// ageing only; one that is behind another thread's is taken for that one.
//
// Source: Metwally, Agrawal, El Abbadi: "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005.
#pragma once

#include <envoyou/limiter/live.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace envoyou::limiter {

inline constexpr std::size_t kDefaultTopCounters = 128;
inline constexpr std::size_t kMaxTopCounters = 1u << 16;
inline constexpr std::size_t kDefaultTopShards = 8;
inline constexpr std::size_t kMaxTopShards = 64;
inline constexpr Milliseconds kDefaultTopHalving{60'000};
inline constexpr Milliseconds kMaxTopHalving = std::chrono::hours(24 * 366);

// Numbers beyond the bounds are taken for the nearest that is within.
struct TopKeysOptions {
  std::size_t counters = kDefaultTopCounters;  // a shard; 1 to kMaxTopCounters, 128 bytes each
  std::size_t shards = kDefaultTopShards;      // 1 to kMaxTopShards
  Milliseconds halving = kDefaultTopHalving;   // counts halve at whole multiples of this; 0: never
  std::uint64_t hash_seed = 0;                 // random where keys come from outside, so that nobody can aim at a shard
};

struct TopList {
  std::vector<TopKey> keys;  // the most first; equal ones by key; none with less than half a unit
  TopScope scope;
};

class TopKeys {
 public:
  explicit TopKeys(TopKeysOptions options = {});
  ~TopKeys();
  TopKeys(const TopKeys&) = delete;
  TopKeys& operator=(const TopKeys&) = delete;

  // `key` has `weight` more. Less than 1 is nothing.
  void add(std::string_view key, std::int64_t weight, TimePoint now) noexcept;

  // The first `most`, as they would be if all counts had aged until `now`.
  TopList top(std::size_t most, TimePoint now) const;

  Milliseconds halving() const noexcept { return options_.halving; }
  std::size_t bytes() const noexcept;  // at most, however many keys come

 private:
  class Shard;
  Shard& shard_of(std::uint64_t hash) const noexcept;

  TopKeysOptions options_;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace envoyou::limiter
