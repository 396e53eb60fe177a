// When the entries of one shard end, the earliest on top: an expired entry is found without looking at those that are
// not.
//
// A binary heap of slots that knows where each slot stands in it, so that an entry can be moved or taken out in O(log
// n). Confined to the shard that owns it.
#pragma once

#include "memory/eviction/policy.hpp"

#include <envoyou/clock.hpp>

#include <vector>

namespace envoyou::memory {

class ExpiryHeap {
 public:
  // REQUIRES: `slot` is not in the heap.
  void add(Slot slot, TimePoint ends);
  // REQUIRES: `slot` is in the heap.
  void remove(Slot slot);
  // The slot that ended first, if it ended by `now`; else kNoSlot.
  Slot expired(TimePoint now) const noexcept;

 private:
  using Place = std::uint32_t;
  TimePoint ends(Place place) const noexcept { return ends_[heap_[place]]; }
  void put(Place place, Slot slot) noexcept;
  void sift_up(Place place) noexcept;
  void sift_down(Place place) noexcept;

  std::vector<Slot> heap_;
  std::vector<Place> place_;     // by slot
  std::vector<TimePoint> ends_;  // by slot
};

}  // namespace envoyou::memory
