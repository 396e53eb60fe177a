// Goal: any duration is known to within 3 % (the promise is 1.6), quantiles are those of the exact values to within
//       that, and counts only grow, whoever counts at the same time.
// Method: all bounds of buckets; random values against a sorted vector with a printed seed; threads.
#include "limiter/live/latency.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>
#include <vector>

namespace envoyou::limiter::latency_test {
namespace {

using namespace std::chrono_literals;

constexpr double kError = 1.0 / 64;

TEST(LatencyBuckets, FollowEachOtherAndMissNothing) {
  EXPECT_EQ(latency_bucket(0), 0u);
  std::size_t last = 0;
  for (std::uint64_t us = 1; us <= std::uint64_t{kMaxLatencyUs}; us += 1 + us / 1000) {
    const std::size_t bucket = latency_bucket(us);
    ASSERT_TRUE(bucket == last || bucket == last + 1) << us;
    last = bucket;
  }
  EXPECT_LT(latency_bucket(kMaxLatencyUs), kLatencyBuckets);
}

TEST(LatencyBuckets, StandForTheirValuesToWithinTheError) {
  for (std::uint64_t us = 0; us < 64; ++us) ASSERT_EQ(latency_value(latency_bucket(us)), us);
  for (std::uint64_t us = 1; us <= std::uint64_t{kMaxLatencyUs}; us += 1 + us / 3000) {
    const auto value = static_cast<double>(latency_value(latency_bucket(us)));
    ASSERT_NEAR(value, static_cast<double>(us), kError * static_cast<double>(us)) << us;
  }
}

TEST(LatencyBuckets, AreOneOnBothSidesOfItsBoundsAlone) {
  for (std::uint64_t power = 64; power <= (1u << 25); power *= 2) {
    for (std::uint64_t i = 32; i < 64; ++i) {
      const std::uint64_t first = power / 32 * i;
      const std::uint64_t width = power / 32;
      if (first + width > std::uint64_t{kMaxLatencyUs}) return;
      ASSERT_EQ(latency_bucket(first), latency_bucket(first + width - 1)) << first;
      ASSERT_EQ(latency_bucket(first) + 1, latency_bucket(first + width)) << first;
    }
  }
}

TEST(LatencyHistogram, HasNothingToSayOfNothing) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.counts().summary(), LatencySummary{});
  EXPECT_EQ(histogram.counts().quantile_us(1), 0u);
}

TEST(LatencyHistogram, OneValueIsAllQuantiles) {
  LatencyHistogram histogram;
  histogram.record(1001us);
  const LatencySummary summary = histogram.counts().summary();
  EXPECT_EQ(summary.count, 1u);
  EXPECT_EQ(summary.max_us, 1001u);
  EXPECT_NEAR(static_cast<double>(summary.p50_us), 1001, 1001 * kError);
  EXPECT_EQ(summary.p50_us, summary.p999_us);
}

TEST(LatencyHistogram, QuantilesAreByNearestRank) {
  LatencyHistogram histogram;
  for (int us = 1; us <= 60; ++us) histogram.record(Microseconds(us));
  const LatencyCounts counts = histogram.counts();
  EXPECT_EQ(counts.quantile_us(0), 1u);
  EXPECT_EQ(counts.quantile_us(0.5), 30u);
  EXPECT_EQ(counts.quantile_us(0.9), 54u);
  EXPECT_EQ(counts.quantile_us(0.99), 60u);
  EXPECT_EQ(counts.quantile_us(1), 60u);
  EXPECT_EQ(counts.summary().sum_us, 60u * 61 / 2);
}

TEST(LatencyHistogram, WhatIsOutOfItsRangeCountsAtTheEnds) {
  LatencyHistogram histogram;
  histogram.record(-5us);
  histogram.record(0us);
  histogram.record(std::chrono::hours(1));
  histogram.record(Microseconds::max());
  const LatencySummary summary = histogram.counts().summary();
  EXPECT_EQ(summary.count, 4u);
  EXPECT_EQ(summary.p50_us, 0u);
  EXPECT_EQ(summary.max_us, std::uint64_t{kMaxLatencyUs});
  EXPECT_EQ(summary.p99_us, std::uint64_t{kMaxLatencyUs}) << "no quantile is over the largest";
}

TEST(LatencyHistogram, QuantilesOfAnyValuesAreRightToWithinTheError) {
  const std::uint64_t seed = base::jitter_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  base::Jitter random(seed);
  LatencyHistogram histogram;
  std::vector<double> exact;
  double sum = 0;
  for (int i = 0; i < 50'000; ++i) {
    const auto us = static_cast<std::int64_t>(std::exp(random.unit() * std::log(60e6)));  // all magnitudes alike
    histogram.record(Microseconds(us));
    exact.push_back(static_cast<double>(us));
    sum += static_cast<double>(us);
  }
  std::ranges::sort(exact);
  const LatencyCounts counts = histogram.counts();
  for (const double q : {0.0001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(q * 50'000)));
    const double want = exact[rank - 1];
    EXPECT_NEAR(static_cast<double>(counts.quantile_us(q)), want, want * kError) << q;
  }
  EXPECT_EQ(static_cast<double>(counts.max_us), exact.back());
  EXPECT_NEAR(static_cast<double>(counts.summary().sum_us), sum, sum * kError);
}

TEST(LatencyHistogram, TheDifferenceOfTwoSnapshotsIsWhatCameBetween) {
  LatencyHistogram histogram;
  for (int i = 0; i < 1000; ++i) histogram.record(5'000us);
  const LatencyCounts before = histogram.counts();
  for (int us = 1; us <= 10; ++us) histogram.record(Microseconds(us));
  const LatencyCounts between = histogram.counts().since(before);
  EXPECT_EQ(between.count(), 10u);
  EXPECT_EQ(between.quantile_us(0.5), 5u);
  EXPECT_EQ(between.max_us, 10u);
  EXPECT_EQ(histogram.counts().since(histogram.counts()).summary(), LatencySummary{});
}

TEST(LatencyHistogram, IsSmall) { EXPECT_LE(LatencyHistogram::bytes(), 48u << 10); }

TEST(LatencyHistogram, ThreadsLoseNothingAndCountsOnlyGrow) {
  constexpr int kThreads = 8;
  constexpr int kEach = 20'000;
  LatencyHistogram histogram;
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    LatencyCounts last = histogram.counts();
    while (!stop.load()) {
      const LatencyCounts now = histogram.counts();
      EXPECT_GE(now.max_us, last.max_us);
      for (std::size_t i = 0; i < kLatencyBuckets; ++i) EXPECT_GE(now.buckets[i], last.buckets[i]);
      last = now;
    }
  });
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&histogram, t] {
      for (int i = 0; i < kEach; ++i) histogram.record(Microseconds(i % 50 + t * 1000));
    });
  }
  for (std::thread& writer : writers) writer.join();
  stop = true;
  reader.join();
  EXPECT_EQ(histogram.counts().count(), std::uint64_t{kThreads * kEach});
  EXPECT_EQ(histogram.counts().max_us, std::uint64_t{7'049});
}

}  // namespace
}  // namespace envoyou::limiter::latency_test
