// Commands about the server and its connections. See types.hpp. What concerns the link that a command goes down (CLIENT
// ID, CLIENT INFO, ACL WHOAMI) is about whichever of the client's links it took.
#pragma once

#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

struct ServerTime {
  std::int64_t seconds = 0;  // Unix time
  std::int64_t microseconds = 0;
};

struct SlowCommand {
  std::int64_t id = 0;
  std::int64_t at_seconds = 0;  // Unix time
  std::int64_t took_microseconds = 0;
  std::vector<std::string> words;  // shortened by the server
  std::string client_address;
  std::string client_name;
};

Command<std::vector<std::string>> acl_cat(std::string_view category = {});
Command<std::vector<std::string>> acl_list();
Command<std::vector<std::string>> acl_users();
Command<std::string> acl_whoami();
Command<std::string> bgrewriteaof();
Command<std::string> bgsave();
Command<std::string> client_getname();
Command<std::int64_t> client_id();
Command<std::string> client_info();
// How many were closed.
Command<std::int64_t> client_kill_id(std::int64_t id);
Command<std::string> client_list();
Command<void> client_pause(Milliseconds time, bool writes_only = false);
Command<void> client_unpause();
Command<std::int64_t> command_count();
Command<std::vector<std::string>> command_getkeys(const Strings& words);
Command<std::vector<std::string>> command_list();
Command<Fields> config_get(const Strings& patterns);
Command<void> config_resetstat();
Command<void> config_rewrite();
Command<void> config_set(const Pairs& settings);
Command<std::int64_t> dbsize();
Command<std::string> echo(std::string_view text);
Command<void> flushall(bool async = false);
Command<void> flushdb(bool async = false);
// All sections that there are by default, or those that are named.
Command<std::string> info(const Strings& sections = {});
Command<std::int64_t> lastsave();
Command<Reply> latency_latest();
Command<std::int64_t> latency_reset();
Command<Parts> memory_stats();
Command<std::optional<std::int64_t>> memory_usage(std::string_view key, std::optional<std::int64_t> samples = {});
Command<void> memory_purge();
Command<std::string> ping(std::string_view text = {});
// How many subscribers got it.
Command<std::int64_t> publish(std::string_view channel, std::string_view message);
Command<std::int64_t> spublish(std::string_view channel, std::string_view message);
Command<std::vector<std::string>> pubsub_channels(std::string_view pattern = {});
Command<std::int64_t> pubsub_numpat();
Command<std::vector<std::pair<std::string, std::int64_t>>> pubsub_numsub(const Strings& channels);
Command<Reply> role();
Command<void> save();
Command<std::vector<SlowCommand>> slowlog_get(std::int64_t count = 10);
Command<std::int64_t> slowlog_len();
Command<void> slowlog_reset();
Command<void> swapdb(std::int64_t a, std::int64_t b);
Command<ServerTime> time();

}  // namespace envoyou::redis::cmd
