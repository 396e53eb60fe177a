// Commands that were encoded and not yet answered, in the order of their bytes: RESP answers in that order and says
// nothing else of which question a reply belongs to.
//
// A command whose deadline passes is ended and its place kept ("abandoned"): the late reply takes the place and goes
// to nobody. Deadlines as in unsent_queue.hpp: a look through all when the earliest has come.
//
// Confined to the I/O role.
#pragma once

#include "redis/pending.hpp"
#include "redis/ring.hpp"
#include "redis/tally.hpp"

#include <envoyou/clock.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace envoyou::redis {

class InFlight {
 public:
  bool empty() const noexcept { return ring_.empty(); }
  std::size_t size() const noexcept { return ring_.size(); }
  // REQUIRES: `pending.end` is above that of all before it.
  void push(Pending&& pending) {
    earliest_ = ring_.empty() ? pending.deadline : std::min(earliest_, pending.deadline);
    ring_.push_back(std::move(pending));
  }
  // REQUIRES: !empty().
  void drop_front() noexcept {
    if (written_ > 0) --written_;
    ring_.drop_front();
  }
  // REQUIRES: !empty().
  Pending pop() {
    Pending pending = std::move(front());
    drop_front();
    return pending;
  }

  // All bytes of the stream before `written` have been given to the system: words that will not be sent again go.
  void on_written(std::uint64_t written);
  // REQUIRES: !empty().
  Pending& front() noexcept { return ring_[0]; }
  const Pending& front() const noexcept { return ring_[0]; }
  // REQUIRES: !empty(). What was not written yet has no answer; of several commands that go as one, the first are
  // answered before the last is written.
  bool front_may_be_answered() const noexcept { return written_ > 0 || ring_[0].parts > 0; }
  // Whether the front waits for this push. REQUIRES: !empty().
  bool front_is_answered_by(const ReplyView& push) const noexcept {
    return written_ > 0 && ring_[0].reader && ring_[0].reader->is_answered_by(push);
  }
  // Ends what has expired with kTimeout.
  void expire(TimePoint now, Tally& tally);
  TimePoint earliest() const noexcept { return ring_.empty() ? TimePoint::max() : earliest_; }

 private:
  Ring<Pending> ring_;
  std::size_t written_ = 0;  // so many at the front are written
  TimePoint earliest_ = TimePoint::max();
};

}  // namespace envoyou::redis
