#include <envoyou/redis/commands/streams.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

template <>
struct Shape<StreamEntry> {
  static Result<StreamEntry> read(const ReplyView& reply) {
    if (!is_list(reply) || reply.elements.size() != 2) return no_such_shape("an entry of a stream", reply);
    auto id = Shape<std::string>::read(reply.elements[0]);
    if (!id) return id.error();
    auto fields = Shape<Fields>::read(reply.elements[1]);
    if (!fields) return fields.error();
    return StreamEntry{std::move(id).value(), std::move(fields).value()};
  }
};

template <>
struct Shape<Autoclaimed> {
  static Result<Autoclaimed> read(const ReplyView& reply) {
    // Redis 6.2 does not tell what was deleted.
    if (!is_list(reply) || reply.elements.size() < 2) return no_such_shape("a cursor and entries", reply);
    auto cursor = Shape<std::string>::read(reply.elements[0]);
    if (!cursor) return cursor.error();
    auto entries = Shape<StreamEntries>::read(reply.elements[1]);
    if (!entries) return entries.error();
    const ReplyView none;
    auto deleted = Shape<std::vector<std::string>>::read(reply.elements.size() > 2 ? reply.elements[2] : none);
    if (!deleted) return deleted.error();
    return Autoclaimed{std::move(cursor).value(), std::move(entries).value(), std::move(deleted).value()};
  }
};

template <>
struct Shape<PendingSummary> {
  using Text = std::optional<std::string>;
  static Result<PendingSummary> read(const ReplyView& reply) {
    if (!is_list(reply) || reply.elements.size() != 4) return no_such_shape("a summary of four", reply);
    auto count = Shape<std::int64_t>::read(reply.elements[0]);
    if (!count) return count.error();
    auto first = Shape<Text>::read(reply.elements[1]);
    if (!first) return first.error();
    auto last = Shape<Text>::read(reply.elements[2]);
    if (!last) return last.error();
    auto consumers = Shape<Fields>::read(reply.elements[3]);
    if (!consumers) return consumers.error();
    return PendingSummary{*count, *std::move(first), *std::move(last), *std::move(consumers)};
  }
};

template <>
struct Shape<PendingEntry> {
  static Result<PendingEntry> read(const ReplyView& reply) {
    if (!is_list(reply) || reply.elements.size() != 4) return no_such_shape("a pending entry of four", reply);
    auto id = Shape<std::string>::read(reply.elements[0]);
    if (!id) return id.error();
    auto consumer = Shape<std::string>::read(reply.elements[1]);
    if (!consumer) return consumer.error();
    auto idle = Shape<std::int64_t>::read(reply.elements[2]);
    if (!idle) return idle.error();
    auto deliveries = Shape<std::int64_t>::read(reply.elements[3]);
    if (!deliveries) return deliveries.error();
    return PendingEntry{*std::move(id), *std::move(consumer), Milliseconds(*idle), *deliveries};
  }
};

namespace {

using Int = std::int64_t;

Words& add_trim(Words& words, const Trim& trim) {
  words.add(trim.maxlen ? "MAXLEN" : "MINID").add(trim.exactly ? "=" : "~");
  if (trim.maxlen) {
    words.add(*trim.maxlen);
  } else {
    words.add(trim.minid);
  }
  return add_option(words, "LIMIT", trim.limit);
}

Command<Streams> reading(Words words, const Pairs& streams, const XreadOptions& options, Repeat repeat) {
  add_option(words, "COUNT", options.count);
  if (options.block) words.add("BLOCK").add(options.block->count());
  add_flag(words, options.noack, "NOACK");
  words.add("STREAMS");
  for (const auto& each : streams) words.add(each.first);
  for (const auto& each : streams) words.add(each.second);
  Command<Streams> command(std::move(words), decode_shape<Streams>, options.block ? Repeat::kNever : repeat);
  command.waits = options.block.value_or(kDoesNotWait);
  return command;
}

Command<StreamEntries> ranged(std::string_view name, std::string_view key, std::string_view from, std::string_view to,
                              std::optional<Int> count) {
  Words words(name, key, from, to);
  return reads<StreamEntries>(std::move(add_option(words, "COUNT", count)));
}

}  // namespace

Command<Int> xack(std::string_view key, std::string_view group, const Strings& ids) {
  Words words("XACK", key, group);
  return writes<Int>(std::move(add_all(words, ids)));
}
Command<std::optional<std::string>> xadd(std::string_view key, const Pairs& fields, const XaddOptions& options) {
  Words words("XADD", key);
  add_flag(words, options.nomkstream, "NOMKSTREAM");
  if (options.trim) add_trim(words, *options.trim);
  words.add(options.id);
  return writes<std::optional<std::string>>(std::move(add_pairs(words, fields)));
}
Command<Autoclaimed> xautoclaim(std::string_view key, std::string_view group, std::string_view consumer,
                                Milliseconds min_idle, std::string_view start, std::optional<Int> count) {
  Words words("XAUTOCLAIM", key, group, consumer, min_idle.count(), start);
  return writes<Autoclaimed>(std::move(add_option(words, "COUNT", count)));
}
Command<StreamEntries> xclaim(std::string_view key, std::string_view group, std::string_view consumer,
                              Milliseconds min_idle, const Strings& ids, const XclaimOptions& options) {
  Words words("XCLAIM", key, group, consumer, min_idle.count());
  add_all(words, ids);
  if (options.idle) words.add("IDLE").add(options.idle->count());
  add_option(words, "RETRYCOUNT", options.retrycount);
  return writes<StreamEntries>(std::move(add_flag(words, options.force, "FORCE")));
}
Command<Int> xdel(std::string_view key, const Strings& ids) {
  Words words("XDEL", key);
  return writes<Int>(std::move(add_all(words, ids)));
}
Command<void> xgroup_create(std::string_view key, std::string_view group, std::string_view id, bool mkstream) {
  Words words("XGROUP", "CREATE", key, group, id);
  return writes<void>(std::move(add_flag(words, mkstream, "MKSTREAM")));
}
Command<bool> xgroup_createconsumer(std::string_view key, std::string_view group, std::string_view consumer) {
  return writes<bool>(Words("XGROUP", "CREATECONSUMER", key, group, consumer));
}
Command<Int> xgroup_delconsumer(std::string_view key, std::string_view group, std::string_view consumer) {
  return writes<Int>(Words("XGROUP", "DELCONSUMER", key, group, consumer));
}
Command<bool> xgroup_destroy(std::string_view key, std::string_view group) {
  return writes<bool>(Words("XGROUP", "DESTROY", key, group));
}
Command<void> xgroup_setid(std::string_view key, std::string_view group, std::string_view id) {
  return sets<void>(Words("XGROUP", "SETID", key, group, id));
}
Command<std::vector<Parts>> xinfo_consumers(std::string_view key, std::string_view group) {
  return reads<std::vector<Parts>>(Words("XINFO", "CONSUMERS", key, group));
}
Command<std::vector<Parts>> xinfo_groups(std::string_view key) {
  return reads<std::vector<Parts>>(Words("XINFO", "GROUPS", key));
}
Command<Parts> xinfo_stream(std::string_view key) { return reads<Parts>(Words("XINFO", "STREAM", key)); }
Command<Int> xlen(std::string_view key) { return reads<Int>(Words("XLEN", key)); }
Command<PendingSummary> xpending(std::string_view key, std::string_view group) {
  return reads<PendingSummary>(Words("XPENDING", key, group));
}
Command<std::vector<PendingEntry>> xpending(std::string_view key, std::string_view group,
                                            const XpendingOptions& options) {
  Words words("XPENDING", key, group);
  if (options.min_idle) words.add("IDLE").add(options.min_idle->count());
  words.add(options.start).add(options.end).add(options.count);
  return reads<std::vector<PendingEntry>>(std::move(add_flag(words, !options.consumer.empty(), options.consumer)));
}
Command<StreamEntries> xrange(std::string_view key, std::string_view start, std::string_view end,
                              std::optional<Int> count) {
  return ranged("XRANGE", key, start, end, count);
}
Command<Streams> xread(const Pairs& streams, const XreadOptions& options) {
  return reading(Words("XREAD"), streams, options, Repeat::kIsSafe);
}
// What was read in a group is somebody's from then on.
Command<Streams> xreadgroup(std::string_view group, std::string_view consumer, const Pairs& streams,
                            const XreadOptions& options) {
  return reading(Words("XREADGROUP", "GROUP", group, consumer), streams, options, Repeat::kNever);
}
Command<StreamEntries> xrevrange(std::string_view key, std::string_view end, std::string_view start,
                                 std::optional<Int> count) {
  return ranged("XREVRANGE", key, end, start, count);
}
Command<void> xsetid(std::string_view key, std::string_view last_id) {
  return sets<void>(Words("XSETID", key, last_id));
}
Command<Int> xtrim(std::string_view key, const Trim& trim) {
  Words words("XTRIM", key);
  return writes<Int>(std::move(add_trim(words, trim)));
}

}  // namespace envoyou::redis::cmd
