#include "redis/in_flight.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::redis {

namespace {

// A safe one may be sent once more on another link, a script once more with its text, a routed one to another server.
bool may_be_sent_again(const Pending& pending) noexcept {
  return pending.repeat == Repeat::kIsSafe || pending.script != nullptr || pending.route.is_set;
}

}  // namespace

void InFlight::on_written(std::uint64_t written) {
  while (written_ < ring_.size() && ring_[written_].end <= written) {
    Pending& pending = ring_[written_++];
    if (!may_be_sent_again(pending)) pending.forget_words();
  }
}

void InFlight::expire(TimePoint now, Tally& tally) {
  if (now < earliest()) return;
  TimePoint next = TimePoint::max();
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    Pending& pending = ring_[i];
    if (!pending.reader) continue;
    if (now < pending.deadline) {
      next = std::min(next, pending.deadline);
      continue;
    }
    ++tally.timed_out;
    pending.fail(Error(Errc::kTimeout, "no answer within the deadline"));
  }
  earliest_ = next;
}

}  // namespace envoyou::redis
