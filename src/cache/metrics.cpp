#include "cache/metrics.hpp"

#include <string>

namespace envoyou::cache {
namespace {

std::string labels(std::string_view cache, std::string_view name = {}, std::string_view value = {}) {
  std::string text = "cache=\"" + std::string(cache) + "\"";
  if (!name.empty()) text.append(",").append(name).append("=\"").append(value).append("\"");
  return text;
}

Counter& requests(MetricsRegistry& registry, std::string_view cache, std::string_view result) {
  return registry.counter("envoyou_cache_requests_total", labels(cache, "result", result),
                          "Look-ups in a cache, by result.");
}

Counter& errors(MetricsRegistry& registry, std::string_view cache, std::string_view kind) {
  return registry.counter("envoyou_cache_errors_total", labels(cache, "kind", kind),
                          "What went wrong in a cache, by kind.");
}

memory::StoreMetrics store_metrics(MetricsRegistry& registry, std::string_view cache) {
  memory::StoreMetrics made;
  for (std::size_t i = 0; i < memory::kRemovalReasons; ++i) {
    const auto reason = memory::to_string(static_cast<memory::Removal>(i));
    made.removed[i] = &registry.counter("envoyou_cache_evictions_total", labels(cache, "reason", reason),
                                        "Entries that left the process' own store, by reason.");
  }
  made.bytes = &registry.gauge("envoyou_cache_local_bytes", labels(cache), "Bytes in the process' own store.");
  return made;
}

}  // namespace

Metrics::Metrics(std::shared_ptr<MetricsRegistry> r, std::string_view cache)
    : registry(std::move(r)),
      hits(requests(*registry, cache, "hit")),
      misses(requests(*registry, cache, "miss")),
      bypasses(requests(*registry, cache, "bypass")),
      coalesced(
          registry->counter("envoyou_cache_coalesced_total", labels(cache), "Misses that waited for another's work.")),
      stores(registry->counter("envoyou_cache_stores_total", labels(cache), "Values that were given to a store.")),
      redis_errors(errors(*registry, cache, "redis")),
      incoherent(errors(*registry, cache, "incoherent")),
      foreign(errors(*registry, cache, "foreign")),
      dropped(errors(*registry, cache, "dropped")),
      shares_cut(registry->counter(
          "envoyou_deadlines_shortened_total", "module=\"cache\"," + labels(cache),
          "Questions to Redis that had less than their module's share, since the request's deadline was nearer.")),
      pending(registry->gauge("envoyou_cache_pending", labels(cache), "Writes or purges that Redis has yet to learn.")),
      store(store_metrics(*registry, cache)) {}

}  // namespace envoyou::cache
