// How long decisions take: a histogram of microseconds of fixed size, and quantiles of it.
//
// Its buckets are log-linear, like those of HdrHistogram: exact up to 63 us, then 32 to each doubling, up to a minute.
// So a value is known to within 1.6 % (half the width of its bucket), in 5.6 kB. What is longer than a minute counts as
// a minute, what is negative as 0.
//
// Counts only grow: there is no reset that could race, and what happened between two snapshots is their difference.
//
// Does not: keep the exact sum; `sum_us` is as exact as the quantiles. The largest value is kept exactly.
//
// Thread-safe and lock-free: threads count in stripes of their own, with relaxed atomics. A snapshot that is taken
// while others count may have some of their values and not others, never one twice.
#pragma once

#include <envoyou/limiter/live.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

namespace envoyou::limiter {

// How many threads count without ever meeting on a cache line. More than that share, and stay correct.
inline constexpr std::size_t kLiveStripes = 8;

// The stripe of the calling thread: threads are dealt out in the order in which they first ask.
std::size_t live_stripe() noexcept;

inline constexpr std::int64_t kMaxLatencyUs = 60'000'000;
inline constexpr std::size_t kLatencyBuckets = 64 + 20 * 32;

// The bucket of a value, and the value that stands for a bucket: the middle of it. REQUIRES: 0 <= us <= kMaxLatencyUs.
std::size_t latency_bucket(std::uint64_t us) noexcept;
std::uint64_t latency_value(std::size_t bucket) noexcept;

// A snapshot, or the difference of two.
struct LatencyCounts {
  std::array<std::uint64_t, kLatencyBuckets> buckets{};
  std::uint64_t max_us = 0;

  std::uint64_t count() const noexcept;
  // The value that a share of `q` of all does not exceed; 0 where there is none. REQUIRES: 0 <= q <= 1
  std::uint64_t quantile_us(double q) const noexcept;
  LatencySummary summary() const noexcept;
  // What was counted after `earlier`, of the same histogram. Its max_us is that of a bucket, like the quantiles.
  LatencyCounts since(const LatencyCounts& earlier) const noexcept;
};

class LatencyHistogram {
 public:
  LatencyHistogram();

  void record(Microseconds latency) noexcept;
  LatencyCounts counts() const noexcept;

  static std::size_t bytes() noexcept { return kLiveStripes * sizeof(Stripe); }

 private:
  struct alignas(64) Stripe {
    std::array<std::atomic<std::uint64_t>, kLatencyBuckets> buckets{};
    std::atomic<std::uint64_t> max_us{0};
  };

  std::unique_ptr<Stripe[]> stripes_;  // kLiveStripes of them
};

}  // namespace envoyou::limiter
