// Commands for sorted sets. See types.hpp. Those with a timeout block.
//
// Bounds are texts, as in Redis: of ranks "0", "-1"; of scores "1.5", "(1.5", "-inf"; of names "[a", "(a", "-", "+".
#pragma once

#include <envoyou/redis/commands/strings.hpp>
#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

using Scores = std::vector<std::pair<double, std::string_view>>;
// From which set, and what.
using PoppedScored = std::optional<std::pair<std::string, std::vector<Scored>>>;

struct ZaddOptions {
  When when = When::kAlways;
  bool only_greater = false;   // GT
  bool only_less = false;      // LT
  bool count_changed = false;  // CH: answers what was changed, not only what is new
};

struct ZrangeOptions {
  enum class By : std::uint8_t { kRank, kScore, kName };
  By by = By::kRank;
  bool reverse = false;
  std::optional<Limit> limit = {};
};

struct ZcombineOptions {
  enum class Aggregate : std::uint8_t { kSum, kMin, kMax };
  std::vector<double> weights = {};  // one a key, or none
  Aggregate aggregate = Aggregate::kSum;
};

enum class Extreme : std::uint8_t { kMin, kMax };

Command<PoppedScored> bzmpop(Milliseconds timeout, const Strings& keys, Extreme which, std::int64_t count = 1);
Command<PoppedScored> bzpopmax(const Strings& keys, Milliseconds timeout);
Command<PoppedScored> bzpopmin(const Strings& keys, Milliseconds timeout);
Command<std::int64_t> zadd(std::string_view key, const Scores& members, const ZaddOptions& options = {});
// ZADD INCR. Nothing: the options kept it from being done.
Command<std::optional<double>> zadd_incr(std::string_view key, double by, std::string_view member,
                                         const ZaddOptions& options = {});
Command<std::int64_t> zcard(std::string_view key);
Command<std::int64_t> zcount(std::string_view key, std::string_view min, std::string_view max);
Command<std::vector<std::string>> zdiff(const Strings& keys);
Command<std::vector<Scored>> zdiff_withscores(const Strings& keys);
Command<std::int64_t> zdiffstore(std::string_view to, const Strings& keys);
Command<double> zincrby(std::string_view key, double by, std::string_view member);
Command<std::vector<std::string>> zinter(const Strings& keys, const ZcombineOptions& options = {});
Command<std::vector<Scored>> zinter_withscores(const Strings& keys, const ZcombineOptions& options = {});
Command<std::int64_t> zintercard(const Strings& keys, std::int64_t limit = 0);
Command<std::int64_t> zinterstore(std::string_view to, const Strings& keys, const ZcombineOptions& options = {});
Command<std::int64_t> zlexcount(std::string_view key, std::string_view min, std::string_view max);
Command<PoppedScored> zmpop(const Strings& keys, Extreme which, std::int64_t count = 1);
Command<std::vector<std::optional<double>>> zmscore(std::string_view key, const Strings& members);
Command<std::vector<Scored>> zpopmax(std::string_view key, std::int64_t count = 1);
Command<std::vector<Scored>> zpopmin(std::string_view key, std::int64_t count = 1);
Command<std::optional<std::string>> zrandmember(std::string_view key);
Command<std::vector<std::string>> zrandmember(std::string_view key, std::int64_t count);
Command<std::vector<Scored>> zrandmember_withscores(std::string_view key, std::int64_t count);
Command<std::vector<std::string>> zrange(std::string_view key, std::string_view start, std::string_view stop,
                                         const ZrangeOptions& options = {});
Command<std::vector<Scored>> zrange_withscores(std::string_view key, std::string_view start, std::string_view stop,
                                               const ZrangeOptions& options = {});
Command<std::int64_t> zrangestore(std::string_view to, std::string_view from, std::string_view start,
                                  std::string_view stop, const ZrangeOptions& options = {});
Command<std::optional<std::int64_t>> zrank(std::string_view key, std::string_view member);
Command<std::int64_t> zrem(std::string_view key, const Strings& members);
Command<std::int64_t> zremrangebylex(std::string_view key, std::string_view min, std::string_view max);
Command<std::int64_t> zremrangebyrank(std::string_view key, std::int64_t start, std::int64_t stop);
Command<std::int64_t> zremrangebyscore(std::string_view key, std::string_view min, std::string_view max);
Command<std::optional<std::int64_t>> zrevrank(std::string_view key, std::string_view member);
Command<Page<Scored>> zscan(std::string_view key, std::string_view cursor, const ScanOptions& options = {});
Command<std::optional<double>> zscore(std::string_view key, std::string_view member);
Command<std::vector<std::string>> zunion(const Strings& keys, const ZcombineOptions& options = {});
Command<std::vector<Scored>> zunion_withscores(const Strings& keys, const ZcombineOptions& options = {});
Command<std::int64_t> zunionstore(std::string_view to, const Strings& keys, const ZcombineOptions& options = {});

}  // namespace envoyou::redis::cmd
