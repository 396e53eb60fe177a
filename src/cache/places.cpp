#include "cache/places.hpp"

#include "base/bytes.hpp"
#include "base/name.hpp"
#include "base/random.hpp"

namespace envoyou::cache {
namespace {

constexpr std::size_t kLocalShards = 16;
constexpr Milliseconds kMaxReadShare = std::chrono::seconds(10);

memory::BoundedStoreOptions store_options(const CacheOptions& options, const Metrics& metrics) {
  return {.max_bytes = options.max_local_bytes,
          .shards = kLocalShards,
          .hash_seed = base::jitter_seed(),
          .policy = memory::make_lru,
          .metrics = metrics.store};
}

std::unique_ptr<RedisBackend> redis_backend(const CacheOptions& options, const Backing& backing,
                                            const std::shared_ptr<const Names>& names,
                                            const std::shared_ptr<Metrics>& metrics) {
  if (backing.client == nullptr) return nullptr;
  const RedisBackendOptions chosen{.max_value_bytes = options.max_value_bytes,
                                   .compress_from_bytes = options.compress_from_bytes};
  return std::make_unique<RedisBackend>(chosen, names, backing.client, backing.runtime, metrics);
}

}  // namespace

void check_options(const CacheOptions& options, base::Problems& problems) {
  const auto in = [&](std::string_view field, auto value, auto least, auto most) {
    if (value >= least && value <= most) return;
    problems.add(field,
                 "must be " + std::to_string(least) + " to " + std::to_string(most) + ", got " + std::to_string(value));
  };
  problems.add(base::validate_prefix("prefix", options.prefix));
  in("default_ttl (ms)", options.default_ttl.count(), Milliseconds::rep{1}, kMaxCacheTtl.count());
  in("read_share (ms)", options.read_share.count(), Milliseconds::rep{1}, kMaxReadShare.count());
  in("max_value_bytes", options.max_value_bytes, std::size_t{1}, kMaxValueBytes);
  in("max_local_bytes", options.max_local_bytes, std::size_t{1}, std::size_t{1} << 40U);
  in("max_pending", options.max_pending, std::size_t{1}, std::size_t{10'000'000});
  in("max_pending_bytes", options.max_pending_bytes, std::size_t{1}, std::size_t{1} << 40U);
}

Places::Places(const CacheOptions& o, std::string_view c, const Backing& b)
    : backing(b),
      options(o),
      cache(c),
      runtime(backing.runtime),
      fallback(backing.fallback),
      metrics(std::make_shared<Metrics>(runtime.metrics, cache)),
      names(std::make_shared<const Names>(o.prefix, o.secrets)),
      memory(store_options(o, *metrics), fallback, runtime.clock),
      redis(redis_backend(o, backing, names, metrics)) {}

Deadline Places::deadline(const CacheCall& call) const {
  return call.deadline ? *call.deadline : Deadline::after(*runtime.clock, kDefaultRequestBudget);
}

Deadline Places::share(Deadline deadline) const {
  const TimePoint now = runtime.clock->now();
  if (deadline.cuts(now, options.read_share)) metrics->shares_cut.add();
  return deadline.share(now, options.read_share);
}

void Places::log(std::string_view message, const Name& name, Source source) const {
  if (!runtime.logger.wants(LogLevel::kDebug)) return;
  const std::string entry = base::to_hex(name.bytes().substr(0, 4));
  runtime.logger.debug("cache", message, {{"cache", cache}, {"entry", entry}, {"source", to_string(source)}});
}

bool is_refusal(const Error& error) noexcept {
  switch (error.code()) {
    case Errc::kPermission:
    case Errc::kServerError:
    case Errc::kUnsupported:
    case Errc::kWrongType: return true;
    default: return false;
  }
}

bool is_callers(const Error& error) noexcept {
  switch (error.code()) {
    case Errc::kForked:
    case Errc::kWouldDeadlock:
    case Errc::kTooLarge: return true;
    default: return false;
  }
}

}  // namespace envoyou::cache
