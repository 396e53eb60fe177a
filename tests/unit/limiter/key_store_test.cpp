// Goal: the local store keeps its bounds whatever it is asked, frees what has expired without scanning, and gives up
// blocked keys
//       only when there is nothing else.
// Method: floods of keys in virtual time; the chain and the table against standard containers with a printed seed.
#include "limiter/key_store.hpp"

#include "base/hash.hpp"
#include "base/random.hpp"
#include "unit/limiter/local_fixture.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <thread>

namespace envoyou::limiter::key_store_test {
namespace {

MeterId log_of(Ms window) { return {Algorithm::kSlidingLog, 0, window}; }

std::string name(std::uint64_t i) { return "key " + std::to_string(i); }

TEST(KeyStore, AFloodOfKeysStaysWithinTheBounds) {
  LocalFixture local({.max_keys = 5'000, .max_bytes = 4u << 20});
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    local.take(name(i), rule(30, 60'000), static_cast<Ms>(i / 100));
    ASSERT_LE(local.store.keys(), 5'000u);
    ASSERT_LE(local.store.bytes(), 4u << 20);
  }
  EXPECT_GT(local.store.keys(), 4'900u);
  EXPECT_GT(local.evicted(), 0u);
}

TEST(KeyStore, TheBoundInBytesHoldsForLongLogs) {
  LocalFixture local({.max_keys = 100'000, .max_bytes = 1u << 20});
  for (Ms now = 0; now < 20'000; ++now) {
    for (std::uint64_t i = 0; i < 20; ++i) local.take(name(i), rule(1'000'000, 600'000), now);
  }
  EXPECT_LE(local.store.bytes(), 1u << 20);
}

TEST(KeyStore, BlockedKeysOutliveAFlood) {
  LocalFixture local({.max_keys = 2'000, .max_bytes = 64u << 20});
  const RateRule one = rule(1, 60'000);
  for (std::uint64_t i = 0; i < 500; ++i) local.take("blocked " + std::to_string(i), one, 0);
  for (std::uint64_t i = 0; i < 100'000; ++i) local.take(name(i), rule(30, 60'000), 1);
  for (std::uint64_t i = 0; i < 500; ++i) ASSERT_FALSE(local.peek("blocked " + std::to_string(i), one, 2).allowed);
}

TEST(KeyStore, OfKeysAllBlockedTheOldestGo) {
  LocalFixture local({.max_keys = 100, .max_bytes = 64u << 20});
  const RateRule one = rule(1, 60'000);
  for (std::uint64_t i = 0; i < 1'000; ++i) local.take(name(i), one, static_cast<Ms>(i));
  EXPECT_LE(local.store.keys(), 100u);
  EXPECT_FALSE(local.peek(name(999), one, 1'000).allowed);
  EXPECT_TRUE(local.peek(name(0), one, 1'000).allowed);
}

TEST(KeyStore, WhatIsNoLongerBlockedIsNoLongerSpared) {
  LocalFixture local({.max_keys = 1'000, .max_bytes = 64u << 20});
  const RateRule brief = rule(1, 100);
  const RateRule year = rule(5, 31'000'000'000);
  for (std::uint64_t i = 0; i < 900; ++i) local.take("was " + std::to_string(i), {std::array{brief, year}}, 0);
  for (std::uint64_t i = 0; i < 1'000; ++i) local.take("young " + std::to_string(i), rule(30, 600'000), 1'000);
  std::size_t young = 0;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    young += local.peek("young " + std::to_string(i), rule(30, 600'000), 1'001).meters[0].used > 0 ? 1u : 0u;
  }
  EXPECT_GT(young, 90u);
  EXPECT_LE(local.store.keys(), 1'000u);
}

TEST(KeyStore, FreesWhatHasExpiredWhileOthersAreServed) {
  LocalFixture local;
  for (std::uint64_t i = 0; i < 10'000; ++i) local.take(name(i), rule(30, 1'000), 0);
  EXPECT_EQ(local.store.keys(), 10'000u);
  for (std::uint64_t i = 0; i < 20'000; ++i) local.take(name(i % 1'000), rule(30, 1'000), 5'000 + static_cast<Ms>(i));
  EXPECT_LT(local.store.keys(), 2'000u);
  EXPECT_EQ(local.evicted(), 0u) << "what had expired was not given up";
}

TEST(KeyStore, MixedWindowsAllExpire) {
  LocalFixture local({.max_keys = 2'000, .max_bytes = 64u << 20});
  for (std::uint64_t i = 0; i < 1'000; ++i) local.take(name(i), rule(30, Ms{1} << (i % 20)), 0);
  for (std::uint64_t i = 0; i < 4'000; ++i) local.take("hot", rule(30, 10), 2'000'000 + static_cast<Ms>(i));
  EXPECT_LE(local.store.keys(), 2u);
}

TEST(KeyStore, ManyThreadsKeepTheBounds) {
  LocalFixture local({.max_keys = 4'000, .max_bytes = 8u << 20});
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&local, t] {
      base::Jitter random(t);
      for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t key = random.next() % 40'000;
        local.take(name(key), rule(1 + static_cast<std::int64_t>(key % 3), 60'000), i / 10, 1,
                   key % 7 == 0 ? Owe::kRedis : Owe::kNothing);
      }
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_LE(local.store.keys(), 4'000u);
  EXPECT_LE(local.store.bytes(), 8u << 20);
}

TEST(KeyStore, GaugesShowWhatItHoldsAndNothingAfterwards) {
  MetricsRegistry registry;
  {
    KeyStore store({}, LocalFixture::metrics_of(registry));
    testing::ManualClock clock;
    MemoryBackend backend(store, clock);
    const RateRule thirty = rule(30, 60'000);
    for (std::uint64_t i = 0; i < 10; ++i) backend.ask(Request::of(name(i), {&thirty, 1}, 1), Ask::kTake, Owe::kRedis);
    EXPECT_EQ(registry.gauge("keys", "", "").value(), 10);
    EXPECT_EQ(registry.gauge("owing", "", "").value(), 10);
    EXPECT_EQ(registry.gauge("bytes", "", "").value(), static_cast<std::int64_t>(store.bytes()));
  }
  EXPECT_EQ(registry.gauge("keys", "", "").value(), 0);
  EXPECT_EQ(registry.gauge("bytes", "", "").value(), 0);
}

TEST(KeyTable, AgreesWithAMap) {
  const std::uint64_t seed = base::jitter_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  base::Jitter random(seed);
  KeyTable table;
  std::map<std::string, std::unique_ptr<KeyRecord>> truth;
  for (int i = 0; i < 50'000; ++i) {
    const std::string key = name(random.next() % 300);
    const std::uint64_t hash = base::hash64(key) % 64;  // so that they collide
    auto found = truth.find(key);
    ASSERT_EQ(table.find(hash, key), found == truth.end() ? nullptr : found->second.get());
    if (found == truth.end()) {
      auto made = std::make_unique<KeyRecord>(hash, key, log_of(1000));
      table.insert(*made);
      truth.emplace(key, std::move(made));
    } else if (random.next() % 2 == 0) {
      table.erase(*found->second);
      truth.erase(found);
    }
    ASSERT_EQ(table.size(), truth.size());
  }
}

TEST(KeyRecord, KeepsABoundedNumberOfWindowsAndNeverOneThatIsAskedFor) {
  KeyRecord record(1, "key", log_of(1));
  const std::array kept{log_of(2), log_of(3)};
  record.get(log_of(2), kept);
  KeyMeter* third = &record.get(log_of(3), kept);
  for (Ms window = 4; window < 1'000; ++window) {
    record.get(log_of(window), kept);
    ASSERT_EQ(record.find(log_of(3)), third);
    ASSERT_NE(record.find(log_of(2)), nullptr);
  }
  std::size_t count = 0;
  record.for_each_meter([&](const KeyMeter&) { ++count; });
  EXPECT_LE(count, kMaxMetersPerKey);
}

}  // namespace
}  // namespace envoyou::limiter::key_store_test
