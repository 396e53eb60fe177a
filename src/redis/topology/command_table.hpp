// What routing must know of commands: where their keys stand, whether they only read, and what becomes of keys in
// different slots. The table holds what differs from the rule "the first word behind the name is the key, it may
// write", which is right for most commands and harmless for the rest: a server that is not the key's says MOVED.
//
// Pure; thread-safe.
#pragma once

#include "redis/topology/word_cursor.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace envoyou::redis {

enum class KeyRule : std::uint8_t {
  kRange,       // first, last (from the end where negative), step
  kNone,        // any node will do: PING, PUBLISH, INFO
  kOneNode,     // names no key and would reach one node only, where the whole cluster is meant: FLUSHALL, SCAN
  kNumkeys,     // `first` is where the number of keys stands; they follow. `single` is one more key, 0: none
  kStreams,     // XREAD: half of what follows STREAMS
  kStore,       // the first word, and what follows STORE or STOREDIST from word `last` on: SORT, GEORADIUS
  kMigrate,     // the third word, or what follows KEYS
  kSubcommand,  // the second word is the key (MEMORY USAGE k); without it, as kNone
};

// How answers to the parts of a command whose keys lie in different slots make one answer.
enum class Merge : std::uint8_t { kRefuse, kElements, kSum };

struct CommandSpec {
  std::string_view name;  // upper case
  KeyRule rule = KeyRule::kRange;
  std::int8_t first = 1;
  std::int8_t last = 1;
  std::int8_t step = 1;
  std::int8_t single = 0;
  bool reads = false;  // changes nothing: a replica can answer
  Merge merge = Merge::kRefuse;
};

// The rule above for what is not in the table. `name` in any case.
const CommandSpec& find_command(std::string_view name) noexcept;

// Words whose indexes are `single`, and `count` words from `first` in steps of `step`. A command whose words are wrong
// (EVAL with a count that is none) has no keys: the server says what is wrong.
struct KeyPlaces {
  std::size_t single = 0;  // 0: none
  std::size_t first = 0;
  std::size_t count = 0;
  std::size_t step = 1;

  bool holds(std::size_t index) const noexcept {
    if (single != 0 && index == single) return true;
    return index >= first && index < first + count * step && (index - first) % step == 0;
  }
  bool empty() const noexcept { return single == 0 && count == 0; }
};
KeyPlaces find_keys(const CommandSpec& spec, const CommandView& command) noexcept;

}  // namespace envoyou::redis
