// In which order the entries of a full store leave it. A policy knows entries by their slot, a small number that the
// store gives and uses again, never by their content; one policy object serves one shard.
//
// Admission needs no verb of its own: a policy that does not want a newcomer names it as the next victim.
//
// Confined to the shard that owns it, whose lock is held in every call. Calls must not throw for anything but lack of
// memory.
#pragma once

#include "memory/removal.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>

namespace envoyou::memory {

using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = std::numeric_limits<Slot>::max();

struct Resident {
  std::uint64_t hash = 0;  // of the key: for sketches and ghost lists, which outlive the entry
  std::size_t weight = 0;  // bytes
};

class EvictionPolicy {
 public:
  EvictionPolicy() = default;
  EvictionPolicy(const EvictionPolicy&) = delete;
  EvictionPolicy& operator=(const EvictionPolicy&) = delete;
  virtual ~EvictionPolicy() = default;

  // REQUIRES: `slot` is not resident.
  virtual void on_insert(Slot slot, const Resident& resident) = 0;
  // REQUIRES for both: `slot` is resident.
  virtual void on_access(Slot slot) = 0;
  virtual void on_remove(Slot slot, Removal reason) = 0;

  // Which entry should go next; kNoSlot if there is none. Changes nothing that a second call would see.
  virtual Slot victim() = 0;
};

using PolicyFactory = std::function<std::unique_ptr<EvictionPolicy>()>;

}  // namespace envoyou::memory
