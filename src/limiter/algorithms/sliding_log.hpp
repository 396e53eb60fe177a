// The exact sliding window log of one key in one window: pure arithmetic over (state, now, request). The essay is in
// sliding_log.cpp; the same arithmetic runs in Redis (scripts/sliding_log*.lua), and the conformance suite holds the
// two equal.
//
// Nothing here knows a clock, a limit's name or a lock. `look` is const and changes nothing, so asking, being denied
// and peeking leave no trace; only `admit`, `hear` and `clear` change the log. Confined to one thread.
#pragma once

#include "limiter/algorithms/log_ring.hpp"

namespace envoyou::limiter {

// Admissions in distinct milliseconds that a log keeps apart. Beyond it neighbours share the later one's time, which
// can only delay an expiry: the limit holds all the same.
inline constexpr std::size_t kMaxLogEntries = 65'536;

class SlidingLog {
 public:
  explicit SlidingLog(Ms window) noexcept : window_(window) {}

  Ms window() const noexcept { return window_; }
  Look look(Moment moment) const noexcept;

  Ms retry_after(const Look& look, const RateRule& rule, std::int64_t cost) const noexcept;
  // When the log may be forgotten: nothing counts from then on, on a clock that does not step back.
  Ms forget_at() const noexcept;

  // Takes `cost` at look.at and drops what no longer counts. REQUIRES: look is of this log as it is; cost > 0.
  void admit(const Look& look, std::int64_t cost) { force(look, cost); }
  void force(const Look& look, std::int64_t cost);
  // Gives back what was admitted last if that was just now (look.at), else the oldest: that can only make the limit
  // stricter for those who come, never wider.
  void refund(const Look& look, std::int64_t units) noexcept;

  // Redis said what counts and until when at most. Our own admissions that it knows of are among them; those of
  // `unknown` units are not. The rest was used by others and is kept as one lump until the time that was told.
  void hear(Moment moment, const MeterAnswer& answer, std::int64_t unknown) noexcept;

  void clear() noexcept;

  // Our own admissions that count at look.at, oldest first: visit(at, cost).
  template <class Visit>
  void for_each_own(const Look& look, Visit visit) const {
    if (look.afresh) return;
    std::int64_t before = total_before(look.first);
    for (std::size_t i = look.first; i < ring_.size(); ++i) {
      visit(ring_[i].at, ring_[i].total - before);
      before = ring_[i].total;
    }
  }

  std::size_t bytes() const noexcept { return ring_.capacity_bytes(); }

 private:
  std::int64_t total_before(std::size_t index) const noexcept { return index == 0 ? base_ : ring_[index - 1].total; }
  std::size_t first_after(Ms time) const noexcept;
  Ms reset_after(const Look& look) const noexcept;
  Ms freed_at(const Look& look, std::int64_t units) const noexcept;
  void drop_expired(std::size_t first) noexcept;
  void make_room();
  void rebase() noexcept;

  Ms window_;
  LogRing ring_;            // our own admissions; times never fall, totals always rise
  std::int64_t base_ = 0;   // the running total before the oldest in the ring
  std::int64_t heard_ = 0;  // what others were last known to have used
  Ms heard_until_ = 0;
};

}  // namespace envoyou::limiter
