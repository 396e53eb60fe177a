// The two algorithms that count by aligned windows, of one key: the fixed window, and the sliding window counter, in
// which the count of the window before fades out. Pure arithmetic over (state, now, request). The essay is in
// buckets.cpp; the same arithmetic runs in Redis (scripts/fixed_window.lua, scripts/sliding_counter.lua), and the
// conformance suite holds them equal.
//
// Confined to one thread.
#pragma once

#include "limiter/algorithms/meter.hpp"

#include <limits>

namespace envoyou::limiter {

class Buckets {
 public:
  enum class Fading : std::uint8_t { kNone, kLinear };  // fixed window, sliding window counter

  Buckets(Ms window, Fading fading) noexcept : window_(window), fading_(fading) {}

  Ms window() const noexcept { return window_; }
  Look look(Moment moment) const noexcept;
  Ms retry_after(const Look& look, const RateRule& rule, std::int64_t cost) const noexcept;
  Ms forget_at() const noexcept { return forget_at_; }

  void admit(const Look& look, std::int64_t cost) noexcept { force(look, cost); }
  void force(const Look& look, std::int64_t cost) noexcept;
  void refund(const Look& look, std::int64_t units) noexcept;
  void hear(Moment moment, const MeterAnswer& answer, std::int64_t unknown_to_redis) noexcept;
  void clear() noexcept { *this = Buckets(window_, fading_); }

  // As one admission for each window, at its last moment.
  template <class Visit>
  void for_each_own(const Look& look, Visit visit) const {
    const Counts own = moved_to(own_, look.bucket);
    if (look.afresh) return;
    if (own.previous > 0 && fading_ == Fading::kLinear) visit(look.at - look.elapsed - 1, own.previous);
    if (own.current > 0) visit(look.at, own.current);
  }
  std::size_t bytes() const noexcept { return 0; }

 private:
  static constexpr Ms kLongAgo = std::numeric_limits<Ms>::min() / 2;

  struct Counts {
    std::int64_t current = 0;
    std::int64_t previous = 0;
  };

  Counts moved_to(Counts counts, std::int64_t bucket) const noexcept;
  std::int64_t faded(std::int64_t previous, Ms elapsed) const noexcept;
  Ms until_reset(const Counts& counts, Ms elapsed) const noexcept;
  Ms wait_for_fading(const Look& look, std::int64_t limit, std::int64_t cost) const noexcept;
  void become(const Look& look, Counts all, Counts own) noexcept;

  Ms window_;
  Fading fading_;
  std::int64_t bucket_ = std::numeric_limits<std::int64_t>::min() / 2;  // that `current` counts
  Counts all_;
  Counts own_;  // our own part, which a Redis that lost its data is told
  Ms newest_ = kLongAgo;
  Ms forget_at_ = kLongAgo;
};

}  // namespace envoyou::limiter
