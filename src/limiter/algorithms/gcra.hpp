// GCRA of one key and one rate: pure arithmetic over (state, now, request). The essay is in gcra.cpp; the same
// arithmetic runs in Redis (scripts/gcra.lua), and the conformance suite holds the two equal.
//
// Confined to one thread.
#pragma once

#include "limiter/algorithms/meter.hpp"

#include <limits>

namespace envoyou::limiter {

class Gcra {
 public:
  explicit Gcra(Ms window) noexcept : window_(window) {}

  Ms window() const noexcept { return window_; }
  // `rate`: units a window. A state of another rate is taken over: the time that it is ahead stays.
  Look look(Moment moment, std::int64_t rate) const noexcept;
  Ms retry_after(const Look& look, const RateRule& rule, std::int64_t cost) const noexcept;
  Ms forget_at() const noexcept { return tat_.ms + 1; }

  void admit(const Look& look, std::int64_t cost) noexcept { force(look, cost); }
  void force(const Look& look, std::int64_t cost) noexcept;
  void refund(const Look& look, std::int64_t units) noexcept;
  void hear(Moment moment, const MeterAnswer& answer, std::int64_t unknown_to_redis) noexcept;
  void clear() noexcept { *this = Gcra(window_); }

  // As one admission, of as many units as our own would be had nobody else asked.
  template <class Visit>
  void for_each_own(const Look& look, Visit visit) const {
    const std::int64_t units = rate_ > 0 ? units_ahead(own_, look.at) : 0;
    if (units > 0) visit(look.at, units);
  }
  std::size_t bytes() const noexcept { return 0; }

 private:
  static constexpr Ms kLongAgo = std::numeric_limits<Ms>::min() / 2;

  // ms + fraction / rate_ milliseconds, 0 <= fraction < rate_.
  struct Time {
    Ms ms = kLongAgo;
    std::int64_t fraction = 0;
  };

  static Time rescaled(Time time, std::int64_t from, std::int64_t to) noexcept;
  Time later(Time time, std::int64_t units, std::int64_t rate) const noexcept;
  std::int64_t units_ahead(Time time, Ms at) const noexcept;

  Ms window_;
  std::int64_t rate_ = 0;  // 0: nothing was admitted yet
  Time tat_;               // of all that is known of
  Time own_;               // of our own admissions alone
  Ms newest_ = kLongAgo;   // the effective time of the newest admission
};

}  // namespace envoyou::limiter
