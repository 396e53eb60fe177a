// The network between one client and its servers, and all who act in it as time passes.
//
//   client's end (SimLink)      Wire                          Host
//   to_server  ──── arriving ───────────► input ── whole commands ──► ModelRedis
//   to_client  ◄─── leaving, in time ◄──────────── replies ──────────────'
//
// Bytes keep their order and each direction has its own delay. A wire outlives the client's interest in it: what was
// written before a close still arrives and is executed, as over TCP.
//
// Faults are states of a host (what becomes of connects, of all its wires, of its replies) and of single wires. All
// that happens, happens in `pump`, which the loop calls when it begins to wait and whenever time has passed: so callers
// and faults come between any two steps of the client, also between its last look and its sleep.
//
// Confined to one thread.
#pragma once

#include "journal.hpp"
#include "model_redis.hpp"
#include "random.hpp"

#include "sim.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::simulation {

enum class Ending : std::uint8_t { kFin, kReset };

// One connection as the network and the server see it.
struct Wire {
  struct Moving {
    TimePoint at;
    std::size_t bytes;
  };
  struct Leaving {
    TimePoint at;
    std::string bytes;
  };
  std::shared_ptr<redis::SimLink> end;
  ModelPeer peer;
  TimePoint connects_at{};
  TimePoint resolves_at{};
  std::deque<Moving> arriving;  // parts of end->to_server
  std::size_t marked = 0;       // bytes of end->to_server that are in `arriving`
  std::string input;            // read and not yet executed
  std::deque<Leaving> leaving;
  std::optional<std::size_t> cut_after;    // so many bytes still reach the client
  std::optional<std::size_t> cut_request;  // so many bytes still reach the server
  Ending ending = Ending::kReset;
  bool dead = false;       // nothing passes any more, and nobody says so
  bool finishing = false;  // closed by the server once all has left
  bool serves = true;      // else its commands are not executed (max clients)
  TimePoint held_until{};  // nothing passes until then
  bool is_misled = false;  // it carried a reply that nobody asked for
  std::string last_reply;  // for repeating it
};

// What becomes of connects, commands and replies.
struct Conditions {
  Nanos delay_least{20'000};
  Nanos delay_most{200'000};
  Nanos lookup{0};        // of the name, before the connect
  bool refuses = false;   // connects
  bool silent = false;    // connects stay unanswered
  bool frozen = false;    // bytes come, nothing is read
  bool too_many = false;  // max clients: an error, then the end
  std::size_t room = SIZE_MAX;
  std::size_t most = SIZE_MAX;  // bytes a read or a write of the client moves
  std::size_t drip = 0;         // bytes of a reply at a time; 0: whole
  Nanos drip_gap{0};
};

class World;

// One server process and its machine.
class Host final : public redis::SimPeer {
 public:
  Host(World& world, ModelRedis redis) : world_(world), redis_(std::move(redis)) {}

  std::shared_ptr<redis::SimLink> accept(std::uint16_t port) override;
  bool pump();
  TimePoint next_due() const;

  ModelRedis& redis() noexcept { return redis_; }
  std::vector<std::unique_ptr<Wire>>& wires() noexcept { return wires_; }
  // Those that the client still holds and that are not at their end.
  std::vector<Wire*> live_wires();
  // Ends all wires, as when the process dies: what it had not executed is never executed.
  void end_all(Ending how);
  void end(Wire& wire, Ending how);
  // Puts `bytes` on the way to the client, behind what is on it.
  void send(Wire& wire, std::string bytes);
  // The same for what nobody asked for.
  void mislead(Wire& wire, std::string bytes);
  // A client holds a wire that was misled.
  bool misleads() const;

  Conditions conditions;

 private:
  bool pump(Wire& wire);
  bool connect(Wire& wire);
  bool receive(Wire& wire);
  bool execute(Wire& wire);
  bool deliver(Wire& wire);
  TimePoint next_due(const Wire& wire) const;
  void bury();

  World& world_;
  ModelRedis redis_;
  std::vector<std::unique_ptr<Wire>> wires_;
};

// Someone who does something at times of his own: callers, faults.
class Actor {
 public:
  virtual ~Actor() = default;
  virtual TimePoint next() const = 0;
  // REQUIRES: now >= next(). Moves next() on.
  virtual void act() = 0;
};

class World final : public redis::SimNetwork {
 public:
  World(testing::ManualClock& clock, Journal& journal, Random& random)
      : clock_(clock), journal_(journal), random_(random) {}

  bool pump() override;
  TimePoint next_due() override;
  std::vector<std::shared_ptr<redis::SimLink>>& links() override { return links_; }

  Host& add_host(ModelRedis redis);
  const std::vector<std::unique_ptr<Host>>& hosts() const noexcept { return hosts_; }
  // A client holds a wire that was misled, of any host.
  bool misleads() const;
  void add_actor(Actor& actor) { actors_.push_back(&actor); }
  // Asked whenever the loop is about to let time pass: true if the client has left nothing undone.
  void on_sleep(std::function<bool()> may_sleep) { may_sleep_ = std::move(may_sleep); }
  // Wakes the client's loop, as the thread that looks up names does.
  void on_wake(std::function<void()> wake) { wake_ = std::move(wake); }

  std::shared_ptr<redis::SimLink> new_link();
  void forget_link(const std::shared_ptr<redis::SimLink>& link);
  void wake() const {
    if (wake_) wake_();
  }
  TimePoint now() const { return clock_.now(); }
  Journal& journal() noexcept { return journal_; }
  Random& random() noexcept { return random_; }
  void count_dial() { dial_times.push_back(now()); }
  std::vector<TimePoint> dial_times;

 private:
  testing::ManualClock& clock_;
  Journal& journal_;
  Random& random_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<Actor*> actors_;
  std::vector<std::shared_ptr<redis::SimLink>> links_;
  std::function<bool()> may_sleep_;
  std::function<void()> wake_;
  int next_descriptor_ = 100;
};

}  // namespace envoyou::simulation
