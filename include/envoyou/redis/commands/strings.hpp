// Commands for strings. See types.hpp.
#pragma once

#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

enum class When : std::uint8_t { kAlways, kIfAbsent, kIfPresent };

struct SetOptions {
  When when = When::kAlways;
  std::optional<Milliseconds> expires_in = {};
  std::optional<WallTime> expires_at = {};
  bool keep_ttl = false;
  bool get = false;  // answer what was there before
};

struct SetOutcome {
  bool stored = false;
  std::optional<std::string> previous = {};  // with `get`

  friend bool operator==(const SetOutcome&, const SetOutcome&) = default;
};

struct GetExOptions {
  std::optional<Milliseconds> expires_in = {};
  std::optional<WallTime> expires_at = {};
  bool persist = false;
};

// One match of LCS IDX: where it lies in either string, both ends included.
struct LcsMatch {
  std::pair<std::int64_t, std::int64_t> first;
  std::pair<std::int64_t, std::int64_t> second;
  std::int64_t length = 0;
};
struct LcsIndex {
  std::vector<LcsMatch> matches;
  std::int64_t length = 0;
};

Command<std::int64_t> append(std::string_view key, std::string_view value);
Command<std::int64_t> decr(std::string_view key);
Command<std::int64_t> decrby(std::string_view key, std::int64_t by);
Command<std::optional<std::string>> get(std::string_view key);
Command<std::optional<std::string>> getdel(std::string_view key);
Command<std::optional<std::string>> getex(std::string_view key, const GetExOptions& options = {});
Command<std::string> getrange(std::string_view key, std::int64_t start, std::int64_t end);
Command<std::int64_t> incr(std::string_view key);
Command<std::int64_t> incrby(std::string_view key, std::int64_t by);
Command<double> incrbyfloat(std::string_view key, double by);
Command<std::string> lcs(std::string_view key1, std::string_view key2);
Command<std::int64_t> lcs_len(std::string_view key1, std::string_view key2);
Command<LcsIndex> lcs_idx(std::string_view key1, std::string_view key2, std::int64_t min_match_length = 0);
Command<std::vector<std::optional<std::string>>> mget(const Strings& keys);
Command<void> mset(const Pairs& values);
// False: one was there already, and nothing was set.
Command<bool> msetnx(const Pairs& values);
Command<SetOutcome> set(std::string_view key, std::string_view value, const SetOptions& options = {});
Command<std::int64_t> setrange(std::string_view key, std::int64_t offset, std::string_view value);
Command<std::int64_t> strlen(std::string_view key);

}  // namespace envoyou::redis::cmd
