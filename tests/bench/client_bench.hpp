// What client_bench's modes have in common: the question, the clock, the figures.
#pragma once

#include <envoyou/redis/options.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace envoyou::bench {

using Clock = std::chrono::steady_clock;

enum class Question { kGet, kSet, kEvalsha };

struct Setup {
  redis::ClientOptions server;
  std::string mode;
  Question question = Question::kGet;
  std::size_t callers = 1;
  std::chrono::nanoseconds duration{};
};

inline constexpr std::size_t kValueBytes = 100;
inline const std::string kKey = "envoyou:bench";
// In a cluster, so that each of its nodes has its share of the work; a power of two.
inline constexpr std::size_t kClusterKeys = 64;
inline const std::string kValue(kValueBytes, 'x');
// The shape of a small rate limiter: read, write with an expiry, answer three numbers.
inline const std::string kScript =
    "redis.call('SET', KEYS[1], redis.call('GET', KEYS[1]) or '', 'PX', 600000) return {1, 2, 3}";

// Latencies in steps of 3 % from 1 ns to an hour.
class Histogram {
 public:
  void add(std::chrono::nanoseconds latency) { ++buckets_[index_of(static_cast<std::uint64_t>(latency.count()))]; }
  void add(const Histogram& other) {
    for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  }
  std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t n : buckets_) sum += n;
    return sum;
  }
  // In microseconds.
  double quantile(double q) const {
    const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(count()));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i];
      if (seen > wanted) return static_cast<double>(value_of(i)) / 1000.0;
    }
    return 0;
  }

 private:
  static constexpr std::uint64_t kSteps = 32;  // an octave
  static constexpr std::size_t kBuckets = 64 * kSteps;

  static std::size_t index_of(std::uint64_t ns) {
    if (ns < kSteps) return static_cast<std::size_t>(ns);
    const int octave = static_cast<int>(std::bit_width(ns)) - 6;  // kSteps has six bits
    const std::uint64_t step = (ns >> octave) - kSteps;
    return std::min<std::size_t>(static_cast<std::size_t>((static_cast<std::uint64_t>(octave) + 1) * kSteps + step),
                                 kBuckets - 1);
  }
  static std::uint64_t value_of(std::size_t index) {
    if (index < kSteps) return index;
    return (kSteps + index % kSteps) << (index / kSteps - 1);
  }

  std::array<std::uint64_t, kBuckets> buckets_{};
};

struct Figures {
  Histogram latencies{};
  std::uint64_t errors = 0;
  std::string first_error{};
  double seconds = 0;      // of the loop, without connecting
  double cpu_seconds = 0;  // of this process in it, user and system
};

// From its making until `stop`.
class Meter {
 public:
  void stop(Figures& figures) const {
    figures.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    figures.cpu_seconds = cpu() - cpu_before_;
  }
  Clock::time_point begin() const { return begin_; }

 private:
  static double cpu() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return to_seconds(usage.ru_utime) + to_seconds(usage.ru_stime);
  }
  static double to_seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  }

  double cpu_before_ = cpu();
  Clock::time_point begin_ = Clock::now();
};

#ifdef ENVOYOU_BENCH_HIREDIS_TLS
inline constexpr bool kHiredisHasTls = true;
#else
inline constexpr bool kHiredisHasTls = false;
#endif

// Each runs until the duration is over. What cannot run at all throws std::runtime_error.
Figures run_blocking(const Setup& setup);
Figures run_callback(const Setup& setup);
Figures run_coroutine(const Setup& setup);
Figures run_hiredis_sync(const Setup& setup);
Figures run_hiredis_async(const Setup& setup);
Figures run_raw_socket(const Setup& setup);

}  // namespace envoyou::bench
