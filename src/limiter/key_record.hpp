// What the local store keeps of one key: its meters, what is owed to Redis, and its places in the queues of its shard.
// Guarded by the mutex of the shard.
#pragma once

#include "limiter/backend.hpp"
#include "limiter/chain.hpp"
#include "limiter/meter_state.hpp"
#include "limiter/owed.hpp"
#include "limiter/seen_requests.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::limiter {

struct KeyMeter {
  explicit KeyMeter(const MeterId& i) : id(i), state(i) {}

  bool owes() const noexcept { return owed != nullptr || owed_leases != nullptr; }
  // What was admitted no later than that has no effect any more.
  Ms expired(Ms now) const noexcept {
    switch (id.algorithm) {
      case Algorithm::kSlidingLog:
      case Algorithm::kCompactLog:
      case Algorithm::kConcurrency: return now - id.window;
      case Algorithm::kSlidingCounter:
      case Algorithm::kFixedWindow: return now - 2 * id.window;
      case Algorithm::kGcra: break;
    }
    return state.forget_at() <= now ? now : std::numeric_limits<Ms>::min();
  }
  std::size_t bytes() const noexcept {
    return state.bytes() + (owed ? owed->bytes() : 0) + (owed_leases ? owed_leases->bytes() : 0);
  }

  MeterId id;
  MeterState state;
  std::int64_t rate = 0;       // of GCRA: under which it was last admitted
  std::unique_ptr<Owed> owed;  // null: nothing
  std::unique_ptr<OwedLeases> owed_leases;
};

// Meters that one key is kept under, more than one request can name. Who invents windows loses what counts least.
inline constexpr std::size_t kMaxMetersPerKey = 32;

class KeyRecord {
 public:
  KeyRecord(std::uint64_t h, std::string_view k, const MeterId& meter) : hash(h), key(k), first_(meter) {}

  KeyMeter* find(const MeterId& id) noexcept {
    if (first_.id == id) return &first_;
    for (auto& each : more_) {
      if (each->id == id) return each.get();
    }
    return nullptr;
  }

  // Makes it where it is not there. Where there are kMaxMetersPerKey already, one that is none of `kept` goes.
  KeyMeter& get(const MeterId& id, std::span<const MeterId> kept) {
    if (KeyMeter* found = find(id)) return *found;
    if (more_.size() + 1 >= kMaxMetersPerKey) drop_one(kept);
    more_.push_back(std::make_unique<KeyMeter>(id));
    return *more_.back();
  }

  template <class Visit>
  void for_each_meter(Visit visit) {
    visit(first_);
    for (auto& each : more_) visit(*each);
  }
  template <class Visit>
  void for_each_meter(Visit visit) const {
    visit(first_);
    for (const auto& each : more_) visit(*each);
  }

  bool owes() const noexcept {
    bool any = false;
    for_each_meter([&](const KeyMeter& each) { any = any || each.owes(); });
    return any;
  }
  // From then on nothing here counts for anything, and nothing owed would, either.
  Ms forget_at() const noexcept {
    Ms latest = std::max(keep_until, blocked_until);
    if (seen) latest = std::max(latest, seen->latest());
    for_each_meter([&](const KeyMeter& each) { latest = std::max(latest, each.state.forget_at()); });
    return latest;
  }
  Ms widest_window() const noexcept {
    Ms widest = 0;
    for_each_meter([&](const KeyMeter& each) { widest = std::max(widest, each.id.window); });
    return widest;
  }

  // Of requests that have an id: that it was admitted, or given back.
  bool has_seen(const Request& request, Ms now) const noexcept {
    return !request.request_id.empty() && seen != nullptr && seen->contains(request.request_id, now);
  }
  void note_request(const Request& request, Ms now) {
    if (request.request_id.empty()) return;
    if (seen == nullptr) seen = std::make_unique<SeenRequests>();
    if (!seen->contains(request.request_id, now)) seen->add(request.request_id, now + request.widest_window());
  }
  void forget_request(const Request& request) noexcept {
    if (seen != nullptr && !request.request_id.empty()) seen->remove(request.request_id);
  }

  std::size_t bytes() const noexcept {
    std::size_t sum = sizeof(KeyRecord) + kTableShare + (key.capacity() > kInlineKey ? key.capacity() : 0);
    sum += more_.capacity() * (sizeof(void*) + sizeof(KeyMeter)) + (seen ? seen->bytes() : 0);
    for_each_meter([&](const KeyMeter& each) { sum += each.bytes(); });
    return sum;
  }

  const std::uint64_t hash;
  const std::string key;

  Ms blocked_until = std::numeric_limits<Ms>::min();  // by RateLimiter::block
  std::unique_ptr<SeenRequests> seen;                 // null: none

  // The store's own.
  ChainLink<KeyRecord> queue_link;
  ChainLink<KeyRecord> owed_link;
  std::uint8_t queue = 0;
  bool in_owed_chain = false;
  Ms queued_at = 0;
  Ms important_until = std::numeric_limits<Ms>::min();  // denied: not to be evicted before others
  Ms keep_until = std::numeric_limits<Ms>::min();       // a reset that Redis has yet to hear of
  std::size_t accounted = 0;                            // bytes

 private:
  static constexpr std::size_t kInlineKey = 15;   // what std::string holds without the heap
  static constexpr std::size_t kTableShare = 32;  // of the table that finds it

  // The one that counts for the shortest time.
  void drop_one(std::span<const MeterId> kept) {
    auto victim = more_.end();
    for (auto each = more_.begin(); each != more_.end(); ++each) {
      if (std::ranges::find(kept, (*each)->id) != kept.end()) continue;
      if (victim == more_.end() || (*each)->state.forget_at() < (*victim)->state.forget_at()) victim = each;
    }
    more_.erase(victim);
  }

  KeyMeter first_;
  std::vector<std::unique_ptr<KeyMeter>> more_;
};

}  // namespace envoyou::limiter
