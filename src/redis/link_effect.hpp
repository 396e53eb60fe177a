// What a command does to the link that it goes down, beyond its answer. Links of a client are shared: a SELECT of one
// caller would move all others to another database, a BLPOP would hold up everyone behind it. On a connection of one's
// own (connection.hpp) most of it is welcome.
//
// Costs a caller a dozen instructions: the name is compared only if its first letter and its length are those of a name
// in the table.
//
// Pure; thread-safe.
#pragma once

#include <envoyou/redis/completion.hpp>
#include <envoyou/result.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace envoyou::redis {

enum class LinkEffect : std::uint8_t {
  kNone,
  kWaits,        // blocks on the server: BLPOP, WAIT, XREAD BLOCK
  kWatches,      // WATCH
  kUnwatches,    // UNWATCH
  kChanges,      // what comes behind it is understood otherwise: SELECT, CLIENT TRACKING, READONLY
  kTransaction,  // MULTI, EXEC, DISCARD
  kSubscribes,   // what comes behind it is not answered in order: SUBSCRIBE, MONITOR, CLIENT REPLY, SYNC
  kEnds,         // QUIT, RESET, and HELLO and AUTH, which are the client's own
};

LinkEffect effect_of(const Submission& submission) noexcept;

// Why it may not go down a shared link; nothing if it may.
std::optional<Error> breaks_sharing(const Submission& submission);
// The same for a connection of one's own.
std::optional<Error> breaks_connection(LinkEffect effect, const Words& words);

}  // namespace envoyou::redis
