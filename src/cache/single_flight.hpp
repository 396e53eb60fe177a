// Many ask the same at the same time, one works. The first to join a key leads; the others follow and get what the
// leader lands.
//
//   join --> leader --- land(value) ------> followers get the value
//                  '--- keep to itself ---> followers work for themselves (the value is not theirs to have)
//                  '--- dropped ----------> followers join again: the leader failed, and one of them leads
//
// A follower waits no longer than its own deadline and then works for itself.
//
// `outdate` says that what is being worked on is no longer what those should get who ask from now on: they begin a
// flight of their own, and the leader learns that its value must not be kept.
//
// `landings` lets a leader notice that somebody landed this key between its look-up and its joining, so that it looks
// again instead of working again.
//
// Does not: know what is worked on; catch what the work throws.
//
// Thread-safe. `Value` is shared between threads: immutable.
#pragma once

#include "base/hash.hpp"

#include <envoyou/deadline.hpp>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace envoyou::cache {

// A key is a digest, perhaps with more behind it.
inline constexpr std::size_t kShardedBytes = 32;

template <class Value>
class SingleFlight {
  struct Shard;

 public:
  enum class Outcome : std::uint8_t { kLanded, kKept, kFailed, kTimedOut };

  class Flight {
   public:
    struct Awaited {
      Outcome outcome = Outcome::kTimedOut;
      std::shared_ptr<const Value> value;  // when landed
    };
    Awaited wait(Deadline deadline, Clock& clock) {
      std::unique_lock lock(mutex_);
      while (!ended_ && !deadline.expired(clock.now())) clock.wait_until(lock, wake_, deadline.time());
      return ended_ ? Awaited{outcome_, value_} : Awaited{};
    }

   private:
    friend class SingleFlight;
    void end(Outcome outcome, std::shared_ptr<const Value> value) {
      {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        outcome_ = outcome;
        value_ = std::move(value);
      }
      wake_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    bool ended_ = false;                    // guarded by mutex_
    Outcome outcome_ = Outcome::kTimedOut;  // guarded by mutex_
    std::shared_ptr<const Value> value_;    // guarded by mutex_
    bool outdated_ = false;                 // guarded by the shard's mutex
  };

  // Held by who leads. Dropping it ends the flight as failed.
  class Lead {
   public:
    Lead(Lead&&) noexcept = default;
    Lead& operator=(Lead&&) = delete;
    ~Lead() {
      if (flight_ != nullptr) end(Outcome::kFailed, nullptr);
    }
    void land(std::shared_ptr<const Value> value) { end(Outcome::kLanded, std::move(value)); }
    void keep() { end(Outcome::kKept, nullptr); }
    bool outdated() const {
      const std::lock_guard lock(shard_->mutex);
      return flight_->outdated_;
    }

   private:
    friend class SingleFlight;
    Lead(Shard* shard, std::string key, std::shared_ptr<Flight> flight)
        : shard_(shard), key_(std::move(key)), flight_(std::move(flight)) {}
    void end(Outcome outcome, std::shared_ptr<const Value> value) {
      {
        const std::lock_guard lock(shard_->mutex);
        if (!flight_->outdated_) shard_->flights.erase(key_);
        ++shard_->landings;
      }
      std::exchange(flight_, nullptr)->end(outcome, std::move(value));
    }

    Shard* shard_;
    std::string key_;
    std::shared_ptr<Flight> flight_;
  };

  struct Joined {
    std::unique_ptr<Lead> lead;      // not null: this caller leads
    std::shared_ptr<Flight> flight;  // else: to wait for
  };
  Joined join(std::string_view key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    auto [at, is_new] = shard.flights.try_emplace(std::string(key));
    if (!is_new) return {nullptr, at->second};
    at->second = std::make_shared<Flight>();
    return {std::unique_ptr<Lead>(new Lead(&shard, at->first, at->second)), nullptr};
  }

  void outdate(std::string_view key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.flights.find(std::string(key));
    if (at == shard.flights.end()) return;
    at->second->outdated_ = true;
    shard.flights.erase(at);
  }

  // Grows whenever a flight ends whose key begins with the same kShardedBytes, and now and then for others.
  std::uint64_t landings(std::string_view key) const {
    const Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    return shard.landings;
  }

 private:
  static constexpr std::size_t kShards = 64;
  static std::size_t shard_index(std::string_view key) noexcept {
    return base::hash64(key.substr(0, kShardedBytes)) % kShards;
  }
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, std::shared_ptr<Flight>> flights;
    std::uint64_t landings = 0;
  };
  Shard& shard_of(std::string_view key) { return shards_[shard_index(key)]; }
  const Shard& shard_of(std::string_view key) const { return shards_[shard_index(key)]; }

  std::array<Shard, kShards> shards_;
};

}  // namespace envoyou::cache
