// The ids of requests that were admitted under one key, so that one that is asked again, because its answer was lost,
// takes once. Bounded: the oldest goes for the newest. Confined to one thread.
#pragma once

#include "base/hash.hpp"
#include "limiter/algorithms/meter.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace envoyou::limiter {

inline constexpr std::size_t kMaxSeenRequests = 256;  // of one key

class SeenRequests {
 public:
  bool contains(std::string_view id, Ms now) const noexcept {
    const std::uint64_t hash = base::hash64(id);
    return std::ranges::any_of(seen_, [&](const Seen& each) { return each.hash == hash && each.until > now; });
  }
  void add(std::string_view id, Ms until) {
    const std::uint64_t hash = base::hash64(id);
    latest_ = std::max(latest_, until);
    if (seen_.size() < kMaxSeenRequests) return seen_.push_back({hash, until});
    seen_[next_] = {hash, until};
    next_ = (next_ + 1) % kMaxSeenRequests;
  }
  // It was given back: asked again it counts.
  void remove(std::string_view id) noexcept {
    const std::uint64_t hash = base::hash64(id);
    for (Seen& each : seen_) {
      if (each.hash == hash) each.until = std::numeric_limits<Ms>::min();
    }
  }
  // From then on none is known.
  Ms latest() const noexcept { return latest_; }
  std::size_t bytes() const noexcept { return sizeof(SeenRequests) + seen_.capacity() * sizeof(Seen); }

 private:
  struct Seen {
    std::uint64_t hash = 0;
    Ms until = 0;
  };
  std::vector<Seen> seen_;
  std::size_t next_ = 0;
  Ms latest_ = std::numeric_limits<Ms>::min();
};

}  // namespace envoyou::limiter
