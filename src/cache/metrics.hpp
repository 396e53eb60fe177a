// The counters of one cache ("response" or "data"), looked up once. Shared with callbacks that may outlive the cache.
#pragma once

#include "memory/bounded_store.hpp"

#include <envoyou/metrics.hpp>

#include <memory>
#include <string_view>

namespace envoyou::cache {

struct Metrics {
  Metrics(std::shared_ptr<MetricsRegistry> registry, std::string_view cache);

  const std::shared_ptr<MetricsRegistry> registry;  // keeps the counters alive
  Counter& hits;
  Counter& misses;
  Counter& bypasses;
  Counter& coalesced;
  Counter& stores;
  Counter& redis_errors;  // Redis could not be asked, or could not be written to
  Counter& incoherent;    // a stored value was no envelope of this version, or torn
  Counter& foreign;       // a reply restated another key
  Counter& dropped;       // writes of an outage that did not fit and became removals
  Counter& shares_cut;    // a read had less than its share
  Gauge& pending;
  memory::StoreMetrics store;
};

}  // namespace envoyou::cache
