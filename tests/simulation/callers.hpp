// The callers of the client, and the judge of what they are told.
//
// Each command has a number, which it carries to the server and which the answer restates, so that both sides can be
// compared. What is checked, and where:
//
//   answers    the right one to the right caller. A script restates its number, and a tagged GET its key: always.
//              For the rest: unless a reply that nobody asked for came down a link that is still held
//   once       each command is ended exactly once, and its reader let go of exactly once after it
//   deadline   ended no later than its deadline (a host that was held up: in the first step after), and no earlier with
//              kTimeout and kNotSent
//   executed   never twice, unless it says that it is safe; then once more at most. Never at all, before or after, if
//              the caller was told so (kNotSent, kUnavailable, kQueueFull)
//   answered   only what was executed
//
// Confined to one thread.
#pragma once

#include "instance.hpp"
#include "world.hpp"

#include <envoyou/redis/completion.hpp>
#include <envoyou/redis/script.hpp>

#include <cstdint>
#include <map>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::simulation {

class Callers final : public Actor {
 public:
  Callers(World& world, const redis::Script& script) : world_(world), script_(script) {}

  void use(ClientInWorld& client) { client_ = &client; }
  // What probes say: nothing in particular, or (in a cluster) something about one of the keys.
  void probe_keys() { probes_read_ = true; }

  // Begins to submit, on the average once in `pause`; stops at `end`.
  void begin(TimePoint at, TimePoint end, Nanos pause);
  // One harmless command every `pause` from now on.
  void probe(TimePoint at, TimePoint end, Nanos pause);

  TimePoint next() const override { return next_; }
  void act() override;

  // The server executes a command.
  void on_executed(std::uint64_t id);
  // After each step of the client. `held_up`: the host slept before this step.
  void check_deadlines();
  void expect_all_ended(std::string_view when);
  void set_held_up(bool held_up) noexcept { held_up_ = held_up; }

  std::size_t submitted() const noexcept { return calls_.size() - 1; }
  // Adds to both.
  void count_ends(std::map<std::string_view, std::uint64_t>& ends, std::uint64_t& executed_twice) const;
  TimePoint first_right() const noexcept { return first_right_; }
  TimePoint last_wrong() const noexcept { return last_wrong_; }

 private:
  enum class Kind : std::uint8_t { kEcho, kGet, kTaggedGet, kSet, kAdd, kScript };
  struct Call {
    Kind kind;
    bool is_safe;
    bool is_probe;
    std::uint8_t ended = 0;
    std::uint8_t released = 0;
    std::uint8_t executed = 0;
    std::uint8_t key;
    Errc code = Errc::kOk;
    TimePoint deadline;
  };
  class Reader;
  enum class Match : std::uint8_t { kRight, kWrong, kForeign };

  void submit_some();
  std::uint64_t add_call(Kind kind, bool is_safe, bool is_probe, TimePoint deadline);
  redis::Submission submission(std::uint64_t id);
  redis::Words words(std::uint64_t id) const;
  void submit(std::size_t count, bool is_probe, TimePoint deadline);
  Match match(std::uint64_t id, const redis::ReplyView& reply) const;
  Match match_value(const Call& call, std::string_view value) const;
  redis::Verdict on_reply(std::uint64_t id, const redis::ReplyView& reply);
  void end(std::uint64_t id, Errc code);
  void judge_time(std::uint64_t id, Errc code);
  void released(std::uint64_t id);
  std::string name(std::uint64_t id) const;

  World& world_;
  const redis::Script& script_;
  ClientInWorld* client_ = nullptr;
  bool probes_read_ = false;
  std::vector<Call> calls_{1};  // by number; there is no command 0
  using Due = std::pair<TimePoint, std::uint64_t>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  TimePoint next_ = TimePoint::max();
  TimePoint end_ = TimePoint::max();
  Nanos pause_{};
  bool probing_ = false;
  bool held_up_ = false;
  TimePoint first_right_ = TimePoint::max();
  TimePoint last_wrong_ = TimePoint::min();
};

}  // namespace envoyou::simulation
