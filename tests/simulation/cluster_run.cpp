#include "cluster_run.hpp"

#include "callers.hpp"
#include "cluster.hpp"
#include "faults.hpp"
#include "instance.hpp"
#include "world.hpp"

#include "redis/topology/cluster_discovery.hpp"
#include "redis/topology/fleet.hpp"
#include "redis/topology/router.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace envoyou::simulation {

namespace {

using namespace std::chrono_literals;

constexpr Nanos kClusterHurt = 1500ms;
constexpr Nanos kHealed = 3500ms;
// From the end of all faults until every shard answers: as Bounds, and a map that is asked for in between.
constexpr Nanos kWhole = 2500ms;

// A client of the cluster, put together as Client does it.
class ClusterInstance final : public ClientInWorld {
 public:
  ClusterInstance(redis::ClientOptions options, const std::shared_ptr<testing::ManualClock>& clock, World& world,
                  Cluster& cluster, const std::shared_ptr<Witness>& witness, std::uint64_t seed)
      : options_(std::move(options)),
        runtime_{clock, Logger(witness, LogLevel::kDebug), std::make_shared<MetricsRegistry>()},
        cluster_(cluster),
        seed_(seed),
        loop_(*clock, world),
        reactor_(loop_, clock),
        router_(std::make_shared<redis::Router>(options_, runtime_, [this] { loop_.wake(); })) {
    auto make = [this](const redis::ClientOptions& of_node, redis::NodeListener* listener,
                       std::shared_ptr<redis::PushSink> sink, redis::RedirectSink* redirects) {
      return make_node(of_node, listener, std::move(sink), redirects);
    };
    auto fleet = std::make_unique<redis::Fleet>(options_, runtime_, witness.get(), reactor_, std::move(make), router_);
    fleet->use(std::make_unique<redis::ClusterDiscovery>(*fleet, seed));
    reactor_.appoint(std::move(fleet));
  }

  void submit(std::vector<redis::Submission> group, TimePoint now, TimePoint deadline) override {
    if (now < deadline) return router_->submit_all(std::move(group), deadline, false, {});
    for (redis::Submission& each : group) each.reader->on_error(Error(Errc::kNotSent));
  }
  void step(TimePoint until) { reactor_.step(until); }
  void close() {
    reactor_.close();
    reactor_.drop_everything(Error(Errc::kClosed));
    reactor_.show_closed();
  }
  void wake() { loop_.wake(); }
  bool may_sleep() {
    return router_->lobby().may_sleep() && std::all_of(nodes_.begin(), nodes_.end(), [](const auto& weak) {
             const auto node = weak.lock();
             return !node || node->removed || node->inbox.may_sleep();
           });
  }

 private:
  Result<std::shared_ptr<redis::Node>> make_node(const redis::ClientOptions& options, redis::NodeListener* listener,
                                                 std::shared_ptr<redis::PushSink> sink,
                                                 redis::RedirectSink* redirects) {
    Host* const host = cluster_.at(options.port);
    if (host == nullptr) return Error(Errc::kInvalidArgument, "no such host");
    redis::EngineParts parts{loop_, std::make_unique<redis::SimDialer>(*host), seed_ + next_id_, next_id_};
    ++next_id_;
    parts.sink = std::move(sink);
    parts.redirects = redirects;
    auto node = std::make_shared<redis::Node>(options, runtime_, listener, std::move(parts));
    nodes_.push_back(node);
    return node;
  }

  const redis::ClientOptions options_;
  const Runtime runtime_;
  Cluster& cluster_;
  const std::uint64_t seed_;
  std::uint32_t next_id_ = 0;
  redis::SimLoop loop_;
  redis::Reactor reactor_;
  std::shared_ptr<redis::Router> router_;
  std::vector<std::weak_ptr<redis::Node>> nodes_;
};

// What only a cluster suffers.
class ClusterFaults final : public Actor {
 public:
  ClusterFaults(World& world, Cluster& cluster) : world_(world), cluster_(cluster) {}

  void plan(TimePoint begin, TimePoint end) {
    for (auto events = world_.random().between(1, 6); events > 0; --events) {
      due_.push_back({begin + world_.random().time_between(0ms, end - begin), &ClusterFaults::something});
    }
    sort();
  }
  // Moves that have begun come to their end.
  void heal() {
    due_.clear();
    for (const std::string& key : moving_) cluster_.end_move(key);
    moving_.clear();
  }

  TimePoint next() const override { return due_.empty() ? TimePoint::max() : due_.back().at; }
  void act() override {
    const Step step = due_.back();
    due_.pop_back();
    (this->*step.does)();
  }

 private:
  struct Step {
    TimePoint at;
    void (ClusterFaults::*does)();
  };

  void sort() {
    std::stable_sort(due_.begin(), due_.end(), [](const Step& a, const Step& b) { return a.at > b.at; });
  }
  void later(void (ClusterFaults::*does)()) {
    due_.push_back({world_.now() + world_.random().time_between(1ms, 300ms), does});
    sort();
  }
  void something() {
    if (world_.random().chance(40)) return fail_over();
    moving_.push_back(key());
    cluster_.begin_move(moving_.back());
    later(&ClusterFaults::move_on);
  }
  // The primary dies, its replica takes over after a while, and it comes back as a replica.
  void fail_over() {
    const std::size_t shard = world_.random().below(Cluster::kShards);
    for (const std::size_t host : {2 * shard, 2 * shard + 1}) {
      if (world_.random().chance(70)) cluster_.host(host).end_all(Ending::kReset);
    }
    cluster_.fail_over(shard);
  }
  void move_on() {
    if (moving_.empty()) return;
    if (world_.random().chance(50)) {
      cluster_.move_key(moving_.front());
      return later(&ClusterFaults::move_on);
    }
    cluster_.end_move(moving_.front());
    moving_.erase(moving_.begin());
  }
  std::string key() {
    const std::string name = "key-" + std::to_string(world_.random().below(6));
    return world_.random().chance(70) ? name : "count-" + name;
  }

  World& world_;
  Cluster& cluster_;
  std::vector<Step> due_;  // latest first
  std::vector<std::string> moving_;
};

class ClusterRun {
 public:
  ClusterRun(std::uint64_t seed, bool with_trace) : random_(seed), journal_(*clock_, with_trace) {
    options_.host = "127.0.0.1";
    options_.port = Cluster::kFirstPort;
    options_.topology = redis::Topology::kCluster;
    options_.seeds = {{"127.0.0.1", Cluster::kFirstPort}, {"127.0.0.1", Cluster::kFirstPort + 2}};
    options_.connections = random_.between(1, 2);
    instance_ = std::make_unique<ClusterInstance>(options_, clock_, world_, cluster_, witness_, random_.next());
    callers_.use(*instance_);
    callers_.probe_keys();
    world_.add_actor(callers_);
    world_.add_actor(cluster_faults_);
    for (std::size_t i = 0; i < cluster_.size(); ++i) {
      faults_.push_back(std::make_unique<Faults>(world_, cluster_.host(i)));
      world_.add_actor(*faults_.back());
    }
    world_.on_sleep([this] { return instance_->may_sleep(); });
    world_.on_wake([this] { instance_->wake(); });
  }

  Outcome whole() {
    hurt();
    if (!journal_.violation()) heal();
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

 private:
  void hurt() {
    const TimePoint begin = clock_->now();
    callers_.begin(begin, begin + kClusterHurt, random_.time_between(3ms, 40ms));
    cluster_faults_.plan(begin, begin + kClusterHurt);
    // At most two hosts have troubles of their own.
    for (const auto& faults : faults_) faults->remember_health();
    for (int i = 0; i < 2; ++i) {
      if (random_.chance(50)) faults_[random_.below(faults_.size())]->plan(begin, begin + kClusterHurt);
    }
    run_until(begin + kClusterHurt);
  }

  void heal() {
    for (const auto& faults : faults_) faults->heal();
    cluster_faults_.heal();
    const TimePoint begin = clock_->now();
    callers_.probe(begin, begin + kHealed, 25ms);
    run_until(begin + kHealed);
    if (journal_.violation()) return;
    if (callers_.first_right() == TimePoint::max()) return journal_.violate("not back after the last fault");
    back_ = callers_.first_right() - begin;
    if (callers_.last_wrong() > begin + kWhole) journal_.violate("probes still fail long after the last fault");
  }

  void finish() {
    run_until(clock_->now() + 1100ms);
    if (journal_.violation()) return;
    if (world_.misleads()) journal_.violate("a link over which an unasked reply came is held for ever");
    instance_->close();
    callers_.expect_all_ended("at the end");
  }

  void run_until(TimePoint end) {
    while (clock_->now() < end && !journal_.violation()) {
      instance_->step(end);
      ++steps_;
      callers_.check_deadlines();
      steps_in_place_ = clock_->now() == last_step_ ? steps_in_place_ + 1 : 0;
      last_step_ = clock_->now();
      if (steps_in_place_ > Bounds::kStepsInPlace) journal_.violate("a busy loop");
    }
  }

  const std::shared_ptr<testing::ManualClock> clock_ = std::make_shared<testing::ManualClock>();
  Random random_;
  Journal journal_;
  redis::ClientOptions options_;
  World world_{*clock_, journal_, random_};
  Callers callers_{world_, the_script()};
  Cluster cluster_{world_, std::string(the_script().sha1()), [this](std::uint64_t id) { callers_.on_executed(id); }};
  ClusterFaults cluster_faults_{world_, cluster_};
  std::vector<std::unique_ptr<Faults>> faults_;
  const std::shared_ptr<Witness> witness_ = std::make_shared<Witness>(journal_);
  std::unique_ptr<ClusterInstance> instance_;
  std::size_t steps_ = 0;
  int steps_in_place_ = 0;
  TimePoint last_step_{};
  Nanos back_{0};
};

}  // namespace

Outcome run_cluster(std::uint64_t seed, bool with_trace) { return ClusterRun(seed, with_trace).whole(); }

}  // namespace envoyou::simulation
