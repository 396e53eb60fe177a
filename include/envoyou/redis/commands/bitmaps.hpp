// Commands for the bits of a string. See types.hpp.
#pragma once

#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

struct BitRange {
  std::int64_t start = 0;
  std::int64_t end = -1;
  bool in_bits = false;  // else in bytes
};

enum class BitOperation : std::uint8_t { kAnd, kOr, kXor, kNot };

// One step of BITFIELD: a type as Redis writes it ("u8", "i16"), and where ("0", "#2").
struct BitStep {
  enum class Kind : std::uint8_t { kGet, kSet, kIncrby };
  Kind kind = Kind::kGet;
  std::string_view type;
  std::string_view offset;
  std::int64_t value = 0;  // of kSet and kIncrby
  // Of kSet and kIncrby: "WRAP", "SAT" or "FAIL". Holds for the steps behind it, too.
  std::string_view overflow = {};
};

Command<std::int64_t> bitcount(std::string_view key, const std::optional<BitRange>& range = {});
// Nothing: that step would have overflowed, and was told to fail.
Command<std::vector<std::optional<std::int64_t>>> bitfield(std::string_view key, const std::vector<BitStep>& steps);
Command<std::vector<std::optional<std::int64_t>>> bitfield_ro(std::string_view key, const std::vector<BitStep>& gets);
Command<std::int64_t> bitop(BitOperation operation, std::string_view to, const Strings& keys);
// -1: there is none.
Command<std::int64_t> bitpos(std::string_view key, bool bit, const std::optional<BitRange>& range = {});
Command<bool> getbit(std::string_view key, std::int64_t offset);
// What it was.
Command<bool> setbit(std::string_view key, std::int64_t offset, bool bit);

}  // namespace envoyou::redis::cmd
