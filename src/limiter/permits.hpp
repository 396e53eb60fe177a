// Permits that were taken from Redis in advance, by key: see limiter/policy_limiter.hpp. Thread-safe.
#pragma once

#include <envoyou/clock.hpp>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace envoyou::limiter {

class Permits {
 public:
  explicit Permits(std::size_t max_keys) : max_keys_(max_keys) {}

  enum class Outcome : std::uint8_t {
    kSpent,     // the key held enough
    kTakeMore,  // it does not, and may ask for more
    kAskAlone,  // there was no more to be had a while ago
  };
  struct Spent {
    Outcome outcome = Outcome::kTakeMore;
    std::int64_t left = 0;
  };

  Spent spend(const std::string& key, std::int64_t cost, TimePoint now) {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(key);
    if (found == held_.end() || found->second.until <= now) return {};
    Held& held = found->second;
    if (held.is_dry) return {Outcome::kAskAlone, 0};
    if (held.units < cost) return {};
    held.units -= cost;
    return {Outcome::kSpent, held.units};
  }
  // Units that are left of a lease. What the key still held is given up.
  void put(const std::string& key, std::int64_t units, TimePoint until) { place(key, {units, until, false}); }
  // There is no lease to be had until then.
  void dry(const std::string& key, TimePoint until) { place(key, {0, until, true}); }

 private:
  struct Held {
    std::int64_t units = 0;
    TimePoint until;
    bool is_dry = false;
  };

  void place(const std::string& key, Held held) {
    const std::lock_guard lock(mutex_);
    if (held_.size() >= max_keys_ && !held_.contains(key)) held_.erase(held_.begin());
    held_[key] = held;
  }

  const std::size_t max_keys_;
  std::mutex mutex_;
  std::unordered_map<std::string, Held> held_;  // guarded by mutex_
};

}  // namespace envoyou::limiter
