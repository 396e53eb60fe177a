// What the typed commands have in common. Every command is a value (command.hpp) that any face of the client takes:
//
//   namespace cmd = envoyou::redis::cmd;
//   auto value = client.run(cmd::get("key"));                                       //
//   Result<std::optional<std::string>> auto set = co_await client.async(cmd::set("key", "v", {.expires_in = 30s}));
//
// Names, arguments and their order are those of Redis; what Redis takes as optional words is a struct of options. A
// command that Redis calls deprecated, and anything else, goes as redis::Words.
//
// Repeating (command.hpp): reads, and writes that leave and answer the same the second time, are marked as safe.
// Answers: both shapes of a reply, that of RESP2 and that of RESP3, give the same value. Commands that block on the
// server are marked so, and only a Connection takes them; their timeout zero is for ever.
//
// Nothing is checked here that the server checks: a wrong argument is its error.
//
// Thread rule: values. The texts that are given are copied at once.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/redis/command.hpp>
#include <envoyou/redis/reply.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::redis::cmd {

// {"a", "b"}, or {v.begin(), v.end()} of other strings.
using Strings = std::vector<std::string_view>;
using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;

// A field of a hash or of an entry, with its value; in the server's order.
using Field = std::pair<std::string, std::string>;
using Fields = std::vector<Field>;
// A reply of many named parts.
using Parts = std::vector<std::pair<std::string, Reply>>;

struct Scored {
  std::string member;
  double score = 0;

  friend bool operator==(const Scored&, const Scored&) = default;
};

struct Limit {
  std::int64_t offset = 0;
  std::int64_t count = -1;  // all
};

enum class Side : std::uint8_t { kLeft, kRight };

// One step of a SCAN: to go on, ask with its cursor; "0" is the start and the end.
template <class T>
struct Page {
  std::string cursor;
  std::vector<T> items;
};

struct ScanOptions {
  std::string_view match = {};  // a glob; empty: all
  std::int64_t count = 0;       // about how many to look at a step; 0: the server's default
  std::string_view type = {};   // of SCAN alone
};

}  // namespace envoyou::redis::cmd
