// Least recently used: one list, the entry that was not asked for the longest leaves first.
#pragma once

#include "memory/eviction/policy.hpp"

#include <vector>

namespace envoyou::memory {

class LruPolicy final : public EvictionPolicy {
 public:
  void on_insert(Slot slot, const Resident& resident) override;
  void on_access(Slot slot) override;
  void on_remove(Slot slot, Removal reason) override;
  Slot victim() override { return oldest_; }

 private:
  struct Links {
    Slot newer = kNoSlot;
    Slot older = kNoSlot;
  };
  void link_newest(Slot slot);
  void unlink(Slot slot);

  std::vector<Links> links_;  // by slot
  Slot newest_ = kNoSlot;
  Slot oldest_ = kNoSlot;
};

}  // namespace envoyou::memory
