#include <envoyou/redis/commands/sets.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

namespace {

using Int = std::int64_t;
using Text = std::optional<std::string>;
using List = std::vector<std::string>;

}  // namespace

Command<Int> sadd(std::string_view key, const Strings& members) { return writes<Int>(keyed("SADD", key, members)); }
Command<Int> scard(std::string_view key) { return reads<Int>(Words("SCARD", key)); }
Command<List> sdiff(const Strings& keys) { return reads<List>(with_all("SDIFF", keys)); }
Command<Int> sdiffstore(std::string_view to, const Strings& keys) { return writes<Int>(keyed("SDIFFSTORE", to, keys)); }
Command<List> sinter(const Strings& keys) { return reads<List>(with_all("SINTER", keys)); }
Command<Int> sintercard(const Strings& keys, Int limit) {
  Words words("SINTERCARD");
  return reads<Int>(std::move(add_counted(words, keys).add("LIMIT").add(limit)));
}
Command<Int> sinterstore(std::string_view to, const Strings& keys) {
  return writes<Int>(keyed("SINTERSTORE", to, keys));
}
Command<bool> sismember(std::string_view key, std::string_view member) {
  return reads<bool>(Words("SISMEMBER", key, member));
}
Command<List> smembers(std::string_view key) { return reads<List>(Words("SMEMBERS", key)); }
Command<std::vector<bool>> smismember(std::string_view key, const Strings& members) {
  return reads<std::vector<bool>>(keyed("SMISMEMBER", key, members));
}
Command<bool> smove(std::string_view from, std::string_view to, std::string_view member) {
  return writes<bool>(Words("SMOVE", from, to, member));
}
Command<Text> spop(std::string_view key) { return writes<Text>(Words("SPOP", key)); }
Command<List> spop(std::string_view key, Int count) { return writes<List>(Words("SPOP", key, count)); }
Command<Text> srandmember(std::string_view key) { return reads<Text>(Words("SRANDMEMBER", key)); }
Command<List> srandmember(std::string_view key, Int count) { return reads<List>(Words("SRANDMEMBER", key, count)); }
Command<Int> srem(std::string_view key, const Strings& members) { return writes<Int>(keyed("SREM", key, members)); }
Command<Page<std::string>> sscan(std::string_view key, std::string_view cursor, const ScanOptions& options) {
  Words words("SSCAN", key, cursor);
  return reads<Page<std::string>>(std::move(add_scan(words, options)));
}
Command<List> sunion(const Strings& keys) { return reads<List>(with_all("SUNION", keys)); }
Command<Int> sunionstore(std::string_view to, const Strings& keys) {
  return writes<Int>(keyed("SUNIONSTORE", to, keys));
}

}  // namespace envoyou::redis::cmd
