#include "redis/link_effect.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace envoyou::redis {

namespace {

struct Named {
  std::string_view name;
  LinkEffect effect;
};

constexpr auto kWaits = LinkEffect::kWaits;
constexpr auto kChanges = LinkEffect::kChanges;
constexpr auto kSubscribes = LinkEffect::kSubscribes;
constexpr auto kEnds = LinkEffect::kEnds;

// CLIENT and XREAD are looked at more closely.
constexpr std::array kNames{
    Named{"BLPOP", kWaits},
    Named{"BRPOP", kWaits},
    Named{"BLMOVE", kWaits},
    Named{"BLMPOP", kWaits},
    Named{"BRPOPLPUSH", kWaits},
    Named{"BZPOPMIN", kWaits},
    Named{"BZPOPMAX", kWaits},
    Named{"BZMPOP", kWaits},
    Named{"WAIT", kWaits},
    Named{"WAITAOF", kWaits},
    Named{"XREAD", kWaits},
    Named{"XREADGROUP", kWaits},
    Named{"WATCH", LinkEffect::kWatches},
    Named{"UNWATCH", LinkEffect::kUnwatches},
    Named{"SELECT", kChanges},
    Named{"READONLY", kChanges},
    Named{"READWRITE", kChanges},
    Named{"ASKING", kChanges},
    Named{"CLIENT", kChanges},
    Named{"MULTI", LinkEffect::kTransaction},
    Named{"EXEC", LinkEffect::kTransaction},
    Named{"DISCARD", LinkEffect::kTransaction},
    Named{"SUBSCRIBE", kSubscribes},
    Named{"PSUBSCRIBE", kSubscribes},
    Named{"SSUBSCRIBE", kSubscribes},
    Named{"UNSUBSCRIBE", kSubscribes},
    Named{"PUNSUBSCRIBE", kSubscribes},
    Named{"SUNSUBSCRIBE", kSubscribes},
    Named{"MONITOR", kSubscribes},
    Named{"SYNC", kSubscribes},
    Named{"PSYNC", kSubscribes},
    Named{"QUIT", kEnds},
    Named{"RESET", kEnds},
    Named{"HELLO", kEnds},
    Named{"AUTH", kEnds},
};

constexpr std::array<std::string_view, 7> kClientWords{"REPLY",    "TRACKING", "CACHING", "SETNAME",
                                                       "NO-EVICT", "NO-TOUCH", "SETINFO"};

constexpr char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool same(std::string_view word, std::string_view name) noexcept {
  return std::equal(word.begin(), word.end(), name.begin(), name.end(), [](char a, char b) { return upper(a) == b; });
}

// Bit n of the letter's entry: a name of n letters begins with it.
constexpr std::array<std::uint16_t, 26> make_lengths() noexcept {
  std::array<std::uint16_t, 26> lengths{};
  for (const Named& each : kNames) {
    auto& bits = lengths[static_cast<std::size_t>(each.name[0] - 'A')];
    bits = static_cast<std::uint16_t>(bits | (1u << each.name.size()));
  }
  return lengths;
}
// The words of a command one after the other, as Words encodes them: "$3\r\nGET\r\n".
class Reader {
 public:
  explicit Reader(std::string_view encoded) noexcept : left_(encoded) {}
  // Empty at the end.
  std::string_view next() noexcept {
    std::size_t size = 0;
    if (left_.empty()) return {};
    const auto parsed = std::from_chars(left_.data() + 1, left_.data() + left_.size(), size);
    const auto at = static_cast<std::size_t>(parsed.ptr - left_.data()) + 2;
    const std::string_view word = left_.substr(at, size);
    left_.remove_prefix(at + size + 2);
    return word;
  }

 private:
  std::string_view left_;
};

LinkEffect effect_of_client(std::string_view subcommand) noexcept {
  for (const std::string_view word : kClientWords) {
    if (same(subcommand, word)) return word == "REPLY" ? kSubscribes : kChanges;
  }
  return LinkEffect::kNone;
}

LinkEffect effect_of_read(const Submission& submission, Reader words) noexcept {
  if (submission.waits) return kWaits;
  for (std::string_view word = words.next(); !word.empty() && !same(word, "STREAMS"); word = words.next()) {
    if (same(word, "BLOCK")) return kWaits;
  }
  return LinkEffect::kNone;
}

std::string_view name_of(const Words& words) noexcept { return Reader(words.encoded()).next(); }

Error refused(const Words& words, std::string_view why) {
  return Error(Errc::kUnsupported, std::string(name_of(words)) + std::string(why));
}

std::string_view instead_of(LinkEffect effect) noexcept {
  switch (effect) {
    case LinkEffect::kNone: return "";
    case LinkEffect::kWaits: return ": would hold up all callers of a shared link; use a redis::Connection";
    case LinkEffect::kWatches:
    case LinkEffect::kUnwatches: return ": watches for one caller alone; use a redis::Connection";
    case LinkEffect::kChanges:
      return ": would change a link that all callers share; use a redis::Connection, or a client of its own";
    case LinkEffect::kTransaction: return ": others' commands would come in between; use a redis::Transaction";
    case LinkEffect::kSubscribes:
      return ": what is not answered in order can not share a link; use a subscriber (redis/subscriber.hpp)";
    case LinkEffect::kEnds: return ": the handshake and the end of a link are the client's own; use ClientOptions";
  }
  return "";
}

}  // namespace

namespace detail_effect {

constexpr std::array<std::uint16_t, 26> kLengths = make_lengths();

LinkEffect look_up(const Submission& submission) noexcept {
  Reader words(submission.words.encoded());
  const std::string_view name = words.next();
  for (const Named& each : kNames) {
    if (!same(name, each.name)) continue;
    if (each.name == "CLIENT") return effect_of_client(words.next());
    if (each.name.starts_with("XREAD")) return effect_of_read(submission, words);
    return each.effect;
  }
  return LinkEffect::kNone;
}

Error refusal(const Submission& submission) { return refused(submission.words, instead_of(effect_of(submission))); }

}  // namespace detail_effect

std::optional<Error> breaks_connection(LinkEffect effect, const Words& words) {
  switch (effect) {
    case LinkEffect::kNone:
    case LinkEffect::kWaits:
    case LinkEffect::kWatches:
    case LinkEffect::kUnwatches:
    case LinkEffect::kChanges: return std::nullopt;
    case LinkEffect::kTransaction:
    case LinkEffect::kSubscribes:
    case LinkEffect::kEnds: break;
  }
  return refused(words, instead_of(effect));
}

}  // namespace envoyou::redis
