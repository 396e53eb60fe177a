#include <envoyou/redis/commands/hashes.hpp>

#include "redis/commands/shapes.hpp"

namespace envoyou::redis::cmd {

namespace {

using Int = std::int64_t;
using Text = std::optional<std::string>;
using List = std::vector<std::string>;

}  // namespace

Command<Int> hdel(std::string_view key, const Strings& fields) {
  Words words("HDEL", key);
  return writes<Int>(std::move(add_all(words, fields)));
}
Command<bool> hexists(std::string_view key, std::string_view field) {
  return reads<bool>(Words("HEXISTS", key, field));
}
Command<Text> hget(std::string_view key, std::string_view field) { return reads<Text>(Words("HGET", key, field)); }
Command<Fields> hgetall(std::string_view key) { return reads<Fields>(Words("HGETALL", key)); }
Command<Int> hincrby(std::string_view key, std::string_view field, Int by) {
  return writes<Int>(Words("HINCRBY", key, field, by));
}
Command<double> hincrbyfloat(std::string_view key, std::string_view field, double by) {
  Words words("HINCRBYFLOAT", key, field);
  return writes<double>(std::move(add_double(words, by)));
}
Command<List> hkeys(std::string_view key) { return reads<List>(Words("HKEYS", key)); }
Command<Int> hlen(std::string_view key) { return reads<Int>(Words("HLEN", key)); }
Command<std::vector<Text>> hmget(std::string_view key, const Strings& fields) {
  Words words("HMGET", key);
  return reads<std::vector<Text>>(std::move(add_all(words, fields)));
}
Command<Text> hrandfield(std::string_view key) { return reads<Text>(Words("HRANDFIELD", key)); }
Command<List> hrandfield(std::string_view key, Int count) { return reads<List>(Words("HRANDFIELD", key, count)); }
Command<Fields> hrandfield_withvalues(std::string_view key, Int count) {
  return reads<Fields>(Words("HRANDFIELD", key, count, "WITHVALUES"));
}
Command<Page<Field>> hscan(std::string_view key, std::string_view cursor, const ScanOptions& options) {
  Words words("HSCAN", key, cursor);
  return reads<Page<Field>>(std::move(add_scan(words, options)));
}
Command<Int> hset(std::string_view key, const Pairs& fields) {
  Words words("HSET", key);
  return writes<Int>(std::move(add_pairs(words, fields)));
}
Command<bool> hsetnx(std::string_view key, std::string_view field, std::string_view value) {
  return writes<bool>(Words("HSETNX", key, field, value));
}
Command<Int> hstrlen(std::string_view key, std::string_view field) { return reads<Int>(Words("HSTRLEN", key, field)); }
Command<List> hvals(std::string_view key) { return reads<List>(Words("HVALS", key)); }

}  // namespace envoyou::redis::cmd
