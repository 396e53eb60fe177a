// What happened in process and Redis has yet to be told: at most one entry a key, the newest one, in the order in which
// the keys came. Bounded in entries and in bytes; what does not fit is refused and counted, never silently dropped.
//
//            put                take                    settle
//   (none) ------> waiting ------------> in hand -------------------> (none)
//                    ^                     |
//                    '---- give_back ------'   unless a newer one waits by then: the newest wins
//
// An entry that was taken counts as pending until it is settled or given back, so that nobody believes everything to be
// carried over while a pipeline is still under way. It does not hide its key: a newer `put` waits behind it.
//
// A Value is what the module needs to repeat the act (a write, a tombstone). `bytes` is what the module wants it
// counted as, besides the key.
//
// Thread-safe. `take`, `settle` and `give_back` by one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace envoyou::fallback {

struct CarryOverBounds {
  std::size_t max_entries = 10'000;
  std::size_t max_bytes = 64u << 20;
};

template <class Value>
class CarryOverQueue {
 public:
  struct Entry {
    std::string key;
    Value value;
    std::size_t bytes = 0;  // with the key
  };

  explicit CarryOverQueue(CarryOverBounds bounds) : bounds_(bounds) {}

  // False: it did not fit and was counted as overflow. An older entry of the key is gone all the same, for it is no
  // longer true.
  bool put(std::string_view key, Value value, std::size_t bytes) {
    const std::size_t total = bytes + key.size();
    const std::lock_guard lock(mutex_);
    erase_waiting(key);
    if (pending_.load(std::memory_order_relaxed) >= bounds_.max_entries || total > bounds_.max_bytes - bytes_) {
      overflowed_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    order_.push_back({std::string(key), std::move(value), total});
    index_.emplace(order_.back().key, std::prev(order_.end()));
    charge(total);
    return true;
  }

  // What waits for `key`, if anything: a copy. An entry in hand is not looked at.
  std::optional<Value> waiting(std::string_view key) const {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    return found->second->value;
  }

  // Withdraws what waits for `key`: it needs no telling any more.
  void withdraw(std::string_view key) {
    const std::lock_guard lock(mutex_);
    erase_waiting(key);
  }

  // The oldest, into the caller's hand. Each must be settled or given back.
  std::vector<Entry> take(std::size_t at_most) {
    std::vector<Entry> taken;
    const std::lock_guard lock(mutex_);
    while (taken.size() < at_most && !order_.empty()) {
      index_.erase(order_.front().key);
      taken.push_back(std::move(order_.front()));
      order_.pop_front();
    }
    return taken;
  }

  // Redis has it, or no longer needs it.
  void settle(const Entry& entry) {
    const std::lock_guard lock(mutex_);
    discharge(entry.bytes);
  }

  void give_back(Entry entry) {
    const std::lock_guard lock(mutex_);
    if (index_.contains(entry.key)) {
      discharge(entry.bytes);
      return;
    }
    order_.push_front(std::move(entry));
    index_.emplace(order_.front().key, order_.begin());
  }

  std::size_t pending() const noexcept { return pending_.load(std::memory_order_relaxed); }
  std::uint64_t overflowed() const noexcept { return overflowed_.load(std::memory_order_relaxed); }
  std::size_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  using Order = std::list<Entry>;

  void charge(std::size_t bytes) {
    bytes_ += bytes;
    pending_.fetch_add(1, std::memory_order_relaxed);
  }
  void discharge(std::size_t bytes) {
    bytes_ -= bytes;
    pending_.fetch_sub(1, std::memory_order_relaxed);
  }
  void erase_waiting(std::string_view key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    const auto entry = found->second;
    index_.erase(found);
    discharge(entry->bytes);
    order_.erase(entry);
  }

  const CarryOverBounds bounds_;
  mutable std::mutex mutex_;
  Order order_;                                                           // guarded by mutex_
  std::unordered_map<std::string_view, typename Order::iterator> index_;  // guarded by mutex_; views into order_
  std::size_t bytes_ = 0;                                                 // guarded by mutex_; waiting and in hand
  std::atomic<std::size_t> pending_{0};
  std::atomic<std::uint64_t> overflowed_{0};
};

}  // namespace envoyou::fallback
