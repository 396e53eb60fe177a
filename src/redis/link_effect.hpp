// What a command does to the link that it goes down, beyond its answer. Links of a client are shared: a SELECT of one
// caller would move all others to another database, a BLPOP would hold up everyone behind it. On a connection of one's
// own (connection.hpp) most of it is welcome.
//
// Costs a caller about thirty instructions (x86-64, -O2): the name is looked up only if its first letter and its length
// are those of a name in the table.
//
// Pure; thread-safe.
#pragma once

#include <envoyou/redis/completion.hpp>
#include <envoyou/result.hpp>

#include <array>
#include <cstddef>
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

namespace detail_effect {

// Bit n of a letter's entry: a name of n letters in the table begins with it. link_effect.cpp holds them together.
extern const std::array<std::uint16_t, 26> kLengths;
inline constexpr std::size_t kLongestName = 12;

// "$5\r\nBLPOP" or "$10\r\nPSUBSCRIBE": one digit or two.
inline bool is_suspect(std::string_view encoded) noexcept {
  if (encoded.size() < 6) return false;
  const bool short_name = encoded[2] == '\r';
  const auto digit = [&](std::size_t at) { return static_cast<std::size_t>(encoded[at] - '0'); };
  const std::size_t size = short_name ? digit(1) : 10 * digit(1) + digit(2);
  // Either case: 'a' and 'A' differ in one bit.
  constexpr unsigned kCaseBit = 0x20;
  const auto last = static_cast<unsigned char>(encoded[short_name ? 4 : 5]);
  const std::size_t letter = (last & ~kCaseBit) - unsigned{'A'};
  return size <= kLongestName && letter < kLengths.size() && ((kLengths[letter] >> size) & 1u) != 0;
}

LinkEffect look_up(const Submission& submission) noexcept;
Error refusal(const Submission& submission);

}  // namespace detail_effect

inline LinkEffect effect_of(const Submission& submission) noexcept {
  if (detail_effect::is_suspect(submission.words.encoded())) return detail_effect::look_up(submission);
  return submission.waits ? LinkEffect::kWaits : LinkEffect::kNone;
}

// Why it may not go down a shared link; nothing if it may. What is several commands was looked at when it was made.
inline std::optional<Error> breaks_sharing(const Submission& submission) {
  if (submission.parts > 0 || effect_of(submission) == LinkEffect::kNone) return std::nullopt;
  return detail_effect::refusal(submission);
}
// The same for a connection of one's own.
std::optional<Error> breaks_connection(LinkEffect effect, const Words& words);

}  // namespace envoyou::redis
