// Commands for lists. See types.hpp. Those with a timeout block.
#pragma once

#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

// From which list, and what.
using PoppedOne = std::optional<std::pair<std::string, std::string>>;
using PoppedMany = std::optional<std::pair<std::string, std::vector<std::string>>>;

struct LposOptions {
  std::optional<std::int64_t> rank = {};
  std::optional<std::int64_t> maxlen = {};
};

Command<std::optional<std::string>> blmove(std::string_view from, std::string_view to, Side from_side, Side to_side,
                                           Milliseconds timeout);
Command<PoppedMany> blmpop(Milliseconds timeout, const Strings& keys, Side side, std::int64_t count = 1);
Command<PoppedOne> blpop(const Strings& keys, Milliseconds timeout);
Command<PoppedOne> brpop(const Strings& keys, Milliseconds timeout);
Command<std::optional<std::string>> lindex(std::string_view key, std::int64_t index);
enum class Where : std::uint8_t { kBefore, kAfter };
// The new length; 0: no such list, -1: no such element.
Command<std::int64_t> linsert(std::string_view key, Where where, std::string_view pivot, std::string_view element);
Command<std::int64_t> llen(std::string_view key);
Command<std::optional<std::string>> lmove(std::string_view from, std::string_view to, Side from_side, Side to_side);
Command<PoppedMany> lmpop(const Strings& keys, Side side, std::int64_t count = 1);
Command<std::optional<std::string>> lpop(std::string_view key);
// An empty list of elements where there is no such list.
Command<std::vector<std::string>> lpop(std::string_view key, std::int64_t count);
Command<std::optional<std::int64_t>> lpos(std::string_view key, std::string_view element,
                                          const LposOptions& options = {});
// At most `count` places; 0: all.
Command<std::vector<std::int64_t>> lpos_count(std::string_view key, std::string_view element, std::int64_t count,
                                              const LposOptions& options = {});
Command<std::int64_t> lpush(std::string_view key, const Strings& elements);
Command<std::int64_t> lpushx(std::string_view key, const Strings& elements);
Command<std::vector<std::string>> lrange(std::string_view key, std::int64_t start, std::int64_t stop);
Command<std::int64_t> lrem(std::string_view key, std::int64_t count, std::string_view element);
Command<void> lset(std::string_view key, std::int64_t index, std::string_view element);
Command<void> ltrim(std::string_view key, std::int64_t start, std::int64_t stop);
Command<std::optional<std::string>> rpop(std::string_view key);
Command<std::vector<std::string>> rpop(std::string_view key, std::int64_t count);
Command<std::int64_t> rpush(std::string_view key, const Strings& elements);
Command<std::int64_t> rpushx(std::string_view key, const Strings& elements);

}  // namespace envoyou::redis::cmd
