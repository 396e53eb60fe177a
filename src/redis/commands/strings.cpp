#include <envoyou/redis/commands/strings.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

namespace {

using Text = std::optional<std::string>;

// SET answers OK or null; with GET what was there before or null, from which follows what was done.
Result<SetOutcome> decode_set(const ReplyView& reply, std::uint64_t) {
  if (reply.is_null()) return SetOutcome{false, {}};
  if (auto ok = decode_ok(reply, 0); !ok) return ok.error();
  return SetOutcome{true, {}};
}

template <When when>
Result<SetOutcome> decode_set_get(const ReplyView& reply, std::uint64_t) {
  auto previous = Shape<Text>::read(reply);
  if (!previous) return previous.error();
  const bool was_there = previous->has_value();
  const bool stored = when == When::kAlways || was_there == (when == When::kIfPresent);
  return SetOutcome{stored, std::move(previous).value()};
}

Command<SetOutcome>::Decode decoder_of(const SetOptions& options) {
  if (!options.get) return decode_set;
  switch (options.when) {
    case When::kAlways: return decode_set_get<When::kAlways>;
    case When::kIfAbsent: return decode_set_get<When::kIfAbsent>;
    case When::kIfPresent: break;
  }
  return decode_set_get<When::kIfPresent>;
}

template <class Options>
void add_expiry(Words& words, const Options& options) {
  if (options.expires_in) words.add("PX").add(options.expires_in->count());
  if (options.expires_at) words.add("PXAT").add(to_unix_ms(*options.expires_at));
}

using Range = std::pair<std::int64_t, std::int64_t>;

Result<LcsMatch> read_match(const ReplyView& reply) {
  if (!is_list(reply) || reply.elements.size() < 2) return no_such_shape("a match", reply);
  auto first = Shape<Range>::read(reply.elements[0]);
  if (!first) return first.error();
  auto second = Shape<Range>::read(reply.elements[1]);
  if (!second) return second.error();
  return LcsMatch{*first, *second, first->second - first->first + 1};
}

Result<LcsIndex> decode_lcs(const ReplyView& reply, std::uint64_t) {
  LcsIndex index;
  auto done = read_pairs(reply, [&](const ReplyView& name, const ReplyView& value) -> Result<void> {
    if (name.text == "len") index.length = value.integer;
    if (name.text != "matches") return {};
    for (const ReplyView& each : value.elements) {
      auto match = read_match(each);
      if (!match) return match.error();
      index.matches.push_back(*match);
    }
    return {};
  });
  if (!done) return done.error();
  return index;
}

}  // namespace

Command<std::int64_t> append(std::string_view key, std::string_view value) {
  return writes<std::int64_t>(Words("APPEND", key, value));
}
Command<std::int64_t> decr(std::string_view key) { return writes<std::int64_t>(Words("DECR", key)); }
Command<std::int64_t> decrby(std::string_view key, std::int64_t by) {
  return writes<std::int64_t>(Words("DECRBY", key, by));
}
Command<Text> get(std::string_view key) { return reads<Text>(Words("GET", key)); }
Command<Text> getdel(std::string_view key) { return writes<Text>(Words("GETDEL", key)); }
Command<Text> getex(std::string_view key, const GetExOptions& options) {
  Words words("GETEX", key);
  add_expiry(words, options);
  return sets<Text>(std::move(add_flag(words, options.persist, "PERSIST")));
}
Command<std::string> getrange(std::string_view key, std::int64_t start, std::int64_t end) {
  return reads<std::string>(Words("GETRANGE", key, start, end));
}
Command<std::int64_t> incr(std::string_view key) { return writes<std::int64_t>(Words("INCR", key)); }
Command<std::int64_t> incrby(std::string_view key, std::int64_t by) {
  return writes<std::int64_t>(Words("INCRBY", key, by));
}
Command<double> incrbyfloat(std::string_view key, double by) {
  Words words("INCRBYFLOAT", key);
  return writes<double>(std::move(add_double(words, by)));
}
Command<std::string> lcs(std::string_view key1, std::string_view key2) {
  return reads<std::string>(Words("LCS", key1, key2));
}
Command<std::int64_t> lcs_len(std::string_view key1, std::string_view key2) {
  return reads<std::int64_t>(Words("LCS", key1, key2, "LEN"));
}
Command<LcsIndex> lcs_idx(std::string_view key1, std::string_view key2, std::int64_t min_match_length) {
  Words words("LCS", key1, key2, "IDX");
  if (min_match_length > 0) words.add("MINMATCHLEN").add(min_match_length);
  return {std::move(words), decode_lcs, Repeat::kIsSafe};
}
Command<std::vector<Text>> mget(const Strings& keys) { return reads<std::vector<Text>>(with_all("MGET", keys)); }
Command<void> mset(const Pairs& values) {
  Words words("MSET");
  return sets<void>(std::move(add_pairs(words, values)));
}
Command<bool> msetnx(const Pairs& values) {
  Words words("MSETNX");
  return writes<bool>(std::move(add_pairs(words, values)));
}
Command<SetOutcome> set(std::string_view key, std::string_view value, const SetOptions& options) {
  Words words("SET", key, value);
  add_flag(words, options.when == When::kIfAbsent, "NX");
  add_flag(words, options.when == When::kIfPresent, "XX");
  add_flag(words, options.get, "GET");
  add_expiry(words, options);
  add_flag(words, options.keep_ttl, "KEEPTTL");
  const bool same_again = options.when != When::kIfAbsent && !options.get;
  return {std::move(words), decoder_of(options), same_again ? Repeat::kIsSafe : Repeat::kNever};
}
Command<std::int64_t> setrange(std::string_view key, std::int64_t offset, std::string_view value) {
  return sets<std::int64_t>(Words("SETRANGE", key, offset, value));
}
Command<std::int64_t> strlen(std::string_view key) { return reads<std::int64_t>(Words("STRLEN", key)); }

}  // namespace envoyou::redis::cmd
