// The switch between Redis and this process' stand-ins: one for all modules that share a Redis.
//
//            answered, stable for `stable_for`                all carried over
//   local ------------------------------------> recovering ------------------> redis
//     ^                                            |                             |
//     '------------- refused, condemned -----------+-------- refused, condemned -'
//
//   redis       modules ask Redis; the stand-ins hold only what they need to take over
//   local       modules answer in process at once, without touching the network
//   recovering  Redis answers again: modules still answer in process while what they did meanwhile is carried over
//
// Links decide, not callers' patience: the client reports a refused connection, a link condemned for silence, and a
// good answer of its background probe. A caller's own short deadline moves nothing.
//
// Thread-safe. `mode()` is one atomic load.
#pragma once

#include <envoyou/deadline.hpp>
#include <envoyou/result.hpp>
#include <envoyou/runtime.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace envoyou {

enum class Mode : std::uint8_t { kRedis, kLocal, kRecovering };

std::string_view to_string(Mode mode) noexcept;

// The breaker of one node, as seen from outside.
enum class BreakerState : std::uint8_t { kClosed, kOpen, kHalfOpen };

std::string_view to_string(BreakerState state) noexcept;

struct SwitchOptions {
  // How long a node that answers again must stay answering before it is believed; doubled for each time it failed again
  // within `flap_window`, up to `max_stable_for`, so that a flapping server does not flap every request.
  Milliseconds stable_for{50};
  Milliseconds max_stable_for{400};
  Milliseconds flap_window{10'000};
  // How long one pass of carrying over may take before it is begun again.
  Milliseconds carry_over_budget{2'000};
  // How often what a timed-out call left behind is carried over while Redis is in use.
  Milliseconds sweep_interval{200};
};

struct SwitchTransition {
  Mode from = Mode::kRedis;
  Mode to = Mode::kRedis;
  std::string reason;  // "connection refused", "link silent for 100 ms", ...
};

// What a module does when Redis is back. Called on the keeper's thread, never on a caller's.
class CarryOver {
 public:
  virtual ~CarryOver() = default;
  virtual std::string_view name() const noexcept = 0;
  // How many entries wait to be carried over. One atomic load.
  virtual std::size_t pending() const noexcept = 0;
  // Brings them to Redis until none is left or `deadline` passes. An error means: Redis is away again, or not yet able.
  virtual Result<void> carry_over(Deadline deadline) = 0;
};

class Switch {
 public:
  // `has_redis` false: no Redis is configured, the mode is kLocal for good.
  Switch(SwitchOptions options, Runtime runtime, bool has_redis);
  ~Switch();
  Switch(const Switch&) = delete;
  Switch& operator=(const Switch&) = delete;

  Mode mode() const noexcept;
  bool uses_redis() const noexcept { return mode() == Mode::kRedis; }
  bool has_redis() const noexcept;
  BreakerState breaker() const noexcept;
  // Why it is not kRedis: the last transition's reason, "not configured", or empty.
  std::string reason() const;
  std::uint64_t transitions() const noexcept;
  // Grows each time the mode leaves or reaches kRedis, before the new mode can be seen: what was done under an equal
  // era was done in the same outage, or in the same time of Redis.
  std::uint64_t era() const noexcept;

  // What the client tells of the node. Cheap; called on the I/O thread.
  void on_refused(std::string_view reason);    // could not connect, or the handshake was refused
  void on_condemned(std::string_view reason);  // a link was closed for silence or for a wrong answer
  void on_answered();                          // a handshake and a ping were answered in time

  // A module that wants to carry over. REQUIRES: `participant` outlives the switch or is removed first.
  void add(CarryOver* participant);
  // Blocks while `participant` is being called.
  void remove(CarryOver* participant);

  // The work of the background thread (the keeper): moves the machine on, carries over what is due. Returns when it
  // wants to be called again at the latest. Tests call it by hand. REQUIRES: one thread at a time.
  TimePoint run_due();
  // `wake` is called (on any thread, with no lock held) when run_due should be called sooner than it said.
  void set_waker(std::function<void()> wake);
  void observe(std::function<void(const SwitchTransition&)> observer);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace envoyou
