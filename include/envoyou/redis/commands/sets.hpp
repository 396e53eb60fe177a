// Commands for sets. See types.hpp.
#pragma once

#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

Command<std::int64_t> sadd(std::string_view key, const Strings& members);
Command<std::int64_t> scard(std::string_view key);
Command<std::vector<std::string>> sdiff(const Strings& keys);
Command<std::int64_t> sdiffstore(std::string_view to, const Strings& keys);
Command<std::vector<std::string>> sinter(const Strings& keys);
// Counts no further than `limit`; 0: all.
Command<std::int64_t> sintercard(const Strings& keys, std::int64_t limit = 0);
Command<std::int64_t> sinterstore(std::string_view to, const Strings& keys);
Command<bool> sismember(std::string_view key, std::string_view member);
Command<std::vector<std::string>> smembers(std::string_view key);
Command<std::vector<bool>> smismember(std::string_view key, const Strings& members);
Command<bool> smove(std::string_view from, std::string_view to, std::string_view member);
Command<std::optional<std::string>> spop(std::string_view key);
Command<std::vector<std::string>> spop(std::string_view key, std::int64_t count);
Command<std::optional<std::string>> srandmember(std::string_view key);
// A negative count may give the same member more than once.
Command<std::vector<std::string>> srandmember(std::string_view key, std::int64_t count);
Command<std::int64_t> srem(std::string_view key, const Strings& members);
Command<Page<std::string>> sscan(std::string_view key, std::string_view cursor, const ScanOptions& options = {});
Command<std::vector<std::string>> sunion(const Strings& keys);
Command<std::int64_t> sunionstore(std::string_view to, const Strings& keys);

}  // namespace envoyou::redis::cmd
