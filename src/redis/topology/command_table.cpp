#include "redis/topology/command_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace envoyou::redis {

namespace {

constexpr std::size_t kLongestName = 20;

constexpr CommandSpec read(std::string_view name) { return {.name = name, .reads = true}; }
constexpr CommandSpec none(std::string_view name) { return {.name = name, .rule = KeyRule::kNone}; }
constexpr CommandSpec one_node(std::string_view name) { return {.name = name, .rule = KeyRule::kOneNode}; }
constexpr CommandSpec range(std::string_view name, std::int8_t first, std::int8_t last, std::int8_t step = 1) {
  return {.name = name, .first = first, .last = last, .step = step};
}
constexpr CommandSpec read_range(std::string_view name, std::int8_t first, std::int8_t last) {
  return {.name = name, .first = first, .last = last, .reads = true};
}
constexpr CommandSpec split(std::string_view name, Merge merge, bool reads) {
  return {.name = name, .last = -1, .reads = reads, .merge = merge};
}
constexpr CommandSpec numkeys(std::string_view name, std::int8_t at, bool reads = false, std::int8_t single = 0) {
  return {.name = name, .rule = KeyRule::kNumkeys, .first = at, .single = single, .reads = reads};
}
constexpr CommandSpec special(std::string_view name, KeyRule rule, bool reads = false, std::int8_t last = 1) {
  return {.name = name, .rule = rule, .last = last, .reads = reads};
}

// By name.
constexpr std::array kCommands{
    one_node("ACL"),
    none("ASKING"),
    none("AUTH"),
    one_node("BGREWRITEAOF"),
    one_node("BGSAVE"),
    read("BITCOUNT"),
    read("BITFIELD_RO"),
    range("BITOP", 2, -1),
    read("BITPOS"),
    range("BLMOVE", 1, 2),
    numkeys("BLMPOP", 2),
    range("BLPOP", 1, -2),
    range("BRPOP", 1, -2),
    range("BRPOPLPUSH", 1, 2),
    numkeys("BZMPOP", 2),
    range("BZPOPMAX", 1, -2),
    range("BZPOPMIN", 1, -2),
    one_node("CLIENT"),
    none("CLUSTER"),
    none("COMMAND"),
    one_node("CONFIG"),
    range("COPY", 1, 2),
    one_node("DBSIZE"),
    one_node("DEBUG"),
    split("DEL", Merge::kSum, false),
    none("DISCARD"),
    read("DUMP"),
    none("ECHO"),
    numkeys("EVAL", 2),
    numkeys("EVALSHA", 2),
    numkeys("EVALSHA_RO", 2, true),
    numkeys("EVAL_RO", 2, true),
    none("EXEC"),
    split("EXISTS", Merge::kSum, true),
    read("EXPIRETIME"),
    one_node("FAILOVER"),
    numkeys("FCALL", 2),
    numkeys("FCALL_RO", 2, true),
    one_node("FLUSHALL"),
    one_node("FLUSHDB"),
    one_node("FUNCTION"),
    read("GEODIST"),
    read("GEOHASH"),
    read("GEOPOS"),
    special("GEORADIUS", KeyRule::kStore, false, 6),
    special("GEORADIUSBYMEMBER", KeyRule::kStore, false, 5),
    read("GEORADIUSBYMEMBER_RO"),
    read("GEORADIUS_RO"),
    read("GEOSEARCH"),
    range("GEOSEARCHSTORE", 1, 2),
    read("GET"),
    read("GETBIT"),
    read("GETRANGE"),
    none("HELLO"),
    read("HEXISTS"),
    read("HGET"),
    read("HGETALL"),
    read("HKEYS"),
    read("HLEN"),
    read("HMGET"),
    read("HRANDFIELD"),
    read("HSCAN"),
    read("HSTRLEN"),
    read("HVALS"),
    none("INFO"),
    one_node("KEYS"),
    none("LASTSAVE"),
    one_node("LATENCY"),
    read_range("LCS", 1, 2),
    read("LINDEX"),
    read("LLEN"),
    range("LMOVE", 1, 2),
    numkeys("LMPOP", 1),
    none("LOLWUT"),
    read("LPOS"),
    read("LRANGE"),
    special("MEMORY", KeyRule::kSubcommand, true),
    split("MGET", Merge::kElements, true),
    special("MIGRATE", KeyRule::kMigrate),
    one_node("MODULE"),
    one_node("MONITOR"),
    range("MSET", 1, -1, 2),
    range("MSETNX", 1, -1, 2),
    none("MULTI"),
    special("OBJECT", KeyRule::kSubcommand, true),
    read("PEXPIRETIME"),
    read_range("PFCOUNT", 1, -1),
    range("PFMERGE", 1, -1),
    none("PING"),
    none("PSUBSCRIBE"),
    read("PTTL"),
    none("PUBLISH"),
    none("PUBSUB"),
    none("PUNSUBSCRIBE"),
    none("QUIT"),
    one_node("RANDOMKEY"),
    none("READONLY"),
    none("READWRITE"),
    range("RENAME", 1, 2),
    range("RENAMENX", 1, 2),
    one_node("REPLICAOF"),
    none("RESET"),
    none("ROLE"),
    range("RPOPLPUSH", 1, 2),
    one_node("SAVE"),
    one_node("SCAN"),
    read("SCARD"),
    one_node("SCRIPT"),
    read_range("SDIFF", 1, -1),
    range("SDIFFSTORE", 1, -1),
    none("SELECT"),
    one_node("SHUTDOWN"),
    read_range("SINTER", 1, -1),
    numkeys("SINTERCARD", 1, true),
    range("SINTERSTORE", 1, -1),
    read("SISMEMBER"),
    one_node("SLAVEOF"),
    one_node("SLOWLOG"),
    read("SMEMBERS"),
    read("SMISMEMBER"),
    range("SMOVE", 1, 2),
    special("SORT", KeyRule::kStore, false, 2),
    read("SORT_RO"),
    read("SRANDMEMBER"),
    read("SSCAN"),
    range("SSUBSCRIBE", 1, -1),
    read("STRLEN"),
    none("SUBSCRIBE"),
    read("SUBSTR"),
    read_range("SUNION", 1, -1),
    range("SUNIONSTORE", 1, -1),
    range("SUNSUBSCRIBE", 1, -1),
    one_node("SWAPDB"),
    none("TIME"),
    split("TOUCH", Merge::kSum, true),
    read("TTL"),
    read("TYPE"),
    split("UNLINK", Merge::kSum, false),
    none("UNSUBSCRIBE"),
    none("UNWATCH"),
    one_node("WAIT"),
    one_node("WAITAOF"),
    range("WATCH", 1, -1),
    special("XGROUP", KeyRule::kSubcommand),
    special("XINFO", KeyRule::kSubcommand, true),
    read("XLEN"),
    read("XPENDING"),
    read("XRANGE"),
    special("XREAD", KeyRule::kStreams, true),
    special("XREADGROUP", KeyRule::kStreams),
    read("XREVRANGE"),
    read("ZCARD"),
    read("ZCOUNT"),
    numkeys("ZDIFF", 1, true),
    numkeys("ZDIFFSTORE", 2, false, 1),
    numkeys("ZINTER", 1, true),
    numkeys("ZINTERCARD", 1, true),
    numkeys("ZINTERSTORE", 2, false, 1),
    read("ZLEXCOUNT"),
    numkeys("ZMPOP", 1),
    read("ZMSCORE"),
    read("ZRANDMEMBER"),
    read("ZRANGE"),
    read("ZRANGEBYLEX"),
    read("ZRANGEBYSCORE"),
    range("ZRANGESTORE", 1, 2),
    read("ZRANK"),
    read("ZREVRANGE"),
    read("ZREVRANGEBYLEX"),
    read("ZREVRANGEBYSCORE"),
    read("ZREVRANK"),
    read("ZSCAN"),
    read("ZSCORE"),
    numkeys("ZUNION", 1, true),
    numkeys("ZUNIONSTORE", 2, false, 1),
};

static_assert(std::is_sorted(kCommands.begin(), kCommands.end(),
                             [](const CommandSpec& a, const CommandSpec& b) { return a.name < b.name; }));
static_assert(std::all_of(kCommands.begin(), kCommands.end(),
                          [](const CommandSpec& spec) { return spec.name.size() <= kLongestName; }));

constexpr CommandSpec kUsual{};

char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool equal_words(std::string_view a, std::string_view upper_case) noexcept {
  return std::equal(a.begin(), a.end(), upper_case.begin(), upper_case.end(),
                    [](char x, char y) { return upper(x) == y; });
}

// The index of the first word from `from` on that is one of the two; 0: none.
std::size_t find_word(const CommandView& words, std::size_t from, std::string_view one,
                      std::string_view other) noexcept {
  WordCursor cursor(words);
  cursor.skip(from);
  while (const auto word = cursor.next()) {
    if (equal_words(*word, one) || equal_words(*word, other)) return cursor.index() - 1;
  }
  return 0;
}

// REQUIRES: not negative.
std::size_t unsigned_of(std::int8_t small) noexcept { return static_cast<std::uint8_t>(small); }

KeyPlaces numbered(const CommandSpec& spec, const CommandView& words) noexcept {
  const auto at = unsigned_of(spec.first);
  WordCursor cursor(words);
  cursor.skip(at);
  const auto word = cursor.next();
  if (!word) return {};
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(word->data(), word->data() + word->size(), count);
  const bool is_number = error == std::errc() && end == word->data() + word->size();
  if (!is_number || count > words.count - at - 1) return {};
  return {.single = unsigned_of(spec.single), .first = at + 1, .count = count};
}

KeyPlaces ranged(const CommandSpec& spec, const CommandView& words) noexcept {
  const auto first = unsigned_of(spec.first);
  const auto last = static_cast<std::int64_t>(spec.last) < 0 ? static_cast<std::int64_t>(words.count) + spec.last
                                                             : static_cast<std::int64_t>(spec.last);
  if (last < static_cast<std::int64_t>(first) || last >= static_cast<std::int64_t>(words.count)) return {};
  const auto step = unsigned_of(spec.step);
  return {.first = first, .count = (static_cast<std::size_t>(last) - first) / step + 1, .step = step};
}

KeyPlaces streams(const CommandView& words) noexcept {
  const std::size_t at = find_word(words, 1, "STREAMS", "STREAMS");
  if (at == 0 || (words.count - at - 1) % 2 != 0) return {};
  return {.first = at + 1, .count = (words.count - at - 1) / 2};
}

KeyPlaces migrate(const CommandView& words) noexcept {
  const std::size_t at = find_word(words, 6, "KEYS", "KEYS");
  if (at == 0) return words.count > 3 ? KeyPlaces{.first = 3, .count = 1} : KeyPlaces{};
  return {.first = at + 1, .count = words.count - at - 1};
}

KeyPlaces stored(const CommandSpec& spec, const CommandView& words) noexcept {
  if (words.count < 2) return {};
  const std::size_t at = find_word(words, static_cast<std::size_t>(spec.last), "STORE", "STOREDIST");
  const bool stores = at != 0 && at + 1 < words.count;
  return {.single = stores ? at + 1 : 0, .first = 1, .count = 1};
}

}  // namespace

const CommandSpec& find_command(std::string_view name) noexcept {
  if (name.size() > kLongestName) return kUsual;
  char shouted[kLongestName];
  std::transform(name.begin(), name.end(), shouted, upper);
  const std::string_view wanted(shouted, name.size());
  const auto found = std::lower_bound(kCommands.begin(), kCommands.end(), wanted,
                                      [](const CommandSpec& spec, std::string_view key) { return spec.name < key; });
  return found != kCommands.end() && found->name == wanted ? *found : kUsual;
}

KeyPlaces find_keys(const CommandSpec& spec, const CommandView& words) noexcept {
  switch (spec.rule) {
    case KeyRule::kRange: return ranged(spec, words);
    case KeyRule::kNone:
    case KeyRule::kOneNode: return {};
    case KeyRule::kNumkeys: return numbered(spec, words);
    case KeyRule::kStreams: return streams(words);
    case KeyRule::kStore: return stored(spec, words);
    case KeyRule::kMigrate: return migrate(words);
    case KeyRule::kSubcommand: return words.count > 2 ? KeyPlaces{.first = 2, .count = 1} : KeyPlaces{};
  }
  return {};
}

}  // namespace envoyou::redis
