// Commands for streams. See types.hpp. XREAD and XREADGROUP block where they are told to.
#pragma once

#include <envoyou/redis/commands/types.hpp>

namespace envoyou::redis::cmd {

struct StreamEntry {
  std::string id;
  Fields fields;  // empty: was deleted meanwhile

  friend bool operator==(const StreamEntry&, const StreamEntry&) = default;
};
using StreamEntries = std::vector<StreamEntry>;
// What came, by stream. Empty: nothing.
using Streams = std::vector<std::pair<std::string, StreamEntries>>;

// How much of a stream is kept. One of both.
struct Trim {
  std::optional<std::int64_t> maxlen = {};
  std::string_view minid = {};
  bool exactly = false;                    // else a little more, which costs less
  std::optional<std::int64_t> limit = {};  // at most so many are evicted
};

struct XaddOptions {
  std::string_view id = "*";
  bool nomkstream = false;
  std::optional<Trim> trim = {};
};

struct XreadOptions {
  std::optional<std::int64_t> count = {};
  std::optional<Milliseconds> block = {};  // zero: for ever
  bool noack = false;                      // XREADGROUP
};

struct XclaimOptions {
  std::optional<Milliseconds> idle = {};
  std::optional<std::int64_t> retrycount = {};
  bool force = false;
};

struct Autoclaimed {
  std::string cursor;  // "0-0": through
  StreamEntries entries;
  std::vector<std::string> deleted;
};

struct PendingSummary {
  std::int64_t count = 0;
  std::optional<std::string> first;
  std::optional<std::string> last;
  std::vector<std::pair<std::string, std::string>> consumers;  // name, how many
};

struct PendingEntry {
  std::string id;
  std::string consumer;
  Milliseconds idle{0};
  std::int64_t deliveries = 0;
};

struct XpendingOptions {
  std::string_view start = "-";
  std::string_view end = "+";
  std::int64_t count = 10;
  std::string_view consumer = {};
  std::optional<Milliseconds> min_idle = {};
};

Command<std::int64_t> xack(std::string_view key, std::string_view group, const Strings& ids);
// The new entry's id; nothing with `nomkstream` where there is no such stream.
Command<std::optional<std::string>> xadd(std::string_view key, const Pairs& fields, const XaddOptions& options = {});
Command<Autoclaimed> xautoclaim(std::string_view key, std::string_view group, std::string_view consumer,
                                Milliseconds min_idle, std::string_view start, std::optional<std::int64_t> count = {});
Command<StreamEntries> xclaim(std::string_view key, std::string_view group, std::string_view consumer,
                              Milliseconds min_idle, const Strings& ids, const XclaimOptions& options = {});
Command<std::int64_t> xdel(std::string_view key, const Strings& ids);
Command<void> xgroup_create(std::string_view key, std::string_view group, std::string_view id, bool mkstream = false);
Command<bool> xgroup_createconsumer(std::string_view key, std::string_view group, std::string_view consumer);
// How many pending entries it had.
Command<std::int64_t> xgroup_delconsumer(std::string_view key, std::string_view group, std::string_view consumer);
Command<bool> xgroup_destroy(std::string_view key, std::string_view group);
Command<void> xgroup_setid(std::string_view key, std::string_view group, std::string_view id);
Command<std::vector<Parts>> xinfo_consumers(std::string_view key, std::string_view group);
Command<std::vector<Parts>> xinfo_groups(std::string_view key);
Command<Parts> xinfo_stream(std::string_view key);
Command<std::int64_t> xlen(std::string_view key);
Command<PendingSummary> xpending(std::string_view key, std::string_view group);
Command<std::vector<PendingEntry>> xpending(std::string_view key, std::string_view group,
                                            const XpendingOptions& options);
Command<StreamEntries> xrange(std::string_view key, std::string_view start, std::string_view end,
                              std::optional<std::int64_t> count = {});
// Of each stream what is behind the id: {{"stream", "0"}}.
Command<Streams> xread(const Pairs& streams, const XreadOptions& options = {});
Command<Streams> xreadgroup(std::string_view group, std::string_view consumer, const Pairs& streams,
                            const XreadOptions& options = {});
Command<StreamEntries> xrevrange(std::string_view key, std::string_view end, std::string_view start,
                                 std::optional<std::int64_t> count = {});
Command<void> xsetid(std::string_view key, std::string_view last_id);
Command<std::int64_t> xtrim(std::string_view key, const Trim& trim);

}  // namespace envoyou::redis::cmd
