#include "memory/expiry_heap.hpp"

namespace envoyou::memory {

void ExpiryHeap::add(Slot slot, TimePoint ends) {
  if (slot >= place_.size()) {
    place_.resize(std::size_t{slot} + 1);
    ends_.resize(std::size_t{slot} + 1);
  }
  ends_[slot] = ends;
  heap_.push_back(slot);
  const Place place = static_cast<Place>(heap_.size() - 1);
  place_[slot] = place;
  sift_up(place);
}

void ExpiryHeap::remove(Slot slot) {
  const Place hole = place_[slot];
  const Slot last = heap_.back();
  heap_.pop_back();
  if (last == slot) return;
  put(hole, last);
  sift_up(hole);
  sift_down(place_[last]);
}

Slot ExpiryHeap::expired(TimePoint now) const noexcept {
  return !heap_.empty() && ends(0) <= now ? heap_.front() : kNoSlot;
}

void ExpiryHeap::put(Place place, Slot slot) noexcept {
  heap_[place] = slot;
  place_[slot] = place;
}

void ExpiryHeap::sift_up(Place place) noexcept {
  const Slot moving = heap_[place];
  while (place > 0) {
    const Place parent = (place - 1) / 2;
    if (ends(parent) <= ends_[moving]) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, moving);
}

void ExpiryHeap::sift_down(Place place) noexcept {
  const Slot moving = heap_[place];
  const auto size = static_cast<Place>(heap_.size());
  for (Place child = 2 * place + 1; child < size; child = 2 * place + 1) {
    if (child + 1 < size && ends(child + 1) < ends(child)) ++child;
    if (ends_[moving] <= ends(child)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, moving);
}

}  // namespace envoyou::memory
