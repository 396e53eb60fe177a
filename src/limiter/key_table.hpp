// Finds a record by its key: open addressing with linear probing over (hash, record), so that a lookup touches one
// cache line and then the record. Does not own the records. Confined to one thread.
#pragma once

#include "limiter/key_record.hpp"

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::limiter {

class KeyTable {
 public:
  std::size_t size() const noexcept { return size_; }
  std::size_t bytes() const noexcept { return slots_.capacity() * sizeof(Slot); }

  KeyRecord* find(std::uint64_t hash, std::string_view key) const noexcept {
    if (slots_.empty()) return nullptr;
    for (std::size_t i = home(hash); slots_[i].record != nullptr; i = after(i)) {
      if (slots_[i].hash == hash && slots_[i].record->key == key) return slots_[i].record;
    }
    return nullptr;
  }

  // REQUIRES: its key is not there yet.
  void insert(KeyRecord& record) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    place({record.hash, &record});
    ++size_;
  }

  // REQUIRES: it is there. Closes the gap, so that no tombstones pile up.
  void erase(const KeyRecord& record) noexcept {
    std::size_t hole = home(record.hash);
    while (slots_[hole].record != &record) hole = after(hole);
    for (std::size_t i = after(hole); slots_[i].record != nullptr; i = after(i)) {
      const std::size_t wanted = home(slots_[i].hash);
      const bool may_move = ((i - wanted) & mask()) >= ((i - hole) & mask());
      if (!may_move) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = {};
    --size_;
  }

  template <class Visit>
  void for_each(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.record != nullptr) visit(*slot.record);
    }
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    KeyRecord* record = nullptr;
  };
  static constexpr std::size_t kFirstSlots = 16;

  std::size_t mask() const noexcept { return slots_.size() - 1; }
  std::size_t home(std::uint64_t hash) const noexcept { return static_cast<std::size_t>(hash) & mask(); }
  std::size_t after(std::size_t index) const noexcept { return (index + 1) & mask(); }

  void place(Slot slot) noexcept {
    std::size_t i = home(slot.hash);
    while (slots_[i].record != nullptr) i = after(i);
    slots_[i] = slot;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? kFirstSlots : slots_.size() * 2);
    std::swap(old, slots_);
    for (const Slot& slot : old) {
      if (slot.record != nullptr) place(slot);
    }
  }

  std::vector<Slot> slots_;  // a power of two of them, or none
  std::size_t size_ = 0;
};

}  // namespace envoyou::limiter
