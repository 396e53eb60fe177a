// Commands for hashes. See types.hpp.
#pragma once

#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

Command<std::int64_t> hdel(std::string_view key, const Strings& fields);
Command<bool> hexists(std::string_view key, std::string_view field);
Command<std::optional<std::string>> hget(std::string_view key, std::string_view field);
Command<Fields> hgetall(std::string_view key);
Command<std::int64_t> hincrby(std::string_view key, std::string_view field, std::int64_t by);
Command<double> hincrbyfloat(std::string_view key, std::string_view field, double by);
Command<std::vector<std::string>> hkeys(std::string_view key);
Command<std::int64_t> hlen(std::string_view key);
Command<std::vector<std::optional<std::string>>> hmget(std::string_view key, const Strings& fields);
Command<std::optional<std::string>> hrandfield(std::string_view key);
// A negative count may give the same field more than once.
Command<std::vector<std::string>> hrandfield(std::string_view key, std::int64_t count);
Command<Fields> hrandfield_withvalues(std::string_view key, std::int64_t count);
Command<Page<Field>> hscan(std::string_view key, std::string_view cursor, const ScanOptions& options = {});
// How many fields are new.
Command<std::int64_t> hset(std::string_view key, const Pairs& fields);
Command<bool> hsetnx(std::string_view key, std::string_view field, std::string_view value);
Command<std::int64_t> hstrlen(std::string_view key, std::string_view field);
Command<std::vector<std::string>> hvals(std::string_view key);

}  // namespace envoyou::redis::cmd
