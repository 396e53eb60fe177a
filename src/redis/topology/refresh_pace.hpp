// When the topology is asked for again: at once on a hint, but not more often than kLeastBetween; every kWhileUnwell as
// long as something is amiss (a primary is away, a slot has no owner, nobody answered); every kAnyway otherwise, less
// up to a fifth, so that clients of one cluster part. One question at a time.
//
// Pure; confined to the I/O role.
#pragma once

#include "base/random.hpp"

#include <envoyou/clock.hpp>

#include <algorithm>

namespace envoyou::redis {

class RefreshPace {
 public:
  static constexpr Milliseconds kLeastBetween{100};
  static constexpr Milliseconds kWhileUnwell{250};
  static constexpr Milliseconds kAnyway{10'000};

  explicit RefreshPace(base::Jitter& jitter, Milliseconds anyway = kAnyway) : jitter_(jitter), anyway_(anyway) {}

  // max(): not before the one under way has ended.
  TimePoint due() const noexcept { return asking_ ? TimePoint::max() : due_; }
  void want(TimePoint now) noexcept {
    wanted_ = true;
    due_ = std::min(due_, std::max(now, earliest_));
  }
  // Nobody is there to be asked.
  void put_off(TimePoint now) noexcept { due_ = now + kWhileUnwell; }
  void on_asked(TimePoint now) noexcept {
    asking_ = true;
    wanted_ = false;
    earliest_ = now + kLeastBetween;
  }
  void on_ended(TimePoint now, bool all_is_well) {
    asking_ = false;
    const double less = static_cast<double>(anyway_.count()) * 0.2 * jitter_.unit();
    due_ = now + (all_is_well ? anyway_ - Milliseconds(static_cast<std::int64_t>(less)) : kWhileUnwell);
    // A hint that came while it was asked is newer than the answer.
    if (wanted_) want(now);
  }

 private:
  base::Jitter& jitter_;
  const Milliseconds anyway_;
  TimePoint due_ = TimePoint::min();
  TimePoint earliest_ = TimePoint::min();
  bool asking_ = false;
  bool wanted_ = false;
};

}  // namespace envoyou::redis
