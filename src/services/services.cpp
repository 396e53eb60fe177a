#include <envoyou/services.hpp>
#include <envoyou/version.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "services/keeper.hpp"
#include "services/redis_probe.hpp"

namespace envoyou {
namespace {

// How long closing waits for Redis to take what callers were already told is on its way (cache writes).
constexpr Milliseconds kFarewell{50};

// A module without secrets of its own gets the common ones.
void hand_secrets(Config& config) {
  for (SecretRing* ring :
       {&config.limiter.secrets, &config.sessions.secrets, &config.cache.secrets, &config.responses.cache.secrets}) {
    if (ring->empty()) *ring = config.secrets;
  }
}

void warn_of_missing_secret(const Config& config, const Logger& logger) {
  if (!config.limiter.secrets.empty() && !config.sessions.secrets.empty()) return;
  logger.warning("services",
                 "no secret is set: user ids, addresses and API keys are readable in Redis (set ENVOYOU_SECRET)");
}

Result<Backing> open_backing_of(const Config& config, const Runtime& runtime) {
  if (!config.redis) return in_process_backing(runtime);
  return open_backing({*config.redis, config.fallback, config.wait_for_first_answer}, runtime);
}

}  // namespace

struct Services::Impl {
  explicit Impl(Backing b) : backing(std::move(b)) {}
  ~Impl() { close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> open_modules(const Config& config);
  void close();

  Backing backing;
  Milliseconds request_budget = kDefaultRequestBudget;
  std::unique_ptr<RateLimiter> limiter;
  std::unique_ptr<SessionStore> sessions;
  std::unique_ptr<ResponseCache> responses;
  std::unique_ptr<Cache> cache;
};

Result<void> Services::Impl::open_modules(const Config& config) {
  auto opened_limiter = RateLimiter::open(config.limiter, backing);
  if (!opened_limiter) return opened_limiter.error();
  limiter = *std::move(opened_limiter);
  auto opened_sessions = SessionStore::open(config.sessions, backing);
  if (!opened_sessions) return opened_sessions.error();
  sessions = *std::move(opened_sessions);
  auto opened_responses = ResponseCache::open(config.responses, backing);
  if (!opened_responses) return opened_responses.error();
  responses = *std::move(opened_responses);
  auto opened_cache = Cache::open(config.cache, backing);
  if (!opened_cache) return opened_cache.error();
  cache = *std::move(opened_cache);
  return {};
}

// No new round of carrying over begins; what was written is pushed out; then the client is closed, which ends whatever
// still waits for Redis, a round of the keeper among it, so that neither the keeper nor a module can hold up the rest.
void Services::Impl::close() {
  if (backing.keeper != nullptr) backing.keeper->request_stop();
  if (backing.client != nullptr) {
    if (backing.fallback->uses_redis()) {
      const redis::Command<std::string> ping(redis::Words("PING"), redis::decode_string);
      static_cast<void>(backing.client->run(ping, {Deadline::after(*backing.runtime.clock, kFarewell)}));
    }
    backing.client->close();
  }
  if (backing.keeper != nullptr) backing.keeper->join();
}

Services::Services(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Services::Services(Services&&) noexcept = default;
Services& Services::operator=(Services&&) noexcept = default;
Services::~Services() = default;

Result<Services> Services::open(Config config, const Runtime& runtime) {
  if (auto checked = config.validate(); !checked) return checked.error();
  hand_secrets(config);
  warn_of_missing_secret(config, runtime.logger);
  runtime.metrics
      ->gauge("envoyou_build_info", "version=\"" + std::string(kVersion) + "\"", "The library's version; always 1.")
      .set(1);
  auto backing = open_backing_of(config, runtime);
  if (!backing) return backing.error();
  auto impl = std::make_unique<Impl>(*std::move(backing));
  impl->request_budget = config.request_budget;
  if (auto opened = impl->open_modules(config); !opened) return opened.error();
  return Services(std::move(impl));
}

RateLimiter& Services::limiter() noexcept { return *impl_->limiter; }
SessionStore& Services::sessions() noexcept { return *impl_->sessions; }
ResponseCache& Services::responses() noexcept { return *impl_->responses; }
Cache& Services::cache() noexcept { return *impl_->cache; }
redis::Client* Services::redis() noexcept { return impl_->backing.client.get(); }
Switch& Services::fallback() noexcept { return *impl_->backing.fallback; }
const Runtime& Services::runtime() const noexcept { return impl_->backing.runtime; }

Deadline Services::request_deadline() const {
  return Deadline::after(*impl_->backing.runtime.clock, impl_->request_budget);
}

Health Services::health(std::optional<Deadline> deadline) {
  Health health;
  health.timestamp = impl_->backing.runtime.clock->wall_now();
  health.version = kVersion;
  health.session_storage = impl_->sessions->storage();
  health.response_cache = impl_->responses->source();
  if (impl_->backing.client == nullptr) {
    health.redis_message = "not configured";
    return health;
  }
  auto found = services::probe(*impl_->backing.client, deadline.value_or(request_deadline()));
  const bool in_use = impl_->backing.fallback->uses_redis();
  health.rate_limiting = in_use && found.forbidden.empty() ? Source::kRedis : Source::kLocal;
  health.healthy = in_use && found.health == RedisHealth::kHealthy;
  health.redis = found.health;
  health.redis_message = std::move(found.message);
  if (!in_use && found.health == RedisHealth::kHealthy) health.redis_message = "answers again, not yet in use";
  // A probe that was given up says nothing of the cause; the switch knows what it turned on.
  if (!in_use && found.gave_up) health.redis_message = impl_->backing.fallback->reason();
  health.latency_ms = found.latency_ms;
  health.used_memory_bytes = found.figures.used_memory_bytes;
  health.evicted_keys = found.figures.evicted_keys;
  health.hit_ratio = found.figures.hit_ratio;
  return health;
}

}  // namespace envoyou
