// Is the node there? Decides who may dial it, and what becomes of commands that find no link.
//
//            a link is ready                     the last link is gone
//   trying ------------------> up <-----.   up ------------------------> trying
//     |  ^                              |                                (dialled at once)
//     |  '- (the start)     a link is   |
//     | the attempt failed       ready  |
//     '------------------> away --------'
//                          '- attempts go on, ReconnectPolicy says when
//
//   trying  the first attempt, or the first after a loss, is under way or about to begin: commands wait for it
//   up      at least one link is ready: commands go there; links that are missing are dialled
//   away    the last attempt failed: commands are refused at once with kUnavailable
//
// While no link is up one attempt at a time is made, however many links are configured: a node that is away is
// knocked at once. A link that is lost while no attempt may begin yet (the bucket of ReconnectPolicy is empty: a
// flapping node) leads to `away`.
//
// Pure; confined to the I/O role.
#pragma once

#include "redis/reconnect_policy.hpp"

#include <envoyou/clock.hpp>

#include <cstddef>
#include <cstdint>

namespace envoyou::redis {

enum class Reach : std::uint8_t { kTrying, kUp, kAway };

class NodeFsm {
 public:
  NodeFsm(ReconnectPolicy policy, std::size_t links) : policy_(policy), down_(links) {}

  Reach reach() const noexcept { return reach_; }
  std::size_t ready() const noexcept { return ready_; }

  // When a link that is down may be dialled; TimePoint::max(): not before something else happens.
  TimePoint next_dial() const noexcept;
  // REQUIRES: now >= next_dial().
  void on_dial(TimePoint now);
  void on_ready();
  // An attempt came to nothing.
  void on_failed();
  // So many commands.
  void on_answered(std::int64_t answers) noexcept { policy_.on_answered(answers); }
  void hold_until(TimePoint time) noexcept { policy_.hold_until(time); }
  // A link that was ready is gone.
  void on_lost(TimePoint now);

 private:
  ReconnectPolicy policy_;
  std::size_t down_;
  std::size_t dialling_ = 0;
  std::size_t ready_ = 0;
  Reach reach_ = Reach::kTrying;
};

}  // namespace envoyou::redis
