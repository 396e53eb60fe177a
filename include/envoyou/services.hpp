// The one object that most users hold: opens client, switch and modules from a Config, keeps the background work going,
// and tells the health of it all.
//
//   auto services = envoyou::Services::open(envoyou::Config::from_env().value()).value();
//   auto decision = services.limiter().check("user_123", {.limit = 30, .window = 60s});
//
// Thread-safe, movable. Opens also when Redis is not there. Destruction takes under 200 ms, whatever Redis does.
#pragma once

#include <envoyou/backing.hpp>
#include <envoyou/cache.hpp>
#include <envoyou/config.hpp>
#include <envoyou/limiter.hpp>
#include <envoyou/result.hpp>
#include <envoyou/session.hpp>

#include <memory>
#include <optional>
#include <string>

namespace envoyou {

enum class RedisHealth : std::uint8_t { kHealthy, kUnavailable, kError };

struct Health {
  bool healthy = true;  // false: degraded; requests are answered all the same
  WallTime timestamp;
  std::string version;

  RedisHealth redis = RedisHealth::kUnavailable;
  std::string redis_message;  // "not configured", "connected", the reason of the outage
  std::optional<double> latency_ms;
  // Where INFO is allowed.
  std::optional<std::uint64_t> used_memory_bytes;
  std::optional<std::uint64_t> evicted_keys;
  std::optional<double> hit_ratio;

  Source rate_limiting = Source::kLocal;
  SessionStorage session_storage = SessionStorage::kMemory;
  Source response_cache = Source::kLocal;

  // The document that docs and GET /health of the example server show.
  std::string to_json() const;
};

class Services {
 public:
  static Result<Services> open(Config config, const Runtime& runtime = {});
  Services(Services&&) noexcept;
  Services& operator=(Services&&) noexcept;
  ~Services();

  RateLimiter& limiter() noexcept;
  SessionStore& sessions() noexcept;
  ResponseCache& responses() noexcept;
  Cache& cache() noexcept;
  // Null without Redis.
  redis::Client* redis() noexcept;
  Switch& fallback() noexcept;
  const Runtime& runtime() const noexcept;

  // One budget for one request: hand it to every call that serves it.
  Deadline request_deadline() const;
  // Asks Redis (PING, INFO), at most `deadline`; degraded is an answer, not an error.
  Health health(std::optional<Deadline> deadline = {});

 private:
  struct Impl;
  explicit Services(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace envoyou
