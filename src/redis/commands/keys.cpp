#include <envoyou/redis/commands/keys.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

namespace {

using Int = std::int64_t;
using Text = std::optional<std::string>;
using Texts = std::vector<Text>;

// The same second time over, but for a condition that the first time has changed.
Command<bool> expiry(Words words, ExpireWhen when) {
  switch (when) {
    case ExpireWhen::kAlways: return sets<bool>(std::move(words));
    case ExpireWhen::kIfNone: words.add("NX"); break;
    case ExpireWhen::kIfAny: words.add("XX"); break;
    case ExpireWhen::kIfLater: words.add("GT"); break;
    case ExpireWhen::kIfEarlier: words.add("LT"); break;
  }
  return writes<bool>(std::move(words));
}

Words sorted(std::string_view name, std::string_view key, const SortOptions& options) {
  Words words(name, key);
  if (!options.by.empty()) words.add("BY").add(options.by);
  add_limit(words, options.limit);
  for (const std::string_view pattern : options.get) words.add("GET").add(pattern);
  add_flag(words, options.descending, "DESC");
  return std::move(add_flag(words, options.alphabetic, "ALPHA"));
}

}  // namespace

Command<bool> copy(std::string_view from, std::string_view to, const CopyOptions& options) {
  Words words("COPY", from, to);
  add_option(words, "DB", options.database);
  return writes<bool>(std::move(add_flag(words, options.replace, "REPLACE")));
}
Command<Int> del(const Strings& keys) { return writes<Int>(with_all("DEL", keys)); }
Command<Text> dump(std::string_view key) { return reads<Text>(Words("DUMP", key)); }
Command<Int> exists(const Strings& keys) { return reads<Int>(with_all("EXISTS", keys)); }
Command<bool> expire(std::string_view key, std::chrono::seconds in, ExpireWhen when) {
  return expiry(Words("EXPIRE", key, in.count()), when);
}
Command<bool> pexpire(std::string_view key, Milliseconds in, ExpireWhen when) {
  return expiry(Words("PEXPIRE", key, in.count()), when);
}
Command<bool> expireat(std::string_view key, WallTime at, ExpireWhen when) {
  return expiry(Words("EXPIREAT", key, to_unix_ms(at) / 1000), when);
}
Command<bool> pexpireat(std::string_view key, WallTime at, ExpireWhen when) {
  return expiry(Words("PEXPIREAT", key, to_unix_ms(at)), when);
}
Command<Int> expiretime(std::string_view key) { return reads<Int>(Words("EXPIRETIME", key)); }
Command<Int> pexpiretime(std::string_view key) { return reads<Int>(Words("PEXPIRETIME", key)); }
Command<std::vector<std::string>> keys(std::string_view pattern) {
  return reads<std::vector<std::string>>(Words("KEYS", pattern));
}
Command<bool> move(std::string_view key, Int database) { return writes<bool>(Words("MOVE", key, database)); }
Command<Text> object_encoding(std::string_view key) { return reads<Text>(Words("OBJECT", "ENCODING", key)); }
Command<std::optional<Int>> object_freq(std::string_view key) {
  return reads<std::optional<Int>>(Words("OBJECT", "FREQ", key));
}
Command<std::optional<Int>> object_idletime(std::string_view key) {
  return reads<std::optional<Int>>(Words("OBJECT", "IDLETIME", key));
}
Command<std::optional<Int>> object_refcount(std::string_view key) {
  return reads<std::optional<Int>>(Words("OBJECT", "REFCOUNT", key));
}
Command<bool> persist(std::string_view key) { return writes<bool>(Words("PERSIST", key)); }
Command<Int> pttl(std::string_view key) { return reads<Int>(Words("PTTL", key)); }
Command<Int> ttl(std::string_view key) { return reads<Int>(Words("TTL", key)); }
Command<Text> randomkey() { return reads<Text>(Words("RANDOMKEY")); }
Command<void> rename(std::string_view from, std::string_view to) { return writes<void>(Words("RENAME", from, to)); }
Command<bool> renamenx(std::string_view from, std::string_view to) { return writes<bool>(Words("RENAMENX", from, to)); }
Command<void> restore(std::string_view key, Milliseconds ttl, std::string_view dumped, const RestoreOptions& options) {
  Words words("RESTORE", key, ttl.count(), dumped);
  add_flag(words, options.replace, "REPLACE");
  add_flag(words, options.absolute, "ABSTTL");
  add_option(words, "IDLETIME", options.idle_seconds);
  return writes<void>(std::move(add_option(words, "FREQ", options.frequency)));
}
Command<Page<std::string>> scan(std::string_view cursor, const ScanOptions& options) {
  Words words("SCAN", cursor);
  return reads<Page<std::string>>(std::move(add_scan(words, options)));
}
Command<Texts> sort(std::string_view key, const SortOptions& options) {
  return reads<Texts>(sorted("SORT", key, options));
}
Command<Texts> sort_ro(std::string_view key, const SortOptions& options) {
  return reads<Texts>(sorted("SORT_RO", key, options));
}
Command<Int> sort_store(std::string_view key, std::string_view to, const SortOptions& options) {
  return writes<Int>(std::move(sorted("SORT", key, options).add("STORE").add(to)));
}
Command<Int> touch(const Strings& keys) { return reads<Int>(with_all("TOUCH", keys)); }
Command<std::string> type(std::string_view key) { return reads<std::string>(Words("TYPE", key)); }
Command<Int> unlink(const Strings& keys) { return writes<Int>(with_all("UNLINK", keys)); }
Command<Int> wait(Int replicas, Milliseconds timeout) {
  return waits<Int>(Words("WAIT", replicas, timeout.count()), timeout);
}

}  // namespace envoyou::redis::cmd
