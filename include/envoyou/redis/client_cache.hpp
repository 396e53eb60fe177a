// Values of Redis kept in this process, and dropped when Redis tells that they have changed.
//
//   auto cache = redis::ClientCache::open(client).value();
//   auto value = cache->get("user:7", {deadline});               // Result<CachedString>: null: there is no such key
//   auto user = cache->read(redis::Words("HGETALL", "user:8"), "user:8");
//   cache->write(redis::Command<void>(redis::Words("SET", "user:7", "x"), redis::decode_ok), {"user:7"});
//
// A hit is answered on the caller's thread in about 0.2 us, without the I/O thread, and hands out the kept value
// itself, counted, not copied. A miss reads the value and its time to live back to back on the link that the
// invalidations come on; all who ask for the same meanwhile wait for the same answer, each until its own deadline.
//
// What holds (docs/design/0006-client-cache.md says why):
//   - a value is never served longer after it was changed than the invalidation takes to arrive; never longer than
//     `feed.lease` (2 s) where the link is broken without anybody knowing; never when the link is known to be lost;
//     never beyond the server's own time to live or `max_ttl`;
//   - an invalidation that comes between question and answer keeps the answer from being kept;
//   - what is written by `write` of this cache, or told to `invalidate`, is not served from before that, nor joined
//   with
//     a read that was asked before it;
//   - that a key is absent is kept as well;
//   - it is bounded in bytes and in entries; errors are never kept.
//
// Where the server has no tracking, it stands on what writers tell over a channel (invalidation_feed.hpp); where there
// is not even that, every call asks Redis and nothing is kept or joined. `source` says which, `why` says why.
//
// Does not: answer while Redis is away (a stand-in is the modules' business); follow a cluster's slots; keep anything
// of a command that reads more than one key, but by `get_many`.
//
// Thread-safe. Destroy it on any thread but the I/O thread; it keeps the client alive.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/command.hpp>
#include <envoyou/redis/completion.hpp>
#include <envoyou/redis/invalidation_feed.hpp>
#include <envoyou/redis/reply.hpp>
#include <envoyou/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::redis {

// Null: there is no such key.
using CachedString = std::shared_ptr<const std::string>;
using CachedReply = std::shared_ptr<const Reply>;

struct ClientCacheOptions {
  std::size_t max_bytes = 64u << 20;  // keys, values, and what an entry costs
  std::size_t max_entries = 65'536;   // an entry is counted as max_bytes / max_entries at least
  Milliseconds max_ttl{60'000};
  InvalidationFeedOptions feed{};
};

struct ClientCacheStats {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t joined = 0;          // misses that waited for another's read
  std::uint64_t invalidations = 0;   // keys that the server or a writer told of
  std::uint64_t not_kept = 0;        // replies that had been invalidated before they came
  std::uint64_t drops = 0;           // times that all was dropped: a lost link, FLUSHALL
  std::uint64_t lease_expiries = 0;  // values that were there and not served, since the link was silent
  std::size_t entries = 0;
  std::size_t bytes = 0;
};

class ClientCache {
 public:
  // Commands may read one of so many aspects of a key (GET, HGETALL, HGET of a field ...) and have them all kept.
  static constexpr std::size_t kMaxAspects = 8;

  // Never waits for the server. Errors: kInvalidArgument, kForked, kUnsupported (a client of
  // several servers), kTls (files that can not be read).
  static Result<std::shared_ptr<ClientCache>> open(std::shared_ptr<Client> client, ClientCacheOptions options = {});
  ~ClientCache();
  ClientCache(const ClientCache&) = delete;
  ClientCache& operator=(const ClientCache&) = delete;

  // GET. Errors: those of the client's calls; kWrongType; kWouldDeadlock for a miss on the I/O thread.
  Result<CachedString> get(std::string_view key, CallOptions options = {});
  // GET of each: what is not kept is asked in one go. All or the first error.
  Result<std::vector<CachedString>> get_many(const std::vector<std::string_view>& keys, CallOptions options = {});
  // Any command that only reads, and reads nothing but `key`: its reply as it is, the same words the same reply.
  Result<CachedReply> read(Words words, std::string_view key, CallOptions options = {});
  // The same, without waiting: `then` is called exactly once with a Result<CachedReply>, on this thread before it
  // returns (a hit, or refused at once) or on the I/O thread.
  template <class Then>
  void read(Words words, std::string_view key, CallOptions options, Then then) {
    ask(std::move(words), key, options, Completion<CachedReply>(std::move(then)));
  }

  // Runs a command that changes `keys`, and then invalidates them, whatever it ended with.
  template <class R>
  Result<R> write(Command<R> command, const std::vector<std::string_view>& keys, CallOptions options = {}) {
    Result<R> result = client().run(std::move(command), options);
    invalidate(keys);
    return result;
  }
  // These keys were changed by means that this cache does not see: drops them here at once, and tells the others where
  // that is done by the channel.
  void invalidate(const std::vector<std::string_view>& keys);
  void clear();

  FeedSource source() const noexcept;
  std::string why() const;
  ClientCacheStats stats() const;

  struct Impl;

 private:
  explicit ClientCache(std::unique_ptr<Impl> impl);
  void ask(Words words, std::string_view key, CallOptions options, Completion<CachedReply> then);
  Client& client() noexcept;

  std::unique_ptr<Impl> impl_;
};

}  // namespace envoyou::redis
