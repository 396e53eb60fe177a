// A world for the caches to be held against their conformance suite: what they stand on, and how time passes in it.
#pragma once

#include <envoyou/cache.hpp>
#include <envoyou/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace envoyou::testing {

enum class Where { kMemory, kRedis, kRedisTls, kRedisCluster };

std::string to_string(Where where);

// Long enough for a loaded machine: these suites are about answers, not about time-outs.
inline constexpr Milliseconds kPatience = std::chrono::seconds(10);

class CacheWorld {
 public:
  explicit CacheWorld(Where where);

  // The same prefix for all that one world opens, another one for each world.
  CacheOptions options() const;
  std::unique_ptr<ResponseCache> responses(std::vector<EndpointRule> rules) const;
  std::unique_ptr<ResponseCache> responses(ResponseCacheOptions options) const;
  std::unique_ptr<Cache> cache() const { return cache(options()); }
  std::unique_ptr<Cache> cache(CacheOptions options) const;

  // What a call gets: a deadline on this world's clock.
  CacheCall call() const { return {Deadline::after(*backing_.runtime.clock, kPatience)}; }
  Source source() const { return where_ == Where::kMemory ? Source::kLocal : Source::kRedis; }
  const Backing& backing() const { return backing_; }
  // Lets the time pass: by hand where the clock allows it, by waiting where the server has its own.
  void pass(Milliseconds time) const;
  std::uint64_t counted(std::string_view name, std::string_view labels) const;

 private:
  Where where_;
  std::string prefix_;
  std::shared_ptr<ManualClock> clock_;  // in memory
  Backing backing_;
};

}  // namespace envoyou::testing
