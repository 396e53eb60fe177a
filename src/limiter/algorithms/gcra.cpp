// GCRA, the generic cell rate algorithm (ITU-T I.371): a token bucket that keeps one number.
//
// A bucket holds `burst` tokens and gains one every T = window / limit. Instead of counting tokens it is enough to keep
// the time at which the bucket will be full again, the theoretical arrival time (TAT): it lies T ahead for each token
// that is missing.
//
//        now                TAT          now + burst x T
//   ------|==================|-----------------|------> time
//          T x missing tokens   T x tokens left
//
// A request of cost c moves the TAT by c x T, starting from now if it lies in the past, and is admitted iff it is then
// no further ahead than burst x T. What it admits in any window is at most burst + limit: a full bucket, and what flows
// in meanwhile.
//
// T is hardly ever a whole number of milliseconds, and rounding it gives away, or takes, a token at the edge every so
// often. So the TAT is kept as a whole number of milliseconds and a numerator over the limit, and products are computed
// in 128 bits: the same as the token bucket in rationals.
//
// A policy may change its limit while the state lives. The time that the TAT is ahead then stays what it was, its
// fraction is taken over rounded up.
//
// Time goes forward: a clock that steps back is taken to stand at the newest admission (`at`), and one that steps back
// by more than a window and a second has been wrong, and the bucket starts full.
#include "limiter/algorithms/gcra.hpp"

#include <algorithm>

namespace envoyou::limiter {

namespace {

// How far ahead penalties may push the TAT: as long as the longest window.
constexpr Ms kFurthest = kMaxRateWindow.count();

}  // namespace

Gcra::Time Gcra::rescaled(Time time, std::int64_t from, std::int64_t to) noexcept {
  if (from == to || from == 0) return time;
  const std::int64_t fraction = divide_up(Wide{time.fraction} * to, from);
  return fraction == to ? Time{time.ms + 1, 0} : Time{time.ms, fraction};
}

Gcra::Time Gcra::later(Time time, std::int64_t units, std::int64_t rate) const noexcept {
  const Wide ahead = Wide{units} * window_ + time.fraction;
  const std::int64_t whole = divide_down(ahead, rate);
  return {time.ms + whole, static_cast<std::int64_t>(ahead - Wide{whole} * rate)};
}

std::int64_t Gcra::units_ahead(Time time, Ms at) const noexcept {
  if (time.ms < at) return 0;
  return divide_up(Wide{time.ms - at} * rate_ + time.fraction, window_);
}

Look Gcra::look(Moment moment, std::int64_t rate) const noexcept {
  Look seen;
  seen.now = moment.now;
  seen.rate = rate;
  seen.afresh = newest_ > moment.now + window_ + kClockTolerance;
  seen.at = seen.afresh ? moment.now : std::max(moment.now, newest_);
  Time tat = rescaled(tat_, rate_, rate);
  if (seen.afresh || tat.ms < seen.at) tat = {seen.at, 0};
  seen.tat = tat.ms;
  seen.fraction = tat.fraction;
  seen.heard = 0;
  const Wide ahead = Wide{tat.ms - seen.at} * rate + tat.fraction;
  seen.used = divide_up(ahead, window_);
  seen.reset_after = ahead > 0 ? tat.ms + (tat.fraction > 0 ? 1 : 0) - moment.now : 0;
  return seen;
}

Ms Gcra::retry_after(const Look& look, const RateRule& rule, std::int64_t cost) const noexcept {
  if (cost > rule.capacity()) return kNever;
  if (cost == 0) return 0;
  const Wide ahead = Wide{look.tat - look.at} * look.rate + look.fraction;
  const Wide over = ahead - Wide{rule.capacity() - cost} * window_;
  return over <= 0 ? 0 : divide_up(over, look.rate) + look.at - look.now;
}

void Gcra::force(const Look& look, std::int64_t cost) noexcept {
  const Time own = rescaled(own_, rate_, look.rate);
  const bool own_counts = !look.afresh && own.ms >= look.at;
  tat_ = later({look.tat, look.fraction}, cost, look.rate);
  own_ = later(own_counts ? own : Time{look.at, 0}, cost, look.rate);
  rate_ = look.rate;
  newest_ = look.at;
  if (tat_.ms > look.at + kFurthest) tat_ = {look.at + kFurthest, 0};
  if (own_.ms > tat_.ms) own_ = tat_;
}

void Gcra::refund(const Look& look, std::int64_t units) noexcept {
  if (rate_ == 0 || look.afresh) return;
  const Time floor{look.at, 0};
  const auto back = [&](Time time) {
    const Time earlier = later(rescaled(time, rate_, look.rate), -units, look.rate);
    return earlier.ms < floor.ms ? floor : earlier;
  };
  tat_ = back(tat_);
  own_ = back(own_);
  rate_ = look.rate;
}

void Gcra::hear(Moment moment, const MeterAnswer& answer, std::int64_t unknown_to_redis) noexcept {
  if (rate_ == 0) return;
  tat_ = later({moment.now + answer.reset_after, 0}, unknown_to_redis, rate_);
}

}  // namespace envoyou::limiter
