#include "run.hpp"

#include "callers.hpp"
#include "faults.hpp"
#include "instance.hpp"
#include "world.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace envoyou::simulation {

namespace {

using namespace std::chrono_literals;

constexpr Nanos kHurt = 1200ms;

redis::ClientOptions draw_options(Random& random) {
  constexpr std::array<std::size_t, 4> kInFlight{2, 16, 4096, 4096};
  constexpr std::array<std::size_t, 4> kQueued{8, 100, 65'536, 65'536};
  redis::ClientOptions options;
  options.connections = random.chance(60) ? 1 : random.between(2, 3);
  options.max_in_flight = random.pick(kInFlight);
  options.max_queued = random.pick(kQueued);
  if (random.chance(20)) options.max_queued_bytes = random.between(200, 4000);
  if (random.chance(30)) options.password = kPassword;
  if (random.chance(30)) options.idle_ping = Milliseconds(random.between(50, 500));
  return options;
}

// From the same machine to a few milliseconds away, each way.
Conditions draw_conditions(Random& random) {
  constexpr std::array<Nanos, 4> kDelays{100us, 200us, 2ms, 6ms};
  Conditions conditions;
  conditions.delay_most = random.pick(kDelays);
  conditions.delay_least = conditions.delay_most / random.between(1, 10);
  return conditions;
}

// Everything of one run.
class Run final : public Actor {
 public:
  Run(std::uint64_t seed, bool with_trace)
      : random_(seed), journal_(*clock_, with_trace), options_(draw_options(random_)) {
    callers_.use(*instance_);
    world_.add_actor(callers_);
    world_.add_actor(faults_);
    world_.add_actor(*this);
    world_.on_sleep([this] { return instance_->may_sleep(); });
    world_.on_wake([this] { instance_->wake(); });
    host_.conditions = draw_conditions(random_);
    host_.redis().password = options_.password;
    host_.redis().knows_hello = !random_.chance(15);
  }

  Outcome whole() {
    hurt();
    if (!journal_.violation()) heal();
    if (!journal_.violation() && random_.chance(4)) mislead();
    if (!journal_.violation()) finish();
    Outcome outcome;
    outcome.violation = journal_.violation();
    outcome.digest = journal_.digest();
    outcome.commands = callers_.submitted();
    outcome.steps = steps_;
    outcome.back = back_;
    callers_.count_ends(outcome.ends, outcome.executed_twice);
    outcome.trace = journal_.lines();
    return outcome;
  }

  // Closing and opening: as an actor, since another thread does it at any moment.
  TimePoint next() const override { return next_close_; }
  void act() override {
    closing_ = true;
    next_close_ = TimePoint::max();
    instance_->wake();
  }

 private:
  void hurt();
  void heal();
  void mislead();
  void finish();
  void run_until(TimePoint end, bool is_hurt);
  void step(TimePoint end, bool is_hurt);
  void check();
  void check_dials();
  void reopen();
  TimePoint now() const { return clock_->now(); }

  std::unique_ptr<Instance> open() {
    return std::make_unique<Instance>(options_, clock_, world_, host_, witness_, random_.next());
  }

  const std::shared_ptr<testing::ManualClock> clock_ = std::make_shared<testing::ManualClock>();
  Random random_;
  Journal journal_;
  const redis::ClientOptions options_;
  World world_{*clock_, journal_, random_};
  Callers callers_{world_, the_script()};
  Host& host_ = world_.add_host(
      ModelRedis(std::string(the_script().sha1()), [this](std::uint64_t id) { callers_.on_executed(id); }));
  Faults faults_{world_, host_};
  const std::shared_ptr<Witness> witness_ = std::make_shared<Witness>(journal_);
  std::unique_ptr<Instance> instance_ = open();
  TimePoint next_close_ = TimePoint::max();
  bool closing_ = false;
  std::size_t steps_ = 0;
  int steps_in_place_ = 0;
  TimePoint last_step_{};
  std::size_t dials_seen_ = 0;
  std::vector<std::pair<TimePoint, std::uint64_t>> dials_{};  // of this instance, with the answers before each
  std::uint64_t answers_seen_ = 0;
  Nanos back_{0};
};

void Run::hurt() {
  const TimePoint begin = now();
  const Nanos pause = random_.time_between(2ms, 40ms);
  callers_.begin(begin, begin + kHurt, pause);
  faults_.remember_health();
  faults_.plan(begin, begin + kHurt);
  if (random_.chance(20)) next_close_ = begin + random_.time_between(0ms, kHurt);
  run_until(begin + kHurt, true);
}

void Run::heal() {
  next_close_ = TimePoint::max();
  faults_.heal();
  const TimePoint begin = now();
  callers_.probe(begin, begin + Bounds::kHealed, 25ms);
  run_until(begin + Bounds::kHealed, false);
  if (journal_.violation()) return;
  back_ = callers_.first_right() == TimePoint::max() ? Nanos::max() : callers_.first_right() - begin;
  if (back_ > Nanos(Bounds::kBack)) journal_.violate("not back in time after the last fault");
  if (callers_.last_wrong() > begin + Bounds::kWhole) journal_.violate("probes still fail long after the last fault");
}

// A link that is never idle: only a fence can tell that all its answers are one off.
void Run::mislead() {
  host_.conditions.delay_least = host_.conditions.delay_most = 5ms;
  const TimePoint begin = now();
  const Nanos time = options_.idle_ping + Bounds::kFenced;
  callers_.probe(begin, begin + time, 700us);
  run_until(begin + 30ms, false);
  for (Wire* wire : host_.live_wires()) host_.mislead(*wire, "$7\r\nforeign\r\n");
  run_until(begin + time, false);
  if (host_.misleads()) journal_.violate("a link whose answers are one off is held under load");
}

void Run::finish() {
  run_until(now() + 1100ms, false);  // the longest deadline but "never"
  if (journal_.violation()) return;
  const redis::ClientStats stats = instance_->stats();
  if (stats.in_flight != 0) journal_.violate("something is in flight for ever");
  // One reply too many is noticed when nothing is in flight, at the latest.
  if (host_.misleads()) journal_.violate("a link over which an unasked reply came is held for ever");
  const redis::Quota& quota = instance_->quota();
  if (quota.unsent() != 0 || quota.bytes() != 0) journal_.violate("the quota was not given back");
  instance_->close();
  callers_.expect_all_ended("at the end");
}

void Run::run_until(TimePoint end, bool is_hurt) {
  while (now() < end && !journal_.violation()) step(end, is_hurt);
}

void Run::step(TimePoint end, bool is_hurt) {
  const bool held_up = is_hurt && random_.chance(1);
  callers_.set_held_up(held_up);
  if (held_up) {
    clock_->advance(random_.time_between(1us, random_.chance(20) ? Nanos(200ms) : Nanos(20ms)));
    journal_.note("HELD UP");
  }
  instance_->step(end);
  ++steps_;
  check();
  if (std::exchange(closing_, false)) reopen();
}

void Run::check() {
  callers_.check_deadlines();
  check_dials();
  const redis::Quota& quota = instance_->quota();
  // What was in flight on a link that was lost waits again, and was admitted long ago.
  const std::size_t most_in_flight = options_.max_in_flight * options_.connections;
  if (quota.unsent() > options_.max_queued + most_in_flight) journal_.violate("more commands wait than max_queued");
  if (quota.bytes() > options_.max_queued_bytes) journal_.violate("more bytes are held than max_queued_bytes");
  if (instance_->stats().in_flight > most_in_flight) journal_.violate("more are in flight than max_in_flight");
  steps_in_place_ = now() == last_step_ ? steps_in_place_ + 1 : 0;
  last_step_ = now();
  if (steps_in_place_ > Bounds::kStepsInPlace) journal_.violate("a busy loop");
}

// In each second up to an attempt: the burst, what came back, what was earned.
void Run::check_dials() {
  const std::uint64_t answers = instance_->stats().answered;
  const std::uint64_t before = std::exchange(answers_seen_, answers);
  for (; dials_seen_ < world_.dial_times.size(); ++dials_seen_) {
    const TimePoint at = world_.dial_times[dials_seen_];
    dials_.emplace_back(at, before);
    const auto first =
        std::find_if(dials_.begin(), dials_.end(), [&](const auto& dial) { return dial.first > at - 1s; });
    const auto count = static_cast<std::size_t>(dials_.end() - first);
    const std::uint64_t earned = (answers - first->second) / Bounds::kAnswersAnAttempt + 1;
    if (count > Bounds::kBurst + options_.connections - 1 + Bounds::kASecond + earned) {
      journal_.violate("more attempts to connect than were due: " + std::to_string(count) + " in a second");
    }
  }
}

void Run::reopen() {
  journal_.note("CLOSED");
  instance_->close();
  callers_.expect_all_ended("at close");
  dials_.clear();
  answers_seen_ = 0;
  instance_ = open();
  callers_.use(*instance_);
  journal_.note("OPENED");
}

}  // namespace

Outcome run(std::uint64_t seed, bool with_trace) { return Run(seed, with_trace).whole(); }

}  // namespace envoyou::simulation
