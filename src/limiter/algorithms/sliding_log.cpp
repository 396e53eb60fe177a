// The exact sliding window log.
//
// It keeps the time of every admission. A request of cost c at `now` is admitted iff what was admitted in (now - w,
// now] plus c is at most the limit, so in every window of length w, wherever it begins, at most `limit` units are
// admitted. No other common algorithm promises that: a fixed window admits up to twice the limit around a boundary, a
// sliding counter up to 2L - 1, GCRA up to burst + L (docs/limiter.md has the table).
//
//        now - w                                   now
//   --------(-------------------------------------]------> time
//      3        2      1            4                       cost of each admission
//      3        5      6            10                      running total
//               '------- used = 10 - 3 = 7 -------'
//
// Costs are kept as running totals, so that `used` is one subtraction whatever the costs are, and "when will u units be
// free?" is a binary search: the first admission whose total exceeds the total before the window by u or more, plus w.
// The answer is exact: a caller that comes then is admitted, and one that comes a millisecond sooner is not.
//
// Time goes forward. An admission is stamped with the effective now, max(now, newest), so a clock that steps back can
// not open the limit again; waits still count from the caller's own now. One that steps back by more than a window and
// a second has been wrong, and the log starts afresh.
//
// Cost: time O(log n) to deny, amortised O(1) to admit; memory 16 bytes for each millisecond of the window in which
// something was admitted, at most kMaxLogEntries of them. At that bound every second entry gives its cost to the next:
// what it stands for expires a little later than it might, so the limit is never exceeded.
//
// "Others" are the other servers behind the same Redis. While it is in use each of its answers tells what counts in
// all; the part that is not ours is kept as a lump which lapses when Redis said that the whole quota would be back.
// That is late rather than early, and it is what a stand-in starts from: a limit that was spent stays spent.
#include "limiter/algorithms/sliding_log.hpp"

#include <algorithm>
#include <limits>

namespace envoyou::limiter {

namespace {

// Totals start again from zero when the log is empty; this is for one that never is.
constexpr std::int64_t kRebaseAbove = std::int64_t{1} << 60;

}  // namespace

Look SlidingLog::look(Moment moment) const noexcept {
  const Ms now = moment.now;
  Look seen;
  seen.now = now;
  seen.at = now;
  seen.used = 0;
  seen.heard = 0;
  seen.first = 0;
  seen.reset_after = 0;
  seen.afresh = false;
  if (!ring_.empty()) {
    seen.at = std::max(now, ring_.back().at);
    seen.afresh = ring_.back().at > now + window_ + kClockTolerance;
  }
  if (seen.afresh) {
    seen.at = now;
    return seen;
  }
  seen.first = first_after(seen.at - window_);
  if (heard_until_ > seen.at) seen.heard = heard_;
  seen.used = seen.heard;
  if (!ring_.empty()) seen.used += ring_.back().total - total_before(seen.first);
  seen.reset_after = reset_after(seen);
  return seen;
}

// The oldest is looked at first: between two admissions hardly anything expires.
std::size_t SlidingLog::first_after(Ms time) const noexcept {
  if (ring_.empty() || ring_[0].at > time) return 0;
  std::size_t low = 1;
  std::size_t high = ring_.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (ring_[middle].at > time) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// When so many of our own units will have expired. REQUIRES: at least so many count.
Ms SlidingLog::freed_at(const Look& look, std::int64_t units) const noexcept {
  const std::int64_t enough = total_before(look.first) + units;
  std::size_t low = look.first;
  std::size_t high = ring_.size() - 1;
  if (ring_[low].total >= enough) return ring_[low].at + window_;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (ring_[middle].total >= enough) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return ring_[low].at + window_;
}

Ms SlidingLog::retry_after(const Look& look, const RateRule& rule, std::int64_t cost) const noexcept {
  if (cost > rule.limit) return kNever;
  const std::int64_t needed = look.used + cost - rule.limit;
  if (needed <= 0 || cost == 0) return 0;
  const std::int64_t own = look.used - look.heard;
  if (look.heard == 0) return freed_at(look, needed) - look.now;
  if (needed <= own) {
    const Ms freed = freed_at(look, needed);
    if (freed <= heard_until_) return freed - look.now;
  }
  const std::int64_t rest = needed - look.heard;
  const Ms freed = rest > 0 ? freed_at(look, rest) : heard_until_;
  return std::max(freed, heard_until_) - look.now;
}

Ms SlidingLog::reset_after(const Look& look) const noexcept {
  Ms until = look.now;
  if (look.used > look.heard) until = ring_.back().at + window_;
  if (look.heard > 0) until = std::max(until, heard_until_);
  return until - look.now;
}

Ms SlidingLog::forget_at() const noexcept {
  const Ms own = ring_.empty() ? std::numeric_limits<Ms>::min() : ring_.back().at + window_;
  return heard_ > 0 ? std::max(own, heard_until_) : own;
}

void SlidingLog::force(const Look& look, std::int64_t cost) {
  if (look.afresh) clear();
  drop_expired(look.first);
  if (!ring_.empty() && ring_.back().at == look.at) {
    ring_.back().total += cost;
    return;
  }
  if (ring_.size() == kMaxLogEntries) make_room();
  const std::int64_t before = ring_.empty() ? base_ : ring_.back().total;
  ring_.push_back({look.at, before + cost});
  if (before > kRebaseAbove) rebase();
}

void SlidingLog::drop_expired(std::size_t first) noexcept {
  if (first == 0) return;
  base_ = ring_[first - 1].total;
  ring_.drop_front(first);
  if (ring_.empty()) base_ = 0;
}

void SlidingLog::make_room() {
  const std::size_t half = ring_.size() / 2;
  for (std::size_t i = 0; i < half; ++i) ring_[i] = ring_[2 * i + 1];
  ring_.drop_back(ring_.size() - half);
}

void SlidingLog::rebase() noexcept {
  for (std::size_t i = 0; i < ring_.size(); ++i) ring_[i].total -= base_;
  base_ = 0;
}

void SlidingLog::refund(const Look& look, std::int64_t units) noexcept {
  if (look.afresh || ring_.empty()) return;
  drop_expired(look.first);
  if (!ring_.empty() && ring_.back().at == look.at) {
    const std::int64_t before = total_before(ring_.size() - 1);
    const std::int64_t given = std::min(units, ring_.back().total - before);
    ring_.back().total -= given;
    units -= given;
    if (ring_.back().total == before) ring_.drop_back(1);
  }
  // What is left comes off the oldest: the total before them rises.
  if (ring_.empty()) return;
  base_ = std::min(base_ + units, ring_.back().total);
  std::size_t gone = 0;
  while (gone < ring_.size() && ring_[gone].total <= base_) ++gone;
  ring_.drop_front(gone);
  if (ring_.empty()) base_ = 0;
}

void SlidingLog::hear(Moment moment, const MeterAnswer& answer, std::int64_t unknown) noexcept {
  const Look seen = look(moment);
  const std::int64_t known = seen.used - seen.heard - unknown;
  heard_ = std::max<std::int64_t>(0, answer.used - std::max<std::int64_t>(0, known));
  heard_until_ = moment.now + answer.reset_after;
}

void SlidingLog::clear() noexcept {
  ring_.clear();
  base_ = 0;
  heard_ = 0;
  heard_until_ = 0;
}

}  // namespace envoyou::limiter
