#include <envoyou/redis/commands/bitmaps.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

namespace {

using Int = std::int64_t;
using Numbers = std::vector<std::optional<Int>>;

std::string_view word(BitOperation operation) {
  switch (operation) {
    case BitOperation::kAnd: return "AND";
    case BitOperation::kOr: return "OR";
    case BitOperation::kXor: return "XOR";
    case BitOperation::kNot: break;
  }
  return "NOT";
}

Words& add_range(Words& words, const std::optional<BitRange>& range) {
  if (range) words.add(range->start).add(range->end).add(range->in_bits ? "BIT" : "BYTE");
  return words;
}

Words& add_step(Words& words, const BitStep& step) {
  if (!step.overflow.empty()) words.add("OVERFLOW").add(step.overflow);
  switch (step.kind) {
    case BitStep::Kind::kGet: return words.add("GET").add(step.type).add(step.offset);
    case BitStep::Kind::kSet: words.add("SET"); break;
    case BitStep::Kind::kIncrby: words.add("INCRBY"); break;
  }
  return words.add(step.type).add(step.offset).add(step.value);
}

Words fields(std::string_view name, std::string_view key, const std::vector<BitStep>& steps) {
  Words words(name, key);
  for (const BitStep& step : steps) add_step(words, step);
  return words;
}

}  // namespace

Command<Int> bitcount(std::string_view key, const std::optional<BitRange>& range) {
  Words words("BITCOUNT", key);
  return reads<Int>(std::move(add_range(words, range)));
}
Command<Numbers> bitfield(std::string_view key, const std::vector<BitStep>& steps) {
  return writes<Numbers>(fields("BITFIELD", key, steps));
}
Command<Numbers> bitfield_ro(std::string_view key, const std::vector<BitStep>& gets) {
  return reads<Numbers>(fields("BITFIELD_RO", key, gets));
}
Command<Int> bitop(BitOperation operation, std::string_view to, const Strings& keys) {
  Words words("BITOP", word(operation), to);
  return writes<Int>(std::move(add_all(words, keys)));
}
Command<Int> bitpos(std::string_view key, bool bit, const std::optional<BitRange>& range) {
  Words words("BITPOS", key, bit ? 1 : 0);
  return reads<Int>(std::move(add_range(words, range)));
}
Command<bool> getbit(std::string_view key, Int offset) { return reads<bool>(Words("GETBIT", key, offset)); }
Command<bool> setbit(std::string_view key, Int offset, bool bit) {
  return writes<bool>(Words("SETBIT", key, offset, bit ? 1 : 0));
}

}  // namespace envoyou::redis::cmd
