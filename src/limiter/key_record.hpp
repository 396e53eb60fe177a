// What the local store keeps of one key: a log for each window it was asked under, what is owed to Redis, and its
// places in the queues of its shard. Guarded by the mutex of the shard.
#pragma once

#include "limiter/algorithms/sliding_log.hpp"
#include "limiter/chain.hpp"
#include "limiter/owed.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::limiter {

struct KeyLog {
  explicit KeyLog(Ms window) noexcept : log(window) {}

  SlidingLog log;
  std::unique_ptr<Owed> owed;  // null: nothing
};

// Windows that one key is kept under, more than one request can name. Who invents windows loses what counts least.
inline constexpr std::size_t kMaxWindowsPerKey = 32;

class KeyRecord {
 public:
  KeyRecord(std::uint64_t h, std::string_view k, Ms window) : hash(h), key(k), first_(window) {}

  KeyLog* find(Ms window) noexcept {
    if (first_.log.window() == window) return &first_;
    for (auto& each : more_) {
      if (each->log.window() == window) return each.get();
    }
    return nullptr;
  }

  // Makes it where it is not there. Where there are kMaxWindowsPerKey already, one that is none of `kept` goes.
  KeyLog& get(Ms window, std::span<const Ms> kept) {
    if (KeyLog* found = find(window)) return *found;
    if (more_.size() + 1 >= kMaxWindowsPerKey) drop_one(kept);
    more_.push_back(std::make_unique<KeyLog>(window));
    return *more_.back();
  }

  template <class Visit>
  void for_each_log(Visit visit) {
    visit(first_);
    for (auto& each : more_) visit(*each);
  }
  template <class Visit>
  void for_each_log(Visit visit) const {
    visit(first_);
    for (const auto& each : more_) visit(*each);
  }

  bool owes() const noexcept {
    bool any = false;
    for_each_log([&](const KeyLog& each) { any = any || each.owed != nullptr; });
    return any;
  }
  // From then on nothing here counts for anything, and nothing owed would, either.
  Ms forget_at() const noexcept {
    Ms latest = std::numeric_limits<Ms>::min();
    for_each_log([&](const KeyLog& each) { latest = std::max(latest, each.log.forget_at()); });
    return std::max(latest, keep_until);
  }
  Ms widest_window() const noexcept {
    Ms widest = 0;
    for_each_log([&](const KeyLog& each) { widest = std::max(widest, each.log.window()); });
    return widest;
  }
  std::size_t bytes() const noexcept {
    std::size_t sum = sizeof(KeyRecord) + kTableShare + (key.capacity() > kInlineKey ? key.capacity() : 0);
    sum += more_.capacity() * (sizeof(void*) + sizeof(KeyLog));
    for_each_log([&](const KeyLog& each) { sum += each.log.bytes() + (each.owed ? each.owed->bytes() : 0); });
    return sum;
  }

  const std::uint64_t hash;
  const std::string key;

  // The store's own.
  ChainLink<KeyRecord> queue_link;
  ChainLink<KeyRecord> owed_link;
  std::uint8_t queue = 0;
  bool in_owed_chain = false;
  Ms queued_at = 0;
  Ms important_until = std::numeric_limits<Ms>::min();  // blocked: not to be evicted before others
  Ms keep_until = std::numeric_limits<Ms>::min();       // a reset that Redis has yet to hear of
  std::size_t accounted = 0;                            // bytes

 private:
  static constexpr std::size_t kInlineKey = 15;   // what std::string holds without the heap
  static constexpr std::size_t kTableShare = 32;  // of the table that finds it

  // The one that counts for the shortest time.
  void drop_one(std::span<const Ms> kept) {
    auto victim = more_.end();
    for (auto each = more_.begin(); each != more_.end(); ++each) {
      if (std::ranges::find(kept, (*each)->log.window()) != kept.end()) continue;
      if (victim == more_.end() || (*each)->log.forget_at() < (*victim)->log.forget_at()) victim = each;
    }
    more_.erase(victim);
  }

  KeyLog first_;
  std::vector<std::unique_ptr<KeyLog>> more_;
};

}  // namespace envoyou::limiter
