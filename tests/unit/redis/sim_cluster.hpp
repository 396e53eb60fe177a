// A cluster in memory: several scripted servers (sim.hpp) over one network, and the client's fleet and router on the
// other side, all stepped on one thread over a ManualClock.
//
//   Each server knows the truth (`owner`) and answers MOVED for what is not its own; what it *says* of the map is
//   `told`, which a test may let lag behind.
//
// Confined to one thread.
#pragma once

#include "base/random.hpp"
#include "redis/reactor.hpp"
#include "redis/topology/cluster_discovery.hpp"
#include "redis/topology/fleet.hpp"
#include "redis/topology/router.hpp"
#include "redis/topology/slots.hpp"
#include "support/sim/sim.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace envoyou::redis {

using SlotOwners = std::array<std::uint16_t, kSlots>;  // ports; 0: nobody

class SimCluster final : public SimNetwork {
 public:
  // Servers at ports 1 to `size`, which share the slots evenly.
  SimCluster(testing::ManualClock& clock, std::uint16_t size) : clock_(clock) {
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      owner[slot] = static_cast<std::uint16_t>(1 + slot * size / kSlots);
    }
    told = owner;
    for (std::uint16_t port = 1; port <= size; ++port) server(port);
  }

  SimServer& server(std::uint16_t port) {
    auto& host = hosts_[port];
    if (host == nullptr) {
      host = std::make_unique<Host>(*this, clock_, port);
      host->server.link_handler = [this, port](SimLink&, const Argv& argv) { return answer(port, argv); };
    }
    return host->server;
  }
  SimPeer& peer(std::uint16_t port) {
    server(port);
    return *hosts_[port];
  }

  bool pump() override {
    bool moved = false;
    for (auto& [port, host] : hosts_) moved = host->server.pump() || moved;
    return moved;
  }
  TimePoint next_due() override {
    TimePoint due = TimePoint::max();
    for (auto& [port, host] : hosts_) due = std::min(due, host->server.next_due());
    return due;
  }
  std::vector<std::shared_ptr<SimLink>>& links() override { return links_; }

  void give(Slot slot, std::uint16_t to) { owner[slot] = told[slot] = to; }

  SlotOwners owner{};
  SlotOwners told{};
  std::uint64_t epoch = 1;
  std::map<std::uint16_t, SlotOwners> confused;  // who says something else
  std::map<std::uint16_t, std::uint64_t> epochs;
  std::function<std::optional<std::string>(std::uint16_t port, const Argv&)> handler;  // asked first
  int maps_asked = 0;

 private:
  struct Host final : SimPeer {
    Host(SimCluster& of, testing::ManualClock& clock, std::uint16_t p) : cluster(of), server(clock), port(p) {}
    std::shared_ptr<SimLink> accept(std::uint16_t) override {
      auto link = server.accept(port);
      if (link == nullptr) return link;
      link->descriptor = cluster.next_descriptor_++;
      cluster.links_.push_back(link);
      return link;
    }
    SimCluster& cluster;
    SimServer server;
    const std::uint16_t port;
  };

  std::optional<std::string> answer(std::uint16_t port, const Argv& argv) {
    if (handler) {
      if (auto bytes = handler(port, argv)) return bytes;
    }
    if (argv[0] == "CLUSTER")
      return argv[1] == "INFO" ? info(port) : map(confused.contains(port) ? confused[port] : told);
    if (argv[0] != "GET" && argv[0] != "SET" && argv[0] != "INCR") return std::nullopt;
    const Slot slot = slot_of(argv[1]);
    if (owner[slot] == port) return std::nullopt;
    return "-MOVED " + std::to_string(slot) + " 10.0.0.1:" + std::to_string(owner[slot]) + "\r\n";
  }

  std::string info(std::uint16_t port) {
    const std::uint64_t known = epochs.contains(port) ? epochs[port] : epoch;
    return bulk("cluster_state:ok\r\ncluster_current_epoch:" + std::to_string(known) + "\r\n");
  }

  std::string map(const SlotOwners& owners) {
    ++maps_asked;
    std::map<std::uint16_t, std::vector<std::pair<std::size_t, std::size_t>>> ranges;
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (owners[slot] == 0) continue;
      auto& of = ranges[owners[slot]];
      if (!of.empty() && of.back().second + 1 == slot) {
        of.back().second = slot;
      } else {
        of.emplace_back(slot, slot);
      }
    }
    std::string bytes = "*" + std::to_string(ranges.size()) + "\r\n";
    for (const auto& [port, of] : ranges) {
      bytes += "%2\r\n" + bulk("slots") + "*" + std::to_string(2 * of.size()) + "\r\n";
      for (const auto& [first, last] : of) {
        bytes += ":" + std::to_string(first) + "\r\n:" + std::to_string(last) + "\r\n";
      }
      bytes += bulk("nodes") + "*1\r\n%5\r\n" + bulk("ip") + bulk("10.0.0.1") + bulk("port") + ":" +
               std::to_string(port) + "\r\n" + bulk("tls-port") + ":" + std::to_string(port) + "\r\n" + bulk("role") +
               bulk("master") + bulk("health") + bulk("online");
    }
    return bytes;
  }

  testing::ManualClock& clock_;
  std::map<std::uint16_t, std::unique_ptr<Host>> hosts_;
  std::vector<std::shared_ptr<SimLink>> links_;
  int next_descriptor_ = 100;
};

// The client's side.
class SimFleet {
 public:
  // `seeds`: ports.
  explicit SimFleet(std::uint16_t servers = 3, std::vector<std::uint16_t> seeds = {1}) : cluster(*clock, servers) {
    options.topology = Topology::kCluster;
    options.seeds.clear();
    for (const std::uint16_t port : seeds) options.seeds.push_back({"10.0.0.1", port});
    router = std::make_shared<Router>(options, runtime, [this] { loop.wake(); });
    const MakeNode make = [this](const ClientOptions& one, NodeListener* listener, std::shared_ptr<PushSink> pushes,
                                 RedirectSink* redirects) -> Result<std::shared_ptr<Node>> {
      made.push_back(one);
      if (unreachable.contains(one.port)) return Error(Errc::kTls, "no certificate for it");
      EngineParts parts{.loop = loop,
                        .dialer = std::make_unique<SimDialer>(cluster.peer(one.port), one.port),
                        .seed = 7,
                        .id = next_id++,
                        .sink = std::move(pushes),
                        .redirects = redirects};
      return std::make_shared<Node>(one, runtime, listener, std::move(parts));
    };
    auto owned = std::make_unique<Fleet>(options, runtime, recorder.get(), reactor, make, router);
    fleet = owned.get();
    fleet->use(std::make_unique<ClusterDiscovery>(*fleet, 7));
    reactor.appoint(std::move(owned));
  }
  ~SimFleet() {
    reactor.close();
    reactor.drop_everything(Error(Errc::kClosed));
  }

  void run_for(std::chrono::nanoseconds time) {
    const TimePoint end = clock->now() + time;
    for (int quiet = 0; quiet < 4;) {
      reactor.step(end);
      const bool moved = cluster.pump();
      quiet = clock->now() >= end && !moved ? quiet + 1 : 0;
    }
  }
  void settle() { run_for(std::chrono::nanoseconds(0)); }

  template <class R>
  std::shared_ptr<std::optional<Result<R>>> submit(Command<R> command, Milliseconds timeout = Milliseconds(100)) {
    auto answer = std::make_shared<std::optional<Result<R>>>();
    router->submit(
        to_submission(std::move(command), [answer](Result<R> result) { answer->emplace(std::move(result)); }),
        clock->now() + timeout, false, {});
    return answer;
  }
  std::set<std::uint16_t> ports() const {
    std::set<std::uint16_t> all;
    for (const NodeInfo& node : router->nodes()) all.insert(node.endpoint.port);
    return all;
  }

  std::shared_ptr<testing::ManualClock> clock = std::make_shared<testing::ManualClock>();
  std::shared_ptr<Recorder> recorder = std::make_shared<Recorder>();
  Runtime runtime{clock, Logger(recorder, LogLevel::kDebug), std::make_shared<MetricsRegistry>()};
  ClientOptions options;
  SimCluster cluster;
  SimLoop loop{*clock, cluster};
  Reactor reactor{loop, clock};
  std::shared_ptr<Router> router;
  Fleet* fleet = nullptr;
  std::vector<ClientOptions> made;  // what each node was made with
  std::set<std::uint16_t> unreachable;
  std::uint32_t next_id = 1;
};

}  // namespace envoyou::redis
