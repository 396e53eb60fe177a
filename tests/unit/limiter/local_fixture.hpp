// A local store with everything it needs, for unit tests.
#pragma once

#include "limiter/key_store.hpp"
#include "limiter/memory_backend.hpp"
#include "limiter/stand_in.hpp"

#include <envoyou/testing/manual_clock.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::limiter {

struct LocalFixture {
  explicit LocalFixture(KeyStoreBounds bounds = {}) : store(bounds, metrics_of(registry)) {}

  static KeyStoreMetrics metrics_of(MetricsRegistry& registry) {
    return {registry.counter("evicted", "", ""), registry.counter("lost", "", ""), registry.gauge("keys", "", ""),
            registry.gauge("bytes", "", ""), registry.gauge("owing", "", "")};
  }
  std::uint64_t evicted() { return registry.counter("evicted", "", "").value(); }

  Request ask(std::string_view key, std::span<const RateRule> rules, Ms now, std::int64_t cost = 1) const {
    Request made = Request::of(key, rules, cost);
    made.now = now;
    return made;
  }
  Answer take(std::string_view key, std::span<const RateRule> rules, Ms now, std::int64_t cost = 1,
              Owe owe = Owe::kNothing) {
    return backend.ask(ask(key, rules, now, cost), Ask::kTake, owe);
  }
  Answer take(std::string_view key, const RateRule& rule, Ms now, std::int64_t cost = 1, Owe owe = Owe::kNothing) {
    return take(key, {&rule, 1}, now, cost, owe);
  }
  Answer peek(std::string_view key, const RateRule& rule, Ms now, std::int64_t cost = 1) {
    return backend.ask(ask(key, {&rule, 1}, now, cost), Ask::kPeek, Owe::kNothing);
  }

  MetricsRegistry registry;
  KeyStore store;
  testing::ManualClock clock;
  Tokens tokens{1};
  MemoryBackend backend{store, clock};
  StandIn stand_in{store, tokens};
};

inline RateRule rule(std::int64_t limit, Ms window) { return {.limit = limit, .window = Milliseconds(window)}; }

}  // namespace envoyou::limiter
