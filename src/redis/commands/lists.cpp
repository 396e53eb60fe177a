#include <envoyou/redis/commands/lists.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

namespace {

using Int = std::int64_t;
using Text = std::optional<std::string>;
using List = std::vector<std::string>;

std::string_view word(Side side) { return side == Side::kLeft ? "LEFT" : "RIGHT"; }

Words& add_pop(Words& words, const Strings& keys, Side side, Int count) {
  return add_counted(words, keys).add(word(side)).add("COUNT").add(count);
}

Words blocking_pop(std::string_view name, const Strings& keys, Milliseconds timeout) {
  Words words = with_all(name, keys);
  return std::move(add_seconds(words, timeout));
}

Words with_elements(std::string_view name, std::string_view key, const Strings& elements) {
  Words words(name, key);
  return std::move(add_all(words, elements));
}

Words positions(std::string_view key, std::string_view element, const LposOptions& options) {
  Words words("LPOS", key, element);
  add_option(words, "RANK", options.rank);
  return std::move(add_option(words, "MAXLEN", options.maxlen));
}

}  // namespace

Command<Text> blmove(std::string_view from, std::string_view to, Side from_side, Side to_side, Milliseconds timeout) {
  Words words("BLMOVE", from, to, word(from_side), word(to_side));
  return waits<Text>(std::move(add_seconds(words, timeout)), timeout);
}
Command<PoppedMany> blmpop(Milliseconds timeout, const Strings& keys, Side side, Int count) {
  Words words("BLMPOP");
  return waits<PoppedMany>(std::move(add_pop(add_seconds(words, timeout), keys, side, count)), timeout);
}
Command<PoppedOne> blpop(const Strings& keys, Milliseconds timeout) {
  return waits<PoppedOne>(blocking_pop("BLPOP", keys, timeout), timeout);
}
Command<PoppedOne> brpop(const Strings& keys, Milliseconds timeout) {
  return waits<PoppedOne>(blocking_pop("BRPOP", keys, timeout), timeout);
}
Command<Text> lindex(std::string_view key, Int index) { return reads<Text>(Words("LINDEX", key, index)); }
Command<Int> linsert(std::string_view key, Where where, std::string_view pivot, std::string_view element) {
  const std::string_view place = where == Where::kBefore ? "BEFORE" : "AFTER";
  return writes<Int>(Words("LINSERT", key, place, pivot, element));
}
Command<Int> llen(std::string_view key) { return reads<Int>(Words("LLEN", key)); }
Command<Text> lmove(std::string_view from, std::string_view to, Side from_side, Side to_side) {
  return writes<Text>(Words("LMOVE", from, to, word(from_side), word(to_side)));
}
Command<PoppedMany> lmpop(const Strings& keys, Side side, Int count) {
  Words words("LMPOP");
  return writes<PoppedMany>(std::move(add_pop(words, keys, side, count)));
}
Command<Text> lpop(std::string_view key) { return writes<Text>(Words("LPOP", key)); }
Command<List> lpop(std::string_view key, Int count) { return writes<List>(Words("LPOP", key, count)); }
Command<std::optional<Int>> lpos(std::string_view key, std::string_view element, const LposOptions& options) {
  return reads<std::optional<Int>>(positions(key, element, options));
}
Command<std::vector<Int>> lpos_count(std::string_view key, std::string_view element, Int count,
                                     const LposOptions& options) {
  return reads<std::vector<Int>>(std::move(positions(key, element, options).add("COUNT").add(count)));
}
Command<Int> lpush(std::string_view key, const Strings& elements) {
  return writes<Int>(with_elements("LPUSH", key, elements));
}
Command<Int> lpushx(std::string_view key, const Strings& elements) {
  return writes<Int>(with_elements("LPUSHX", key, elements));
}
Command<List> lrange(std::string_view key, Int start, Int stop) {
  return reads<List>(Words("LRANGE", key, start, stop));
}
Command<Int> lrem(std::string_view key, Int count, std::string_view element) {
  return writes<Int>(Words("LREM", key, count, element));
}
Command<void> lset(std::string_view key, Int index, std::string_view element) {
  return sets<void>(Words("LSET", key, index, element));
}
// Trimmed again, a list that was trimmed from its left would lose more.
Command<void> ltrim(std::string_view key, Int start, Int stop) {
  return writes<void>(Words("LTRIM", key, start, stop));
}
Command<Text> rpop(std::string_view key) { return writes<Text>(Words("RPOP", key)); }
Command<List> rpop(std::string_view key, Int count) { return writes<List>(Words("RPOP", key, count)); }
Command<Int> rpush(std::string_view key, const Strings& elements) {
  return writes<Int>(with_elements("RPUSH", key, elements));
}
Command<Int> rpushx(std::string_view key, const Strings& elements) {
  return writes<Int>(with_elements("RPUSHX", key, elements));
}

}  // namespace envoyou::redis::cmd
