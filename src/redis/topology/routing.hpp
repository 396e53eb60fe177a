// Where a command goes in a cluster, by its words alone: to the node of one slot, to any node, apart to several slots,
// or nowhere.
//
// Pure; thread-safe.
#pragma once

#include "redis/topology/command_table.hpp"
#include "redis/topology/slots.hpp"

#include <envoyou/redis/command.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace envoyou::redis {

struct Routing {
  enum class Kind : std::uint8_t {
    kAnyNode,
    kSlot,
    kSplit,      // keys in several slots, and answers that can be made one
    kCrossSlot,  // keys in several slots
    kOneNode,    // the caller must say which node is meant
  };
  Kind kind = Kind::kAnyNode;
  Slot slot = kNoSlot;  // kSlot
  bool reads = false;
  const CommandSpec* spec = nullptr;
};

Routing route(const Words& words) noexcept;

// A command whose keys lie in several slots, taken apart: the keys of each slot, in their order.
struct Part {
  Slot slot = kNoSlot;
  Words words;
  std::vector<std::uint32_t> places;  // of its keys among all keys
};

// REQUIRES: route(words) said kSplit.
std::vector<Part> split(const Words& words);

}  // namespace envoyou::redis
