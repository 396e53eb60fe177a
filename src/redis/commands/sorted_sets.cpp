#include <envoyou/redis/commands/sorted_sets.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

// BZPOPMIN: [key, member, score].
struct PoppedAlone {
  PoppedScored value;
};
template <>
struct Shape<PoppedAlone> {
  static Result<PoppedAlone> read(const ReplyView& reply) {
    if (reply.is_null()) return PoppedAlone{};
    if (!is_list(reply) || reply.elements.size() != 3) return no_such_shape("a key, a member and a score", reply);
    auto key = Shape<std::string>::read(reply.elements[0]);
    if (!key) return key.error();
    auto member = Shape<std::string>::read(reply.elements[1]);
    if (!member) return member.error();
    auto score = Shape<double>::read(reply.elements[2]);
    if (!score) return score.error();
    std::vector<Scored> one{{std::move(member).value(), *score}};
    return PoppedAlone{std::pair(std::move(key).value(), std::move(one))};
  }
};

namespace {

using Int = std::int64_t;
using List = std::vector<std::string>;
using ScoredList = std::vector<Scored>;
using Number = std::optional<double>;

Result<PoppedScored> decode_popped_alone(const ReplyView& reply, std::uint64_t) {
  auto popped = Shape<PoppedAlone>::read(reply);
  if (!popped) return popped.error();
  return std::move(popped->value);
}

Command<PoppedScored> pop_alone(std::string_view name, const Strings& keys, Milliseconds timeout) {
  Words words = with_all(name, keys);
  Command<PoppedScored> command(std::move(add_seconds(words, timeout)), decode_popped_alone);
  command.waits = timeout;
  return command;
}

Words& add_pop(Words& words, const Strings& keys, Extreme which, Int count) {
  return add_counted(words, keys).add(which == Extreme::kMin ? "MIN" : "MAX").add("COUNT").add(count);
}

Words& add_zadd(Words& words, const ZaddOptions& options) {
  add_flag(words, options.when == When::kIfAbsent, "NX");
  add_flag(words, options.when == When::kIfPresent, "XX");
  add_flag(words, options.only_greater, "GT");
  add_flag(words, options.only_less, "LT");
  return add_flag(words, options.count_changed, "CH");
}

Words& add_range(Words& words, std::string_view start, std::string_view stop, const ZrangeOptions& options) {
  words.add(start).add(stop);
  add_flag(words, options.by == ZrangeOptions::By::kScore, "BYSCORE");
  add_flag(words, options.by == ZrangeOptions::By::kName, "BYLEX");
  add_flag(words, options.reverse, "REV");
  return add_limit(words, options.limit);
}

Words combined(Words words, const Strings& keys, const ZcombineOptions& options) {
  add_counted(words, keys);
  if (!options.weights.empty()) words.add("WEIGHTS");
  for (const double weight : options.weights) add_double(words, weight);
  switch (options.aggregate) {
    case ZcombineOptions::Aggregate::kSum: break;
    case ZcombineOptions::Aggregate::kMin: words.add("AGGREGATE").add("MIN"); break;
    case ZcombineOptions::Aggregate::kMax: words.add("AGGREGATE").add("MAX"); break;
  }
  return words;
}

Words range(std::string_view key, std::string_view start, std::string_view stop, const ZrangeOptions& options) {
  Words words("ZRANGE", key);
  return std::move(add_range(words, start, stop, options));
}

}  // namespace

Command<PoppedScored> bzmpop(Milliseconds timeout, const Strings& keys, Extreme which, Int count) {
  Words words("BZMPOP");
  return waits<PoppedScored>(std::move(add_pop(add_seconds(words, timeout), keys, which, count)), timeout);
}
Command<PoppedScored> bzpopmax(const Strings& keys, Milliseconds timeout) {
  return pop_alone("BZPOPMAX", keys, timeout);
}
Command<PoppedScored> bzpopmin(const Strings& keys, Milliseconds timeout) {
  return pop_alone("BZPOPMIN", keys, timeout);
}
Command<Int> zadd(std::string_view key, const Scores& members, const ZaddOptions& options) {
  Words words("ZADD", key);
  add_zadd(words, options);
  for (const auto& [score, member] : members) add_double(words, score).add(member);
  return writes<Int>(std::move(words));
}
Command<Number> zadd_incr(std::string_view key, double by, std::string_view member, const ZaddOptions& options) {
  Words words("ZADD", key);
  add_zadd(words, options).add("INCR");
  return writes<Number>(std::move(add_double(words, by).add(member)));
}
Command<Int> zcard(std::string_view key) { return reads<Int>(Words("ZCARD", key)); }
Command<Int> zcount(std::string_view key, std::string_view min, std::string_view max) {
  return reads<Int>(Words("ZCOUNT", key, min, max));
}
Command<List> zdiff(const Strings& keys) { return reads<List>(combined(Words("ZDIFF"), keys, {})); }
Command<ScoredList> zdiff_withscores(const Strings& keys) {
  return reads<ScoredList>(std::move(combined(Words("ZDIFF"), keys, {}).add("WITHSCORES")));
}
Command<Int> zdiffstore(std::string_view to, const Strings& keys) {
  return writes<Int>(combined(Words("ZDIFFSTORE", to), keys, {}));
}
Command<double> zincrby(std::string_view key, double by, std::string_view member) {
  Words words("ZINCRBY", key);
  return writes<double>(std::move(add_double(words, by).add(member)));
}
Command<List> zinter(const Strings& keys, const ZcombineOptions& options) {
  return reads<List>(combined(Words("ZINTER"), keys, options));
}
Command<ScoredList> zinter_withscores(const Strings& keys, const ZcombineOptions& options) {
  return reads<ScoredList>(std::move(combined(Words("ZINTER"), keys, options).add("WITHSCORES")));
}
Command<Int> zintercard(const Strings& keys, Int limit) {
  Words words("ZINTERCARD");
  return reads<Int>(std::move(add_counted(words, keys).add("LIMIT").add(limit)));
}
Command<Int> zinterstore(std::string_view to, const Strings& keys, const ZcombineOptions& options) {
  return writes<Int>(combined(Words("ZINTERSTORE", to), keys, options));
}
Command<Int> zlexcount(std::string_view key, std::string_view min, std::string_view max) {
  return reads<Int>(Words("ZLEXCOUNT", key, min, max));
}
Command<PoppedScored> zmpop(const Strings& keys, Extreme which, Int count) {
  Words words("ZMPOP");
  return writes<PoppedScored>(std::move(add_pop(words, keys, which, count)));
}
Command<std::vector<Number>> zmscore(std::string_view key, const Strings& members) {
  return reads<std::vector<Number>>(keyed("ZMSCORE", key, members));
}
Command<ScoredList> zpopmax(std::string_view key, Int count) {
  return writes<ScoredList>(Words("ZPOPMAX", key, count));
}
Command<ScoredList> zpopmin(std::string_view key, Int count) {
  return writes<ScoredList>(Words("ZPOPMIN", key, count));
}
Command<std::optional<std::string>> zrandmember(std::string_view key) {
  return reads<std::optional<std::string>>(Words("ZRANDMEMBER", key));
}
Command<List> zrandmember(std::string_view key, Int count) { return reads<List>(Words("ZRANDMEMBER", key, count)); }
Command<ScoredList> zrandmember_withscores(std::string_view key, Int count) {
  return reads<ScoredList>(Words("ZRANDMEMBER", key, count, "WITHSCORES"));
}
Command<List> zrange(std::string_view key, std::string_view start, std::string_view stop,
                     const ZrangeOptions& options) {
  return reads<List>(range(key, start, stop, options));
}
Command<ScoredList> zrange_withscores(std::string_view key, std::string_view start, std::string_view stop,
                                      const ZrangeOptions& options) {
  return reads<ScoredList>(std::move(range(key, start, stop, options).add("WITHSCORES")));
}
Command<Int> zrangestore(std::string_view to, std::string_view from, std::string_view start, std::string_view stop,
                         const ZrangeOptions& options) {
  Words words("ZRANGESTORE", to, from);
  return writes<Int>(std::move(add_range(words, start, stop, options)));
}
Command<std::optional<Int>> zrank(std::string_view key, std::string_view member) {
  return reads<std::optional<Int>>(Words("ZRANK", key, member));
}
Command<Int> zrem(std::string_view key, const Strings& members) { return writes<Int>(keyed("ZREM", key, members)); }
Command<Int> zremrangebylex(std::string_view key, std::string_view min, std::string_view max) {
  return writes<Int>(Words("ZREMRANGEBYLEX", key, min, max));
}
Command<Int> zremrangebyrank(std::string_view key, Int start, Int stop) {
  return writes<Int>(Words("ZREMRANGEBYRANK", key, start, stop));
}
Command<Int> zremrangebyscore(std::string_view key, std::string_view min, std::string_view max) {
  return writes<Int>(Words("ZREMRANGEBYSCORE", key, min, max));
}
Command<std::optional<Int>> zrevrank(std::string_view key, std::string_view member) {
  return reads<std::optional<Int>>(Words("ZREVRANK", key, member));
}
Command<Page<Scored>> zscan(std::string_view key, std::string_view cursor, const ScanOptions& options) {
  Words words("ZSCAN", key, cursor);
  return reads<Page<Scored>>(std::move(add_scan(words, options)));
}
Command<Number> zscore(std::string_view key, std::string_view member) {
  return reads<Number>(Words("ZSCORE", key, member));
}
Command<List> zunion(const Strings& keys, const ZcombineOptions& options) {
  return reads<List>(combined(Words("ZUNION"), keys, options));
}
Command<ScoredList> zunion_withscores(const Strings& keys, const ZcombineOptions& options) {
  return reads<ScoredList>(std::move(combined(Words("ZUNION"), keys, options).add("WITHSCORES")));
}
Command<Int> zunionstore(std::string_view to, const Strings& keys, const ZcombineOptions& options) {
  return writes<Int>(combined(Words("ZUNIONSTORE", to), keys, options));
}

}  // namespace envoyou::redis::cmd
