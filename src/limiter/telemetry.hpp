// What the limiter tells of itself: counters, and log lines that neither hold a key nor come as often as requests do.
// Thread-safe.
#pragma once

#include "limiter/backend.hpp"
#include "limiter/key_store.hpp"

#include <envoyou/runtime.hpp>

#include <atomic>
#include <cstdint>

namespace envoyou::limiter {

// At most one true in each interval of the clock, however many ask. Counts those that were told false.
class Pace {
 public:
  explicit Pace(Milliseconds interval) noexcept : interval_(interval) {}

  // If true, `skipped` is how often it was false since the last time.
  bool may(TimePoint now, std::uint64_t& skipped) noexcept;

 private:
  const Milliseconds interval_;
  std::atomic<TimePoint::rep> next_{TimePoint::min().time_since_epoch().count()};
  std::atomic<std::uint64_t> skipped_{0};
};

class Telemetry {
 public:
  explicit Telemetry(const Runtime& runtime);

  void decided(const Request& request, const Decision& decision, TimePoint now);
  // The request had less left than a decision's share.
  void share_was_cut() noexcept { shares_cut_.add(); }
  void clock_was_wrong(std::uint32_t logs, TimePoint now);
  // Redis could not answer a question, which the stand-in then did.
  void redis_failed(const Error& error, TimePoint now);
  void carried_over(std::size_t entries, std::int64_t as_of_now);
  void carry_over_refused(std::size_t entries, const Error& error, TimePoint now);
  void data_was_lost(TimePoint now);

  KeyStoreMetrics store_metrics();

 private:
  Logger logger_;
  MetricsRegistry& metrics_;
  Counter& allowed_redis_;
  Counter& allowed_local_;
  Counter& denied_redis_;
  Counter& denied_local_;
  Counter& failed_away_;
  Counter& failed_refused_;
  Counter& carried_;
  Counter& carried_late_;
  Counter& carry_over_lost_;
  Counter& clock_resets_;
  Counter& data_losses_;
  Counter& shares_cut_;
  Pace denial_lines_;
  Pace error_lines_;
};

}  // namespace envoyou::limiter
