// The two places of a cache, Redis and this process, and what both faces of the cache need around them: which one to
// ask, how long, under which names, counted how.
//
// Thread-safe after construction.
#pragma once

#include "base/fork_guard.hpp"
#include "base/problems.hpp"
#include "cache/memory_backend.hpp"
#include "cache/metrics.hpp"
#include "cache/redis_backend.hpp"

#include <envoyou/cache.hpp>

#include <memory>
#include <string_view>

namespace envoyou::cache {

inline constexpr std::size_t kMaxValueBytes = 256u << 20;

// Every problem of the options, each with its field.
void check_options(const CacheOptions& options, base::Problems& problems);

class Places {
 public:
  // `cache`: "response" or "data", for metrics and logs. REQUIRES: checked options.
  Places(const CacheOptions& options, std::string_view cache, const Backing& backing);

  bool has_redis() const noexcept { return redis != nullptr; }
  bool uses_redis() const noexcept { return redis != nullptr && fallback->uses_redis(); }
  Source source() const noexcept { return uses_redis() ? Source::kRedis : Source::kLocal; }
  bool forked() const noexcept { return fork_guard_.forked(); }

  Deadline deadline(const CacheCall& call) const;
  // What a read may use of it.
  Deadline share(Deadline deadline) const;

  // True where values of an outage that is over are still held.
  bool has_leftovers() const noexcept { return uses_redis() && !memory.empty(); }

  // One line at debug level; of the key nothing but the beginning of its digest.
  void log(std::string_view message, const Name& name, Source source) const;

  const Backing backing;  // kept going as long as the cache is
  const CacheOptions options;
  const std::string_view cache;
  const Runtime runtime;
  const std::shared_ptr<Switch> fallback;
  const std::shared_ptr<Metrics> metrics;
  const std::shared_ptr<const Names> names;
  MemoryBackend memory;
  const std::unique_ptr<RedisBackend> redis;  // null where none is configured

 private:
  base::ForkGuard fork_guard_;
};

// True where asking again would give the same: the server does not let this user, or does not know the command.
bool is_refusal(const Error& error) noexcept;
// True where the caller's own call can not go on: it must be told, whatever the cache would like.
bool is_callers(const Error& error) noexcept;

}  // namespace envoyou::cache
