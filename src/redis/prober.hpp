// When a server is asked what it can (capability_probe.hpp), and what has been learnt of it so far.
//
// Asked over the first link of a node, behind its handshake and ahead of callers' commands, in one batch: no link waits
// for the answers. Asked again when another server greets, or when a link is the first again kAgain later: users and
// servers change. A server or proxy that hangs up on a question is not asked a third time.
//
// Confined to the I/O role. REQUIRES: outlives the readers that it hands out.
#pragma once

#include "redis/handshake_fsm.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/redis/capabilities.hpp>
#include <envoyou/redis/completion.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace envoyou::redis {

class Prober {
 public:
  static constexpr Milliseconds kAgain{60'000};
  static constexpr int kMaxLost = 2;

  // `done` is called when all answers have come.
  explicit Prober(std::function<void()> done) : done_(std::move(done)) {}

  void enable() noexcept { enabled_ = true; }
  const Capabilities& found() const noexcept { return found_; }

  // A link was greeted: its handshake tells a part of it.
  void on_greeting(const HandshakeFsm& handshake);

  struct Question {
    Words words;
    ReaderHandle reader;
  };
  // What to ask over the link that has just become the first; empty: nothing.
  std::vector<Question> questions(const HandshakeFsm& handshake, TimePoint now);

 private:
  class Reader;
  void take(std::size_t index, const ReplyView& answer);
  void lose(std::uint64_t round);

  const std::function<void()> done_;
  Capabilities found_;
  std::string greeted_by_;  // what the last greeting called the server
  bool enabled_ = false;
  std::uint64_t round_ = 0;
  std::size_t waits_for_ = 0;  // answers
  int lost_ = 0;
  TimePoint again_at_ = TimePoint::min();
};

}  // namespace envoyou::redis
