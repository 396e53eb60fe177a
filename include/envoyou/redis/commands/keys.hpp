// Commands for keys of any type. See types.hpp.
#pragma once

#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

struct CopyOptions {
  std::optional<std::int64_t> database = {};
  bool replace = false;
};

enum class ExpireWhen : std::uint8_t { kAlways, kIfNone, kIfAny, kIfLater, kIfEarlier };

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;  // the TTL is a time
  std::optional<std::int64_t> idle_seconds = {};
  std::optional<std::int64_t> frequency = {};
};

struct SortOptions {
  std::string_view by = {};
  std::optional<Limit> limit = {};
  Strings get = {};
  bool descending = false;
  bool alphabetic = false;
};

Command<bool> copy(std::string_view from, std::string_view to, const CopyOptions& options = {});
Command<std::int64_t> del(const Strings& keys);
Command<std::optional<std::string>> dump(std::string_view key);
// How many of them are there; a key given twice counts twice.
Command<std::int64_t> exists(const Strings& keys);
// False: no such key, or the condition does not hold.
Command<bool> expire(std::string_view key, std::chrono::seconds in, ExpireWhen when = ExpireWhen::kAlways);
Command<bool> pexpire(std::string_view key, Milliseconds in, ExpireWhen when = ExpireWhen::kAlways);
Command<bool> expireat(std::string_view key, WallTime at, ExpireWhen when = ExpireWhen::kAlways);
Command<bool> pexpireat(std::string_view key, WallTime at, ExpireWhen when = ExpireWhen::kAlways);
// Unix time, in seconds and milliseconds. -1: does not expire; -2: no such key.
Command<std::int64_t> expiretime(std::string_view key);
Command<std::int64_t> pexpiretime(std::string_view key);
// Looks at all keys of the server, while it does nothing else.
Command<std::vector<std::string>> keys(std::string_view pattern);
Command<bool> move(std::string_view key, std::int64_t database);
Command<std::optional<std::string>> object_encoding(std::string_view key);
Command<std::optional<std::int64_t>> object_freq(std::string_view key);
Command<std::optional<std::int64_t>> object_idletime(std::string_view key);
Command<std::optional<std::int64_t>> object_refcount(std::string_view key);
Command<bool> persist(std::string_view key);
// What is left in milliseconds and seconds. -1: does not expire; -2: no such key.
Command<std::int64_t> pttl(std::string_view key);
Command<std::int64_t> ttl(std::string_view key);
Command<std::optional<std::string>> randomkey();
Command<void> rename(std::string_view from, std::string_view to);
Command<bool> renamenx(std::string_view from, std::string_view to);
// `ttl` zero: does not expire.
Command<void> restore(std::string_view key, Milliseconds ttl, std::string_view dumped,
                      const RestoreOptions& options = {});
Command<Page<std::string>> scan(std::string_view cursor, const ScanOptions& options = {});
Command<std::vector<std::optional<std::string>>> sort(std::string_view key, const SortOptions& options = {});
Command<std::vector<std::optional<std::string>>> sort_ro(std::string_view key, const SortOptions& options = {});
Command<std::int64_t> sort_store(std::string_view key, std::string_view to, const SortOptions& options = {});
Command<std::int64_t> touch(const Strings& keys);
// "none": no such key.
Command<std::string> type(std::string_view key);
Command<std::int64_t> unlink(const Strings& keys);
// How many replicas have what this connection wrote. Blocks.
Command<std::int64_t> wait(std::int64_t replicas, Milliseconds timeout);

}  // namespace envoyou::redis::cmd
