// The list is made of slot numbers and not of pointers: eight bytes an entry, and no allocation of its own.
#include "memory/eviction/lru.hpp"

namespace envoyou::memory {

void LruPolicy::on_insert(Slot slot, const Resident&) {
  if (slot >= links_.size()) links_.resize(std::size_t{slot} + 1);
  link_newest(slot);
}

void LruPolicy::on_access(Slot slot) {
  if (slot == newest_) return;
  unlink(slot);
  link_newest(slot);
}

void LruPolicy::on_remove(Slot slot, Removal) { unlink(slot); }

void LruPolicy::link_newest(Slot slot) {
  links_[slot] = {.newer = kNoSlot, .older = newest_};
  if (newest_ != kNoSlot) links_[newest_].newer = slot;
  newest_ = slot;
  if (oldest_ == kNoSlot) oldest_ = slot;
}

void LruPolicy::unlink(Slot slot) {
  const Links at = links_[slot];
  (at.newer == kNoSlot ? newest_ : links_[at.newer].older) = at.older;
  (at.older == kNoSlot ? oldest_ : links_[at.older].newer) = at.newer;
}

}  // namespace envoyou::memory
