#include "limiter/telemetry.hpp"

#include <string>

namespace envoyou::limiter {

namespace {

constexpr std::string_view kComponent = "limiter";
constexpr Milliseconds kDenialLineInterval{1'000};
constexpr Milliseconds kErrorLineInterval{10'000};

constexpr std::string_view kDecisions = "envoyou_ratelimit_decisions_total";
constexpr std::string_view kDecisionsHelp = "Decisions of the rate limiter, by outcome and by who decided.";
constexpr std::string_view kFailures = "envoyou_ratelimit_redis_failures_total";
constexpr std::string_view kFailuresHelp =
    "Questions that Redis could not answer and the stand-in did: Redis was away (or too slow), or refused them.";

Counter& decisions(MetricsRegistry& metrics, std::string_view labels) {
  return metrics.counter(kDecisions, labels, kDecisionsHelp);
}

}  // namespace

bool Pace::may(TimePoint now, std::uint64_t& skipped) noexcept {
  const auto time = now.time_since_epoch().count();
  auto next = next_.load(std::memory_order_relaxed);
  const auto later = (now + interval_).time_since_epoch().count();
  if (time < next || !next_.compare_exchange_strong(next, later, std::memory_order_relaxed)) {
    skipped_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  skipped = skipped_.exchange(0, std::memory_order_relaxed);
  return true;
}

Telemetry::Telemetry(const Runtime& runtime)
    : logger_(runtime.logger),
      metrics_(*runtime.metrics),
      allowed_redis_(decisions(metrics_, "decision=\"allow\",source=\"redis\"")),
      allowed_local_(decisions(metrics_, "decision=\"allow\",source=\"local\"")),
      denied_redis_(decisions(metrics_, "decision=\"deny\",source=\"redis\"")),
      denied_local_(decisions(metrics_, "decision=\"deny\",source=\"local\"")),
      failed_away_(metrics_.counter(kFailures, "reason=\"away\"", kFailuresHelp)),
      failed_refused_(metrics_.counter(kFailures, "reason=\"refused\"", kFailuresHelp)),
      carried_(
          metrics_.counter("envoyou_ratelimit_carried_over_total", "",
                           "Entries of admissions that were decided in process and entered into Redis afterwards.")),
      carried_late_(metrics_.counter("envoyou_ratelimit_carried_over_late_total", "",
                                     "Those of them that were entered as of the time of carrying over.")),
      carry_over_lost_(
          metrics_.counter("envoyou_ratelimit_carry_over_lost_total", "",
                           "Debts to Redis that were given up: it refused them for good, or memory was full.")),
      clock_resets_(metrics_.counter("envoyou_ratelimit_clock_resets_total", "",
                                     "Logs that started afresh because a clock had been far ahead.")),
      data_losses_(metrics_.counter("envoyou_ratelimit_redis_data_losses_total", "",
                                    "Times that Redis came back without the data it had.")),
      shares_cut_(metrics_.counter(
          "envoyou_deadlines_shortened_total", "module=\"limiter\"",
          "Questions to Redis that had less than their module's share, since the request's deadline was nearer.")),
      denial_lines_(kDenialLineInterval),
      error_lines_(kErrorLineInterval) {}

KeyStoreMetrics Telemetry::store_metrics() {
  return {metrics_.counter("envoyou_ratelimit_local_evictions_total", "",
                           "Keys that the local store gave up while they counted for something, to keep its bounds."),
          carry_over_lost_, metrics_.gauge("envoyou_ratelimit_local_keys", "", "Keys in the local store."),
          metrics_.gauge("envoyou_ratelimit_local_bytes", "", "Bytes of the local store."),
          metrics_.gauge("envoyou_ratelimit_carry_over_pending", "",
                         "Keys with admissions that Redis has yet to hear of.")};
}

void Telemetry::decided(const Request& request, const Decision& decision, TimePoint now) {
  const bool redis = decision.source == Source::kRedis;
  if (decision.allowed) {
    (redis ? allowed_redis_ : allowed_local_).add();
    return;
  }
  (redis ? denied_redis_ : denied_local_).add();
  if (!logger_.wants(LogLevel::kInfo)) return;
  std::uint64_t skipped = 0;
  const bool sums_up = denial_lines_.may(now, skipped);
  if (!sums_up && !logger_.wants(LogLevel::kDebug)) return;
  const RateRule& rule = request.rules.front();
  logger_.log(sums_up ? LogLevel::kInfo : LogLevel::kDebug, kComponent, "limit exceeded",
              {{"rule", rule.name.empty() ? std::string_view("default") : std::string_view(rule.name)},
               {"limit", std::to_string(rule.limit)},
               {"window_ms", std::to_string(rule.window.count())},
               {"source", to_string(decision.source)},
               {"others_not_shown", std::to_string(skipped)}});
}

void Telemetry::clock_was_wrong(std::uint32_t logs, TimePoint now) {
  clock_resets_.add(logs);
  std::uint64_t skipped = 0;
  if (!error_lines_.may(now, skipped)) return;
  logger_.warning(kComponent, "a clock had been far ahead: a log started afresh");
}

void Telemetry::redis_failed(const Error& error, TimePoint now) {
  const bool away = error.is_retryable() || error.is_ambiguous() || error.code() == Errc::kClosed;
  (away ? failed_away_ : failed_refused_).add();
  if (away) return;
  std::uint64_t skipped = 0;
  if (!error_lines_.may(now, skipped)) return;
  logger_.error(
      kComponent, "redis refused, decided in process",
      {{"code", to_string(error.code())}, {"error", error.message()}, {"others_not_shown", std::to_string(skipped)}});
}

void Telemetry::carried_over(std::size_t entries, std::int64_t as_of_now) {
  carried_.add(entries);
  carried_late_.add(static_cast<std::uint64_t>(as_of_now));
}

void Telemetry::carry_over_refused(std::size_t entries, const Error& error, TimePoint now) {
  carry_over_lost_.add(entries);
  redis_failed(error, now);
}

void Telemetry::data_was_lost(TimePoint) {
  data_losses_.add();
  logger_.warning(kComponent, "redis came back without its data: what this process admitted is entered again");
}

}  // namespace envoyou::limiter
