// Commands that wait to be encoded, in order.
//
// Deadlines: instead of a heap, which each command would pay for, the queue keeps a time before which nothing in it
// expires, and looks through all of it when that time has come; the look finds the next such time. With the usual
// deadlines (100 ms from submit) this is a few looks a second. At worst (full, all deadlines different) a look of
// 65,536 entries takes about 0.3 ms.
//
// Confined to the I/O role.
#pragma once

#include "redis/pending.hpp"
#include "redis/ring.hpp"
#include "redis/tally.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/result.hpp>

#include <cstddef>

namespace envoyou::redis {

class UnsentQueue {
 public:
  bool empty() const noexcept { return ring_.empty(); }
  std::size_t size() const noexcept { return ring_.size(); }
  void push_back(Pending&& pending);
  void push_front(Pending&& pending);
  // REQUIRES: !empty().
  Pending pop_front() { return ring_.pop_front(); }

  // Ends what has expired with kNotSent (kTimeout for what was sent before on another link).
  void expire(TimePoint now, Tally& tally);
  // Nothing expires before this.
  TimePoint earliest() const noexcept { return ring_.empty() ? TimePoint::max() : earliest_; }

  // Ends all: what was never sent with `unsent`, what may have been executed with `sent`.
  void fail_all(const Error& unsent, const Error& sent);

 private:
  Ring<Pending> ring_;
  TimePoint earliest_ = TimePoint::max();
};

// Ends `pending`, whose deadline has passed before it was encoded.
void expire_unsent(Pending& pending, Tally& tally);

}  // namespace envoyou::redis
