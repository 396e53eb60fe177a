// Why an entry left a store in this process. The store counts by it, and an eviction policy may learn from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace envoyou::memory {

enum class Removal : std::uint8_t {
  kCapacity,  // to make room
  kExpired,   // its time was over
  kReplaced,  // by a newer value of its key
  kRemoved,   // on demand
  kCleared,   // with all others
};

inline constexpr std::size_t kRemovalReasons = 5;

constexpr std::string_view to_string(Removal reason) noexcept {
  switch (reason) {
    case Removal::kCapacity: return "capacity";
    case Removal::kExpired: return "expired";
    case Removal::kReplaced: return "replaced";
    case Removal::kRemoved: return "removed";
    case Removal::kCleared: return "cleared";
  }
  return "unknown";
}

}  // namespace envoyou::memory
