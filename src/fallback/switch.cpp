// The thread-safe ring around SwitchMachine: the mode as an atomic for the callers' path, the participants, and what
// the world is told of a transition (one log line, one counter, the gauge, the observer), always with no lock held.
#include "fallback/roster.hpp"
#include "fallback/switch_machine.hpp"

#include <envoyou/fallback.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

namespace envoyou {

namespace {

// How soon carrying over is tried again on a node that is there but did not take it.
constexpr Milliseconds kCarryOverRetry{50};
// The keeper looks in at least this often; it is woken when there is something to do sooner.
constexpr Milliseconds kIdleWait{60'000};

constexpr std::string_view kTransitions = "envoyou_fallback_transitions_total";
constexpr std::string_view kTransitionsHelp = "Transitions of the switch between Redis and the stand-ins, by new mode.";
constexpr std::string_view kBreaker = "envoyou_fallback_breaker_transitions_total";
constexpr std::string_view kBreakerHelp = "Transitions of the breaker of the Redis node, by new state.";
constexpr std::string_view kGauge = "envoyou_fallback_mode";
constexpr std::string_view kGaugeHelp =
    "Where requests go: 0 Redis, 1 the stand-ins, 2 the stand-ins while carrying over.";
constexpr std::string_view kFailures = "envoyou_fallback_carry_over_failures_total";
constexpr std::string_view kFailuresHelp = "Passes of carrying over that a module could not finish.";

fallback::BreakerOptions breaker_options(const SwitchOptions& options) {
  return {options.stable_for, options.max_stable_for, options.flap_window};
}

std::array<Counter*, 3> transition_counters(MetricsRegistry& metrics) {
  return {&metrics.counter(kTransitions, "to=\"redis\"", kTransitionsHelp),
          &metrics.counter(kTransitions, "to=\"local\"", kTransitionsHelp),
          &metrics.counter(kTransitions, "to=\"recovering\"", kTransitionsHelp)};
}

std::array<Counter*, 3> breaker_counters(MetricsRegistry& metrics) {
  return {&metrics.counter(kBreaker, "to=\"closed\"", kBreakerHelp),
          &metrics.counter(kBreaker, "to=\"open\"", kBreakerHelp),
          &metrics.counter(kBreaker, "to=\"half_open\"", kBreakerHelp)};
}

// What one event changed.
struct Change {
  std::optional<SwitchTransition> mode;
  std::optional<BreakerState> breaker;
};

}  // namespace

std::string_view to_string(Mode mode) noexcept {
  switch (mode) {
    case Mode::kRedis: return "redis";
    case Mode::kLocal: return "local";
    case Mode::kRecovering: return "recovering";
  }
  return "unknown";
}

std::string_view to_string(BreakerState state) noexcept {
  switch (state) {
    case BreakerState::kClosed: return "closed";
    case BreakerState::kOpen: return "open";
    case BreakerState::kHalfOpen: return "half_open";
  }
  return "unknown";
}

struct Switch::Impl {
  Impl(SwitchOptions o, Runtime r, bool with_redis)
      : options(o),
        runtime(std::move(r)),
        has_redis(with_redis),
        machine(breaker_options(o), with_redis),
        reason(with_redis ? "" : "not configured"),
        mode(machine.mode()),
        breaker(machine.breaker()),
        mode_counters(transition_counters(*runtime.metrics)),
        breaker_changes(breaker_counters(*runtime.metrics)),
        mode_gauge(runtime.metrics->gauge(kGauge, "", kGaugeHelp)),
        carry_over_failures(runtime.metrics->counter(kFailures, "", kFailuresHelp)) {
    mode_gauge.set(static_cast<std::int64_t>(machine.mode()));
  }

  template <class F>
  auto with_lock(F&& f) const {
    const std::lock_guard lock(mutex);
    return f();
  }

  // Lets the machine take one event, makes its state visible to callers, and tells the world what changed.
  template <class Event>
  Change step(Event&& event) {
    Change change;
    {
      const std::lock_guard lock(mutex);
      change.mode = event();
      store(change);
    }
    tell(change);
    return change;
  }

  // REQUIRES: mutex is held.
  void store(Change& change) {
    const BreakerState state = machine.breaker();
    if (breaker.exchange(state, std::memory_order_acq_rel) != state) change.breaker = state;
    if (!change.mode) return;
    reason = change.mode->to == Mode::kRedis ? "" : change.mode->reason;
    mode_gauge.set(static_cast<std::int64_t>(change.mode->to));
    transitions.fetch_add(1, std::memory_order_relaxed);
    if (change.mode->from == Mode::kRedis || change.mode->to == Mode::kRedis)
      era.fetch_add(1, std::memory_order_acq_rel);
    mode.store(change.mode->to, std::memory_order_release);
  }

  // REQUIRES: mutex is not held: a sink or an observer may ask the switch.
  void tell(const Change& change) {
    if (change.breaker) {
      breaker_changes[static_cast<std::size_t>(*change.breaker)]->add();
      runtime.logger.debug("fallback", "breaker changed", {{"to", to_string(*change.breaker)}});
    }
    if (!change.mode) return;
    const SwitchTransition& made = *change.mode;
    mode_counters[static_cast<std::size_t>(made.to)]->add();
    const LogLevel level = made.to == Mode::kLocal ? LogLevel::kWarning : LogLevel::kInfo;
    runtime.logger.log(level, "fallback", "mode changed",
                       {{"from", to_string(made.from)}, {"to", to_string(made.to)}, {"reason", made.reason}});
    const auto to = with_lock([this] { return observer; });
    if (to) (*to)(made);
  }

  void wake() {
    const auto to = with_lock([this] { return waker; });
    if (to) (*to)();
  }

  void fail(std::string_view why) {
    const TimePoint now = runtime.clock->now();
    step([&] { return machine.on_failure(now, why); });
  }

  bool carry_over(fallback::Whom whom, Mode while_mode, Deadline deadline) {
    return roster.run(
        whom, deadline, [&] { return mode.load(std::memory_order_acquire) == while_mode; },
        [this](const CarryOver& who, const Error& error) {
          carry_over_failures.add();
          runtime.logger.debug("fallback", "carrying over failed",
                               {{"module", who.name()}, {"error", error.message()}});
        });
  }

  TimePoint recover() {
    const TimePoint until = runtime.clock->now() + options.carry_over_budget;
    const bool all = carry_over(fallback::Whom::kAll, Mode::kRecovering, Deadline::at(until));
    const TimePoint now = runtime.clock->now();
    // A pass that ran out of time has more to do; what is pending after one that did not arrived while it ran, and
    // follows at the first sweep.
    const bool ran_out = now >= until && roster.has_pending();
    if (all && !ran_out && step([this] { return machine.on_carried_over(); }).mode) {
      next_sweep = now;
      return now;
    }
    return ran_out ? now : now + kCarryOverRetry;
  }

  TimePoint sweep(TimePoint now) {
    if (roster.empty()) return now + kIdleWait;
    if (now < next_sweep) return next_sweep;
    carry_over(fallback::Whom::kPending, Mode::kRedis, Deadline::at(now + options.carry_over_budget));
    next_sweep = runtime.clock->now() + options.sweep_interval;
    return next_sweep;
  }

  TimePoint wait_for_answer(TimePoint now) const {
    const auto due = with_lock([this] { return machine.due(); });
    return due ? *due : now + kIdleWait;
  }

  const SwitchOptions options;
  const Runtime runtime;
  const bool has_redis;

  mutable std::mutex mutex;
  fallback::SwitchMachine machine;                                               // guarded by mutex
  std::string reason;                                                            // guarded by mutex
  std::shared_ptr<const std::function<void()>> waker;                            // guarded by mutex
  std::shared_ptr<const std::function<void(const SwitchTransition&)>> observer;  // guarded by mutex

  std::atomic<Mode> mode;
  std::atomic<BreakerState> breaker;
  std::atomic<std::uint64_t> transitions{0};
  std::atomic<std::uint64_t> era{0};
  std::array<Counter*, 3> mode_counters;
  std::array<Counter*, 3> breaker_changes;
  Gauge& mode_gauge;
  Counter& carry_over_failures;

  fallback::Roster roster;
  TimePoint next_sweep = TimePoint::min();  // the keeper's
};

Switch::Switch(SwitchOptions options, Runtime runtime, bool has_redis)
    : impl_(std::make_unique<Impl>(options, std::move(runtime), has_redis)) {}
Switch::~Switch() = default;

Mode Switch::mode() const noexcept { return impl_->mode.load(std::memory_order_acquire); }
bool Switch::has_redis() const noexcept { return impl_->has_redis; }
BreakerState Switch::breaker() const noexcept { return impl_->breaker.load(std::memory_order_acquire); }
std::uint64_t Switch::transitions() const noexcept { return impl_->transitions.load(std::memory_order_relaxed); }
std::uint64_t Switch::era() const noexcept { return impl_->era.load(std::memory_order_acquire); }
std::string Switch::reason() const {
  return impl_->with_lock([this] { return impl_->reason; });
}

void Switch::on_refused(std::string_view reason) { impl_->fail(reason); }
void Switch::on_condemned(std::string_view reason) { impl_->fail(reason); }

void Switch::on_answered() {
  const TimePoint now = impl_->runtime.clock->now();
  const Change change = impl_->step([&]() -> std::optional<SwitchTransition> {
    impl_->machine.on_answered(now);
    return std::nullopt;
  });
  if (change.breaker) impl_->wake();
}

void Switch::add(CarryOver* participant) {
  impl_->roster.add(participant);
  impl_->wake();
}

void Switch::remove(CarryOver* participant) { impl_->roster.remove(participant); }

TimePoint Switch::run_due() {
  const TimePoint now = impl_->runtime.clock->now();
  if (!impl_->has_redis) return now + kIdleWait;
  impl_->step([&] { return impl_->machine.advance(now); });
  switch (mode()) {
    case Mode::kRedis: return impl_->sweep(now);
    case Mode::kRecovering: return impl_->recover();
    case Mode::kLocal: break;
  }
  return impl_->wait_for_answer(now);
}

void Switch::set_waker(std::function<void()> wake) {
  auto made = std::make_shared<const std::function<void()>>(std::move(wake));
  const std::lock_guard lock(impl_->mutex);
  impl_->waker = *made ? std::move(made) : nullptr;
}

void Switch::observe(std::function<void(const SwitchTransition&)> observer) {
  auto made = std::make_shared<const std::function<void(const SwitchTransition&)>>(std::move(observer));
  const std::lock_guard lock(impl_->mutex);
  impl_->observer = *made ? std::move(made) : nullptr;
}

}  // namespace envoyou
