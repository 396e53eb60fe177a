// A log-linear histogram.
//
// The width of a bucket grows with the values in it, so that the relative error is the same at 100 us and at 10 s, and
// the number of buckets stays small. Between two powers of two the buckets are of one width, which makes the bucket of
// a value a matter of a shift:
//
//     values      width    buckets
//     0 … 63          1         64      each value by itself
//     64 … 127        2         32
//     128 … 255       4         32
//     …                          …
//     2^25 … 2^26     2^20       32     33.5 s to 67.1 s; cut at 60 s
//
//     value 1000 = 111110'1000b: 10 bits, so its doubling is the one from 512, where a bucket is 2^4 wide;
//     the upper 6 bits, 62, say which of the 32 it is: 62 - 32 = 30.
//
// A value is in the middle of its bucket to within half the width: 1/64 = 1.6 % of the least value in it.
//
// Quantiles are by nearest rank: of n values the ceil(q * n)-th from below, at least the first. So p100 is the largest
// and no quantile is made up between two values; none is above the largest value that came.
#include "limiter/live/latency.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace envoyou::limiter {

namespace {

constexpr std::uint64_t kExactValues = 64;
constexpr std::size_t kBucketsPerDoubling = 32;
constexpr std::size_t kBitsKept = 6;  // of a value beyond the exact ones: 1 and the 5 that say which of the 32

static_assert(kLatencyBuckets == kExactValues + kBucketsPerDoubling * (std::bit_width(std::uint64_t{kMaxLatencyUs}) -
                                                                       std::bit_width(kExactValues - 1)));

constinit std::atomic<std::size_t> next_live_stripe{0};
constinit thread_local std::size_t own_live_stripe = kLiveStripes;  // not dealt out yet

}  // namespace

std::size_t live_stripe() noexcept {
  if (own_live_stripe == kLiveStripes) {
    own_live_stripe = next_live_stripe.fetch_add(1, std::memory_order_relaxed) % kLiveStripes;
  }
  return own_live_stripe;
}

std::size_t latency_bucket(std::uint64_t us) noexcept {
  if (us < kExactValues) return static_cast<std::size_t>(us);
  const auto shift = static_cast<std::size_t>(std::bit_width(us)) - kBitsKept;
  return kBucketsPerDoubling * shift + static_cast<std::size_t>(us >> shift);
}

std::uint64_t latency_value(std::size_t bucket) noexcept {
  if (bucket < kExactValues) return bucket;
  const std::size_t shift = bucket / kBucketsPerDoubling - 1;
  const std::uint64_t first = (bucket % kBucketsPerDoubling + kBucketsPerDoubling) << shift;
  return first + ((std::uint64_t{1} << shift) >> 1);
}

std::uint64_t LatencyCounts::count() const noexcept {
  std::uint64_t sum = 0;
  for (const std::uint64_t n : buckets) sum += n;
  return sum;
}

std::uint64_t LatencyCounts::quantile_us(double q) const noexcept {
  const std::uint64_t total = count();
  if (total == 0) return 0;
  const double nth = std::ceil(q * static_cast<double>(total));
  const std::uint64_t rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(nth), 1, total);
  std::uint64_t passed = 0;
  for (std::size_t i = 0; i < kLatencyBuckets; ++i) {
    passed += buckets[i];
    if (passed >= rank) return std::min(latency_value(i), max_us);
  }
  return max_us;
}

LatencySummary LatencyCounts::summary() const noexcept {
  LatencySummary summary{.count = count(),
                         .p50_us = quantile_us(0.5),
                         .p90_us = quantile_us(0.9),
                         .p99_us = quantile_us(0.99),
                         .p999_us = quantile_us(0.999),
                         .max_us = max_us};
  for (std::size_t i = 0; i < kLatencyBuckets; ++i) summary.sum_us += buckets[i] * latency_value(i);
  return summary;
}

LatencyCounts LatencyCounts::since(const LatencyCounts& earlier) const noexcept {
  LatencyCounts between;
  for (std::size_t i = 0; i < kLatencyBuckets; ++i) {
    between.buckets[i] = buckets[i] - std::min(buckets[i], earlier.buckets[i]);
    if (between.buckets[i] > 0) between.max_us = std::min(latency_value(i), max_us);
  }
  return between;
}

LatencyHistogram::LatencyHistogram() : stripes_(std::make_unique<Stripe[]>(kLiveStripes)) {}

void LatencyHistogram::record(Microseconds latency) noexcept {
  const auto us = static_cast<std::uint64_t>(std::clamp<std::int64_t>(latency.count(), 0, kMaxLatencyUs));
  Stripe& stripe = stripes_[live_stripe()];
  // The largest first: who sees a value counted need not see it there, but nearly always does.
  std::uint64_t max = stripe.max_us.load(std::memory_order_relaxed);
  while (us > max && !stripe.max_us.compare_exchange_weak(max, us, std::memory_order_relaxed)) {
  }
  stripe.buckets[latency_bucket(us)].fetch_add(1, std::memory_order_relaxed);
}

LatencyCounts LatencyHistogram::counts() const noexcept {
  LatencyCounts sum;
  for (std::size_t s = 0; s < kLiveStripes; ++s) {
    for (std::size_t i = 0; i < kLatencyBuckets; ++i) {
      sum.buckets[i] += stripes_[s].buckets[i].load(std::memory_order_relaxed);
    }
    sum.max_us = std::max(sum.max_us, stripes_[s].max_us.load(std::memory_order_relaxed));
  }
  return sum;
}

}  // namespace envoyou::limiter
