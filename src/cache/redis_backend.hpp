// Entries in Redis, each verb one round trip; a miss whose tags have no numbers yet takes a second one, which gives
// them theirs before the response is made.
//
//   look_up   GET entry, MGET generations, PTTL entry        keep    SET entry PX, PEXPIRE of each generation
//   write     SET or DEL                                     purge   DEL generations; SET own ones, DEL their entries
//
// Invalidating is forgetting: a generation that is gone makes every entry that remembers it stale, and the next miss
// draws a new one at random, so that no number ever comes back.
//
// Thread-safe. Completions share the metrics and nothing else, so that they may come after this object is gone.
#pragma once

#include "cache/backend.hpp"
#include "cache/metrics.hpp"
#include "cache/pending_writes.hpp"
#include "cache/redis_commands.hpp"

#include <envoyou/cache.hpp>
#include <envoyou/redis/client.hpp>

#include <atomic>

namespace envoyou::cache {

// How long the purge of a single entry is remembered, and how old a miss may be whose response is still kept: the
// longest time that making a response may take.
inline constexpr Milliseconds kOwnTagLives = std::chrono::minutes(15);
inline constexpr Milliseconds kMaxBirthAge = std::chrono::minutes(10);
// Tags that many entries share.
inline constexpr Milliseconds kSharedTagLives = kMaxCacheTtl + std::chrono::hours(24);
// How long a write that nobody waits for may take.
inline constexpr Milliseconds kDetachedBudget{1'000};

struct RedisBackendOptions {
  std::size_t max_value_bytes = 8u << 20;
  std::size_t compress_from_bytes = 1024;
};

class RedisBackend final : public Backend {
 public:
  RedisBackend(RedisBackendOptions options, std::shared_ptr<const Names> names, std::shared_ptr<redis::Client> client,
               Runtime runtime, std::shared_ptr<Metrics> metrics);

  Source source() const noexcept override { return Source::kRedis; }
  Result<LookUp> look_up(const Identity& identity, Deadline deadline) override;
  bool keep(const Identity& identity, const Stamps& stamps, const Payload& payload, Milliseconds ttl) override;
  Result<void> write(const Write& write, Deadline deadline, std::unique_lock<std::mutex> order) override;
  Result<void> purge(const Purge& purge, Deadline deadline) override;

  // Brings each write over, unless Redis has a newer one of its key; an answer for each, in order.
  std::vector<Result<void>> carry_over(const std::vector<PendingWrite>& writes, Deadline deadline);

 private:
  Result<LookUp> look_up_untagged(const Identity& identity, Deadline deadline);
  // What the stored bytes are worth: nothing held where they are not an envelope of this entry.
  struct Opened {
    std::optional<Held> held{};
    Stamps stamps{};
    WallTime written{};
  };
  Opened open(const Name& entry, std::string_view bytes);
  Result<std::optional<Stamps>> draw_generations(const Identity& identity,
                                                 const std::vector<commands::Generation>& seen, Deadline deadline);
  std::string seal(const Name& entry, const Stamps* stamps, std::string_view payload, Milliseconds ttl,
                   WallTime written) const;
  std::string seal(const Write& write) const;
  Milliseconds time_left(const Opened& opened, std::int64_t told) const;
  // Counts a failed look-up; a value that restates another key twice in a row is removed, or each reading of it would
  // cost a link.
  Error noted(Error error, const Name& entry);
  redis::CallOptions detached() const;

  const RedisBackendOptions options_;
  const std::shared_ptr<const Names> names_;
  const std::shared_ptr<redis::Client> client_;
  const Runtime runtime_;
  const std::shared_ptr<Metrics> metrics_;
  std::atomic<std::uint64_t> last_foreign_{0};
};

}  // namespace envoyou::cache
