// The commands of the cache and how their replies are read. Whatever has a shape that cannot be the answer, or restates
// another question, is kForeignReply: the client closes the link.
//
// Pure functions; thread-safe.
#pragma once

#include "cache/backend.hpp"

#include <envoyou/redis/command.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::cache::commands {

// How a generation number lies in Redis: the number, then what its tag's digest begins with; 8 bytes each,
// little-endian.
struct Generation {
  std::uint64_t number = 0;  // 0: there is none
  std::uint64_t owner = 0;
  bool malformed = false;  // something lies there that is none
};

redis::Command<std::optional<std::string>> get_entry(const Name& entry);
// As many as tags. REQUIRES: at least one tag.
redis::Command<std::vector<Generation>> get_generations(const std::vector<const Name*>& tags);
// True: it was set; false: there was one already. `replace`: set it in any case.
redis::Command<bool> set_generation(const Name& tag, std::uint64_t number, Milliseconds ttl, bool replace);
redis::Command<bool> set_entry(const Name& entry, std::string_view envelope, Milliseconds ttl, bool only_if_absent);
redis::Command<std::int64_t> remove(const std::vector<Name>& names);
redis::Command<std::int64_t> extend(const Name& name, Milliseconds ttl);
// Milliseconds; -1: for ever, -2: there is none.
redis::Command<std::int64_t> time_left(const Name& name);
// scripts/carry_over.lua; an empty envelope removes. True: brought; false: Redis has a newer one.
redis::Command<bool> carry_over(const Name& entry, WallTime written, Milliseconds ttl, std::string_view envelope);

}  // namespace envoyou::cache::commands
