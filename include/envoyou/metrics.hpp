// Counters and gauges of the library, by name and labels. A host reads them with `visit` or as Prometheus text
// (envoyou/adapters/prometheus.hpp). Keys, ids and addresses are never labels.
//
// Thread-safe. References that `counter` and `gauge` return stay valid as long as the registry.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace envoyou {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

class MetricsRegistry {
 public:
  // `labels` is in Prometheus' form without braces: `cache="response",result="hit"`; empty for none.
  // The same name and labels give the same object. `help` of the first call counts.
  Counter& counter(std::string_view name, std::string_view labels, std::string_view help);
  Gauge& gauge(std::string_view name, std::string_view labels, std::string_view help);

  struct Sample {
    std::string_view name;
    std::string_view labels;
    std::string_view help;
    bool is_counter = true;
    double value = 0;
  };
  // Calls `visitor` for every sample, ordered by name, then labels. `visitor` must not call the registry.
  void visit(const std::function<void(const Sample&)>& visitor) const;

 private:
  struct Family {
    std::string help;
    bool is_counter = true;
    std::map<std::string, std::unique_ptr<Counter>, std::less<>> counters;
    std::map<std::string, std::unique_ptr<Gauge>, std::less<>> gauges;
  };
  Family& family(std::string_view name, std::string_view help, bool is_counter);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace envoyou
