// The fixed window and the sliding window counter.
//
// Time is cut into windows that all servers agree on, since they are aligned to the epoch. The *fixed window* counts
// what was admitted in the present one. It needs one number; and around a boundary twice the limit may pass, all of it
// just before and all of it just after.
//
// The *sliding window counter* also keeps the count of the window before, and lets it fade out linearly: as if its
// admissions had been spread evenly.
//
//      window before            present window
//   |------ previous -----|------ current --------|
//                         |<-- elapsed -->|
//                                        now
//   counted:  previous x (w - elapsed) / w  +  current
//
// A request is admitted iff that and its cost are at most the limit, compared without rounding:
// previous x (w - elapsed) + (current + cost) x w <= limit x w. It can be wrong when admissions were not spread evenly,
// by less than the limit: 2L - 1 in the worst window.
//
// Both answer exactly when the same cost would be admitted: fading is linear, so the wait is one division, in this
// window if it is enough that `previous` fades, else in the next one, in which `current` does.
//
// Time goes forward: a clock that steps back is taken to stand at the newest admission (`at`), and one that steps back
// by more than a window and a second has been wrong, and the counts start from nothing.
#include "limiter/algorithms/buckets.hpp"

#include <algorithm>

namespace envoyou::limiter {

Buckets::Counts Buckets::moved_to(Counts counts, std::int64_t bucket) const noexcept {
  if (bucket <= bucket_) return counts;
  if (bucket == bucket_ + 1) return {0, counts.current};
  return {};
}

std::int64_t Buckets::faded(std::int64_t previous, Ms elapsed) const noexcept {
  return fading_ == Fading::kLinear ? divide_up(Wide{previous} * (window_ - elapsed), window_) : 0;
}

Ms Buckets::until_reset(const Counts& counts, Ms elapsed) const noexcept {
  const Ms until_next = window_ - elapsed;
  if (fading_ == Fading::kNone) return counts.current > 0 ? until_next : 0;
  if (counts.current > 0) return until_next + window_;
  return counts.previous > 0 ? until_next : 0;
}

Look Buckets::look(Moment moment) const noexcept {
  Look seen;
  seen.now = moment.now;
  seen.afresh = newest_ > moment.now + window_ + kClockTolerance;
  seen.at = seen.afresh ? moment.now : std::max(moment.now, newest_);
  seen.heard = 0;
  const Ms aligned = seen.at + moment.phase;
  seen.bucket = divide_down(aligned, window_);
  // What is known of the other servers' clocks may have changed by a little: a window that has begun does not end
  // before its time.
  if (!seen.afresh && bucket_ == seen.bucket + 1) seen.bucket = bucket_;
  seen.elapsed = std::max<Ms>(0, aligned - seen.bucket * window_);
  const Counts counts = seen.afresh ? Counts{} : moved_to(all_, seen.bucket);
  seen.current = counts.current;
  seen.previous = fading_ == Fading::kLinear ? counts.previous : 0;
  seen.used = seen.current + faded(seen.previous, seen.elapsed);
  const Ms reset = until_reset({seen.current, seen.previous}, seen.elapsed);
  seen.reset_after = reset > 0 ? reset + seen.at - seen.now : 0;
  return seen;
}

// How long until `previous`, and then `current`, have faded so far that `cost` fits. REQUIRES: cost <= limit, and that
// it does not fit now.
Ms Buckets::wait_for_fading(const Look& look, std::int64_t limit, std::int64_t cost) const noexcept {
  const auto elapsed_when = [this](std::int64_t room, std::int64_t count) {
    return window_ - std::min(window_, divide_down(Wide{room} * window_, count));
  };
  const std::int64_t room = limit - cost - look.current;
  if (room >= 0) return elapsed_when(room, look.previous) - look.elapsed;
  return window_ - look.elapsed + elapsed_when(limit - cost, look.current);
}

Ms Buckets::retry_after(const Look& look, const RateRule& rule, std::int64_t cost) const noexcept {
  if (cost > rule.limit) return kNever;
  if (cost == 0 || look.used + cost <= rule.limit) return 0;
  const Ms wait = fading_ == Fading::kNone ? window_ - look.elapsed : wait_for_fading(look, rule.limit, cost);
  return wait + look.at - look.now;
}

void Buckets::become(const Look& look, Counts all, Counts own) noexcept {
  all_ = all;
  own_ = own;
  bucket_ = look.bucket;
  forget_at_ = look.at + until_reset(all, look.elapsed);
}

void Buckets::force(const Look& look, std::int64_t cost) noexcept {
  const Counts own = look.afresh ? Counts{} : moved_to(own_, look.bucket);
  become(look, {look.current + cost, look.previous}, {own.current + cost, own.previous});
  newest_ = look.at;
}

void Buckets::refund(const Look& look, std::int64_t units) noexcept {
  if (look.afresh) return;
  const auto less = [units](Counts counts) {
    const std::int64_t now = std::min(units, counts.current);
    return Counts{counts.current - now, std::max<std::int64_t>(0, counts.previous - (units - now))};
  };
  become(look, less({look.current, look.previous}), less(moved_to(own_, look.bucket)));
}

void Buckets::hear(Moment moment, const MeterAnswer& answer, std::int64_t unknown_to_redis) noexcept {
  const Look seen = look(moment);
  Counts all{0, answer.previous};
  all.current = std::max<std::int64_t>(0, answer.used - faded(answer.previous, seen.elapsed)) + unknown_to_redis;
  become(seen, all, seen.afresh ? Counts{} : moved_to(own_, seen.bucket));
  forget_at_ = std::max(forget_at_, moment.now + answer.reset_after);
}

}  // namespace envoyou::limiter
