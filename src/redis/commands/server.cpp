#include <envoyou/redis/commands/server.hpp>

#include "redis/commands/shapes.hpp"

#include <charconv>

namespace envoyou::redis::cmd {

template <>
struct Shape<ServerTime> {
  static Result<ServerTime> read(const ReplyView& reply) {
    auto both = Shape<std::pair<std::string, std::string>>::read(reply);
    if (!both) return both.error();
    ServerTime time;
    for (auto [text, number] : {std::pair(&both->first, &time.seconds), std::pair(&both->second, &time.microseconds)}) {
      const char* const end = text->data() + text->size();
      if (text->empty() || std::from_chars(text->data(), end, *number).ptr != end) {
        return no_such_shape("seconds and microseconds", reply);
      }
    }
    return time;
  }
};

template <>
struct Shape<SlowCommand> {
  static Result<SlowCommand> read(const ReplyView& reply) {
    if (!is_list(reply) || reply.elements.size() < 4) return no_such_shape("an entry of the slow log", reply);
    SlowCommand entry;
    for (auto [index, number] :
         {std::pair(0u, &entry.id), std::pair(1u, &entry.at_seconds), std::pair(2u, &entry.took_microseconds)}) {
      auto value = Shape<std::int64_t>::read(reply.elements[index]);
      if (!value) return value.error();
      *number = *value;
    }
    auto words = Shape<std::vector<std::string>>::read(reply.elements[3]);
    if (!words) return words.error();
    entry.words = std::move(words).value();
    if (reply.elements.size() > 4) entry.client_address = reply.elements[4].text;
    if (reply.elements.size() > 5) entry.client_name = reply.elements[5].text;
    return entry;
  }
};

namespace {

using Int = std::int64_t;
using List = std::vector<std::string>;
using Text = std::optional<std::string>;

// CLIENT GETNAME answers null without a name.
Result<std::string> decode_name(const ReplyView& reply, std::uint64_t) {
  auto name = Shape<Text>::read(reply);
  if (!name) return name.error();
  return std::move(name)->value_or("");
}

// Any text: "Background saving started".
Words how(std::string_view name, bool async) { return Words(name, async ? "ASYNC" : "SYNC"); }

}  // namespace

Command<List> acl_cat(std::string_view category) {
  Words words("ACL", "CAT");
  return reads<List>(std::move(add_flag(words, !category.empty(), category)));
}
Command<List> acl_list() { return reads<List>(Words("ACL", "LIST")); }
Command<List> acl_users() { return reads<List>(Words("ACL", "USERS")); }
Command<std::string> acl_whoami() { return reads<std::string>(Words("ACL", "WHOAMI")); }
Command<std::string> bgrewriteaof() { return writes<std::string>(Words("BGREWRITEAOF")); }
Command<std::string> bgsave() { return writes<std::string>(Words("BGSAVE")); }
Command<std::string> client_getname() { return {Words("CLIENT", "GETNAME"), decode_name, Repeat::kIsSafe}; }
Command<Int> client_id() { return reads<Int>(Words("CLIENT", "ID")); }
Command<std::string> client_info() { return reads<std::string>(Words("CLIENT", "INFO")); }
Command<Int> client_kill_id(Int id) { return writes<Int>(Words("CLIENT", "KILL", "ID", id)); }
Command<std::string> client_list() { return reads<std::string>(Words("CLIENT", "LIST")); }
Command<void> client_pause(Milliseconds time, bool writes_only) {
  return sets<void>(Words("CLIENT", "PAUSE", time.count(), writes_only ? "WRITE" : "ALL"));
}
Command<void> client_unpause() { return sets<void>(Words("CLIENT", "UNPAUSE")); }
Command<Int> command_count() { return reads<Int>(Words("COMMAND", "COUNT")); }
Command<List> command_getkeys(const Strings& words) {
  Words asked("COMMAND", "GETKEYS");
  return reads<List>(std::move(add_all(asked, words)));
}
Command<List> command_list() { return reads<List>(Words("COMMAND", "LIST")); }
Command<Fields> config_get(const Strings& patterns) {
  Words words("CONFIG", "GET");
  return reads<Fields>(std::move(add_all(words, patterns)));
}
Command<void> config_resetstat() { return sets<void>(Words("CONFIG", "RESETSTAT")); }
Command<void> config_rewrite() { return sets<void>(Words("CONFIG", "REWRITE")); }
Command<void> config_set(const Pairs& settings) {
  Words words("CONFIG", "SET");
  return sets<void>(std::move(add_pairs(words, settings)));
}
Command<Int> dbsize() { return reads<Int>(Words("DBSIZE")); }
Command<std::string> echo(std::string_view text) { return reads<std::string>(Words("ECHO", text)); }
Command<void> flushall(bool async) { return writes<void>(how("FLUSHALL", async)); }
Command<void> flushdb(bool async) { return writes<void>(how("FLUSHDB", async)); }
Command<std::string> info(const Strings& sections) { return reads<std::string>(with_all("INFO", sections)); }
Command<Int> lastsave() { return reads<Int>(Words("LASTSAVE")); }
Command<Reply> latency_latest() { return reads<Reply>(Words("LATENCY", "LATEST")); }
Command<Int> latency_reset() { return writes<Int>(Words("LATENCY", "RESET")); }
Command<Parts> memory_stats() { return reads<Parts>(Words("MEMORY", "STATS")); }
Command<std::optional<Int>> memory_usage(std::string_view key, std::optional<Int> samples) {
  Words words("MEMORY", "USAGE", key);
  return reads<std::optional<Int>>(std::move(add_option(words, "SAMPLES", samples)));
}
Command<void> memory_purge() { return sets<void>(Words("MEMORY", "PURGE")); }
Command<std::string> ping(std::string_view text) {
  Words words("PING");
  return reads<std::string>(std::move(add_flag(words, !text.empty(), text)));
}
Command<Int> publish(std::string_view channel, std::string_view message) {
  return writes<Int>(Words("PUBLISH", channel, message));
}
Command<Int> spublish(std::string_view channel, std::string_view message) {
  return writes<Int>(Words("SPUBLISH", channel, message));
}
Command<List> pubsub_channels(std::string_view pattern) {
  Words words("PUBSUB", "CHANNELS");
  return reads<List>(std::move(add_flag(words, !pattern.empty(), pattern)));
}
Command<Int> pubsub_numpat() { return reads<Int>(Words("PUBSUB", "NUMPAT")); }
Command<std::vector<std::pair<std::string, Int>>> pubsub_numsub(const Strings& channels) {
  Words words("PUBSUB", "NUMSUB");
  return reads<std::vector<std::pair<std::string, Int>>>(std::move(add_all(words, channels)));
}
Command<Reply> role() { return reads<Reply>(Words("ROLE")); }
Command<void> save() { return sets<void>(Words("SAVE")); }
Command<std::vector<SlowCommand>> slowlog_get(Int count) {
  return reads<std::vector<SlowCommand>>(Words("SLOWLOG", "GET", count));
}
Command<Int> slowlog_len() { return reads<Int>(Words("SLOWLOG", "LEN")); }
Command<void> slowlog_reset() { return sets<void>(Words("SLOWLOG", "RESET")); }
Command<void> swapdb(Int a, Int b) { return writes<void>(Words("SWAPDB", a, b)); }
Command<ServerTime> time() { return reads<ServerTime>(Words("TIME")); }

}  // namespace envoyou::redis::cmd
