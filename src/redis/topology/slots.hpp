// Which of a cluster's 16384 slots a key lies in: CRC16 (XMODEM) of the key, or of its hash tag, which is what stands
// between the first '{' and the next '}' where that is not empty.
//
// Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace envoyou::redis {

using Slot = std::uint16_t;
inline constexpr std::size_t kSlots = 16384;
inline constexpr Slot kNoSlot = 0xffff;

std::uint16_t crc16(std::string_view bytes) noexcept;
Slot slot_of(std::string_view key) noexcept;

}  // namespace envoyou::redis
