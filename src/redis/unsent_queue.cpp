#include "redis/unsent_queue.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::redis {

void expire_unsent(Pending& pending, Tally& tally) {
  if (pending.may_have_run) {
    ++tally.timed_out;
    pending.fail(Error(Errc::kTimeout, "no answer within the deadline"));
  } else {
    ++tally.expired_unsent;
    pending.fail(Error(Errc::kNotSent, "the deadline passed before the command was sent"));
  }
}

void UnsentQueue::push_back(Pending&& pending) {
  earliest_ = ring_.empty() ? pending.deadline : std::min(earliest_, pending.deadline);
  ring_.push_back(std::move(pending));
}

void UnsentQueue::push_front(Pending&& pending) {
  earliest_ = ring_.empty() ? pending.deadline : std::min(earliest_, pending.deadline);
  ring_.push_front(std::move(pending));
}

void UnsentQueue::expire(TimePoint now, Tally& tally) {
  if (now < earliest()) return;
  TimePoint next = TimePoint::max();
  // Once around: what stays goes to the back, so the order is what it was.
  for (std::size_t left = ring_.size(); left > 0; --left) {
    Pending pending = ring_.pop_front();
    if (now >= pending.deadline) {
      expire_unsent(pending, tally);
    } else {
      next = std::min(next, pending.deadline);
      ring_.push_back(std::move(pending));
    }
  }
  earliest_ = next;
}

void UnsentQueue::fail_all(const Error& unsent, const Error& sent) {
  while (!ring_.empty()) {
    Pending pending = ring_.pop_front();
    pending.fail(pending.may_have_run ? sent : unsent);
  }
}

}  // namespace envoyou::redis
