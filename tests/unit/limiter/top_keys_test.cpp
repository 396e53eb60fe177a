// Goal: of any stream of keys the list holds every key that it must, with a count that is wrong by no more than it
//       says, in memory that does not grow, whoever counts at the same time; and what is long ago fades.
// Method: streams of random keys, weights and times against exact counts in a map, with a printed seed; small streams
//       by hand; threads.
#include "limiter/live/top_keys.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <string>
#include <thread>

namespace envoyou::limiter::top_keys_test {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart{1200s};  // a multiple of all intervals here
constexpr std::size_t kAll = 1'000'000;

TopKeysOptions one_shard(std::size_t counters) { return {.counters = counters, .shards = 1, .halving = 0ms}; }

// Keys by rank: the n-th comes about 1 / n^skew as often as the first.
class Zipf {
 public:
  Zipf(std::size_t keys, double skew, std::uint64_t seed) : random_(seed) {
    double sum = 0;
    for (std::size_t i = 1; i <= keys; ++i) sums_.push_back(sum += 1 / std::pow(static_cast<double>(i), skew));
  }
  std::string next() {
    const auto at = std::ranges::lower_bound(sums_, random_.unit() * sums_.back());
    return "caller " + std::to_string(at - sums_.begin());
  }

 private:
  base::Jitter random_;
  std::vector<double> sums_;
};

using Exact = std::map<std::string, double>;

// What Space-Saving promises, for the whole of a list.
void expect_bounds_to_hold(const TopList& list, const Exact& exact) {
  Exact unlisted = exact;
  for (const TopKey& key : list.keys) {
    const auto found = exact.find(key.key);
    ASSERT_NE(found, exact.end()) << key.key << " never came";
    EXPECT_LE(found->second, static_cast<double>(key.count)) << key.key;
    EXPECT_GE(found->second, static_cast<double>(key.count - key.over_by_at_most)) << key.key;
    unlisted.erase(key.key);
  }
  for (const auto& [key, count] : unlisted) {
    EXPECT_LE(count, static_cast<double>(list.scope.unlisted_at_most)) << key;
  }
}

std::vector<std::string> names(const TopList& list) {
  std::vector<std::string> names;
  for (const TopKey& key : list.keys) names.push_back(key.key);
  return names;
}

TEST(TopKeys, CountExactlyWhileThereAreCounters) {
  TopKeys top(one_shard(3));
  for (const char* key : {"b", "a", "b", "c", "b", "a"}) top.add(key, 1, kStart);
  const TopList list = top.top(kAll, kStart);
  EXPECT_EQ(list.keys, (std::vector<TopKey>{{"b", 3, 0}, {"a", 2, 0}, {"c", 1, 0}}));
  EXPECT_EQ(list.scope, (TopScope{.total = 6, .unlisted_at_most = 1})) << "a key that is new would take over c's 1";
}

TEST(TopKeys, ANewKeyTakesOverTheLeastCountAndSaysSo) {
  TopKeys top(one_shard(3));
  top.add("a", 9, kStart);
  top.add("b", 4, kStart);
  top.add("c", 2, kStart);
  top.add("b", 1, kStart);
  top.add("d", 1, kStart);
  EXPECT_EQ(top.top(kAll, kStart).keys, (std::vector<TopKey>{{"a", 9, 0}, {"b", 5, 0}, {"d", 3, 2}}));
}

TEST(TopKeys, TheLeastIsFoundThoughTheHeapWasNotToldOfWhatWasCounted) {
  TopKeys top(one_shard(3));
  for (const char* key : {"a", "b", "c"}) top.add(key, 1, kStart);
  top.add("a", 5, kStart);
  top.add("b", 7, kStart);
  top.add("c", 3, kStart);
  top.add("d", 1, kStart);
  top.add("e", 1, kStart);
  EXPECT_EQ(top.top(kAll, kStart).keys, (std::vector<TopKey>{{"b", 8, 0}, {"a", 6, 0}, {"e", 6, 5}}));
}

TEST(TopKeys, NothingIsCountedForNothing) {
  TopKeys top(one_shard(3));
  top.add("a", 0, kStart);
  top.add("b", -5, kStart);
  EXPECT_EQ(top.top(kAll, kStart).keys, std::vector<TopKey>{});
  EXPECT_EQ(top.top(kAll, kStart).scope, TopScope{});
}

TEST(TopKeys, AListIsCutAndSaysWhatIsCutOff) {
  TopKeys top({.halving = 0ms});
  for (int i = 1; i <= 50; ++i) top.add(std::to_string(i), i, kStart);
  const TopList list = top.top(3, kStart);
  EXPECT_EQ(names(list), (std::vector<std::string>{"50", "49", "48"}));
  EXPECT_EQ(list.scope, (TopScope{.total = 1275, .unlisted_at_most = 47}));
  EXPECT_EQ(top.top(0, kStart).scope.unlisted_at_most, 50u);
}

TEST(TopKeys, OptionsBeyondTheBoundsAreTakenForTheNearest) {
  TopKeys least({.counters = 0, .shards = 0, .halving = -1s});
  EXPECT_EQ(least.halving(), 0ms);
  least.add("a", 1, kStart);
  least.add("b", 1, kStart);
  EXPECT_EQ(least.top(kAll, kStart).keys, (std::vector<TopKey>{{"b", 2, 1}}));
  EXPECT_LE(TopKeys({.counters = kAll, .shards = 1}).bytes(), kMaxTopCounters * 256u);
  EXPECT_LE(TopKeys({.counters = 1, .shards = kAll}).bytes(), kMaxTopShards * 512u);
}

// --- Against exact counts

struct Stream {
  std::size_t keys;
  double skew;
  TopKeysOptions options;
  std::int64_t max_weight;
};

void expect_bounds_of(const Stream& stream, std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", skew " + std::to_string(stream.skew) + ", counters " +
               std::to_string(stream.options.counters));
  Zipf keys(stream.keys, stream.skew, seed);
  base::Jitter weights(seed + 1);
  TopKeys top(stream.options);
  Exact exact;
  double total = 0;
  for (int i = 0; i < 8'000; ++i) {
    const std::string key = keys.next();
    const auto weight = 1 + static_cast<std::int64_t>(weights.next() % static_cast<std::uint64_t>(stream.max_weight));
    top.add(key, weight, kStart);
    exact[key] += static_cast<double>(weight);
    total += static_cast<double>(weight);
  }
  for (const std::size_t most : {kAll, std::size_t{20}}) {
    const TopList list = top.top(most, kStart);
    expect_bounds_to_hold(list, exact);
    EXPECT_EQ(list.scope.total, static_cast<std::uint64_t>(total));
  }
  // One shard: every key above total / counters is there.
  if (stream.options.shards != 1) return;
  const double must = total / static_cast<double>(stream.options.counters);
  EXPECT_LE(static_cast<double>(top.top(kAll, kStart).scope.unlisted_at_most), must + 1);
}

TEST(TopKeys, TheirBoundsHoldOnAnyStream) {
  const std::uint64_t seed = base::jitter_seed();
  for (const double skew : {0.0, 0.8, 1.1, 1.5}) {
    for (const std::int64_t max_weight : {1, 1000}) {
      expect_bounds_of({5'000, skew, one_shard(1), max_weight}, seed);
      expect_bounds_of({5'000, skew, one_shard(64), max_weight}, seed);
      expect_bounds_of({5'000, skew, {.counters = 16, .shards = 8, .halving = 0ms, .hash_seed = seed}, max_weight},
                       seed);
      expect_bounds_of({100, skew, {.halving = 0ms, .hash_seed = seed}, max_weight}, seed);
    }
  }
}

TEST(TopKeys, OfATypicalStreamTheFirstTwentyAreRight) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Zipf keys(100'000, 1.0, seed);
    TopKeys top({.halving = 0ms, .hash_seed = seed});
    Exact exact;
    for (int i = 0; i < 100'000; ++i) {
      const std::string key = keys.next();
      top.add(key, 1, kStart);
      exact[key] += 1;
    }
    std::vector<double> counts;
    for (const auto& [key, count] : exact) counts.push_back(count);
    std::ranges::sort(counts, std::greater<>());
    const TopList list = top.top(20, kStart);
    const auto right =
        std::ranges::count_if(list.keys, [&](const TopKey& key) { return exact[key.key] >= counts[19]; });
    EXPECT_EQ(right, 20);
    expect_bounds_to_hold(list, exact);
  }
}

TEST(TopKeys, AFloodOfNewKeysNeitherGrowsThemNorHidesWhoIsBusy) {
  TopKeys top({.halving = 0ms, .hash_seed = 42});
  const std::size_t bytes = top.bytes();
  constexpr int kFlood = 100'000;
  for (int i = 0; i < kFlood; ++i) {
    top.add("flood " + std::to_string(i), 1, kStart);
    if (i % 50 == 0) top.add("busy", 1, kStart);
  }
  EXPECT_EQ(top.bytes(), bytes);
  EXPECT_LE(bytes, 200'000u);
  const TopList list = top.top(kAll, kStart);
  EXPECT_EQ(list.keys.size(), kDefaultTopShards * kDefaultTopCounters);
  EXPECT_EQ(list.keys.front().key, "busy");
  EXPECT_GE(list.keys.front().count, 2'000u);
  EXPECT_LE(list.keys.front().count - list.keys.front().over_by_at_most, 2'000u);
  EXPECT_LE(list.scope.unlisted_at_most, 2 * kFlood / (kDefaultTopShards * kDefaultTopCounters));
}

// --- Ageing

TEST(TopKeys, CountsHalveWithEachInterval) {
  TopKeys top({.counters = 8, .shards = 1, .halving = 60s});
  top.add("a", 100, kStart);
  top.add("b", 7, kStart);
  EXPECT_EQ(top.top(kAll, kStart + 59s).keys, (std::vector<TopKey>{{"a", 100, 0}, {"b", 7, 0}}));
  EXPECT_EQ(top.top(kAll, kStart + 60s).keys, (std::vector<TopKey>{{"a", 50, 0}, {"b", 4, 1}})) << "3.5: 3 to 4";
  EXPECT_EQ(top.top(kAll, kStart + 120s).keys, (std::vector<TopKey>{{"a", 25, 0}, {"b", 2, 1}}));
  EXPECT_EQ(top.top(kAll, kStart + 60s).scope.total, 54u);
  top.add("a", 10, kStart + 185s);
  EXPECT_EQ(top.top(kAll, kStart + 190s).keys.front(), (TopKey{"a", 23, 1})) << "12.5 and 10";
  EXPECT_EQ(top.top(kAll, kStart + 245s).keys.front(), (TopKey{"a", 12, 1}))
      << "intervals are the clock's, not the key's";
}

TEST(TopKeys, KeysThatCameAtDifferentTimesOfAnIntervalAgeTogether) {
  TopKeys top({.halving = 10s, .hash_seed = 3});
  for (int i = 0; i < 100; ++i) top.add(std::to_string(i), 64, kStart + Milliseconds(i * 99));
  for (const TopKey& key : top.top(kAll, kStart + 9'999ms).keys) EXPECT_EQ(key.count, 64u);
  const TopList list = top.top(kAll, kStart + 10s);
  EXPECT_EQ(list.keys.size(), 100u);
  for (const TopKey& key : list.keys) EXPECT_EQ(key.count, 32u) << key.key << ", whatever its shard";
  const TimePoint before_zero{-5s};
  TopKeys early({.halving = 10s});
  early.add("a", 64, before_zero);
  EXPECT_EQ(early.top(1, TimePoint(-1s)).keys.front().count, 64u);
  EXPECT_EQ(early.top(1, TimePoint(0s)).keys.front().count, 32u);
}

TEST(TopKeys, WhatIsLongAgoIsNotShown) {
  TopKeys top({.counters = 2, .shards = 1, .halving = 1s});
  top.add("a", 4, kStart);
  EXPECT_EQ(top.top(kAll, kStart + 3s).keys.size(), 1u);
  EXPECT_EQ(top.top(kAll, kStart + 4s).keys.size(), 0u) << "a quarter of a unit";
  EXPECT_EQ(top.top(kAll, kStart + 4s).scope, (TopScope{.total = 1, .unlisted_at_most = 1}));
  EXPECT_EQ(top.top(kAll, kStart + 24h).keys.size(), 0u);
  top.add("b", 1, kStart + 24h);
  EXPECT_EQ(top.top(kAll, kStart + 24h).keys, (std::vector<TopKey>{{"b", 1, 0}}));
  EXPECT_EQ(top.top(kAll, kStart + 24h).scope, (TopScope{.total = 1, .unlisted_at_most = 0}));
}

TEST(TopKeys, ATimeThatStepsBackAgesNothing) {
  TopKeys top({.counters = 2, .shards = 1, .halving = 1s});
  top.add("a", 8, kStart + 10s);
  top.add("a", 8, kStart);
  EXPECT_EQ(top.top(kAll, kStart).keys, (std::vector<TopKey>{{"a", 16, 0}}));
}

TEST(TopKeys, TheirBoundsHoldForTheAgedTruth) {
  const std::uint64_t seed = base::jitter_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Zipf keys(2'000, 1.0, seed);
  base::Jitter random(seed + 1);
  TopKeys top({.counters = 50, .shards = 1, .halving = 100ms});
  Exact exact;
  TimePoint now = kStart;
  TimePoint halves_at = kStart + 100ms;
  for (int i = 0; i < 30'000; ++i) {
    if (random.next() % 10 == 0) now += Milliseconds(random.next() % 5);
    for (; now >= halves_at; halves_at += 100ms) {
      for (auto& [key, count] : exact) count /= 2;
    }
    const std::string key = keys.next();
    const auto weight = static_cast<std::int64_t>(1 + random.next() % 20);
    top.add(key, weight, now);
    exact[key] += static_cast<double>(weight);
    if (i % 5'000 == 0) expect_bounds_to_hold(top.top(kAll, now), exact);
  }
  expect_bounds_to_hold(top.top(kAll, now), exact);
  expect_bounds_to_hold(top.top(20, now), exact);
}

// --- Keys of any kind

TEST(TopKeys, KeysAreBytes) {
  TopKeys top(one_shard(8));
  const std::string nul("a\0b", 3);
  top.add(nul, 3, kStart);
  top.add("a", 2, kStart);
  top.add("", 1, kStart);
  top.add(std::string_view(), 1, kStart);
  EXPECT_EQ(top.top(kAll, kStart).keys, (std::vector<TopKey>{{nul, 3, 0}, {"", 2, 0}, {"a", 2, 0}}));
}

TEST(TopKeys, LongKeysAreToldApartBeyondWhatIsShown) {
  TopKeys top(one_shard(8));
  const std::string beginning(kMaxTopKeyBytes, 'x');
  top.add(beginning, 4, kStart);
  top.add(beginning + "1", 3, kStart);
  top.add(beginning + "2", 2, kStart);
  top.add(beginning + "22", 1, kStart);
  EXPECT_EQ(top.top(kAll, kStart).keys,
            (std::vector<TopKey>{
                {beginning, 4, 0, false}, {beginning, 3, 0, true}, {beginning, 2, 0, true}, {beginning, 1, 0, true}}));
}

TEST(TopKeys, ACutLeavesNoHalfCharacter) {
  const std::vector<std::string> characters{"\u00e9", "\u20ac", "\U0001f600"};
  for (const std::string& character : characters) {
    for (std::size_t before = kMaxTopKeyBytes - 4; before < kMaxTopKeyBytes; ++before) {
      TopKeys top(one_shard(8));
      const std::string start(before, 'x');
      top.add(start + character + "and so on", 1, kStart);
      const std::size_t room = kMaxTopKeyBytes - before;
      const std::string shown = top.top(kAll, kStart).keys.front().key;
      EXPECT_EQ(shown.substr(0, before + character.size()), room < character.size() ? start : start + character);
    }
  }
  TopKeys top(one_shard(8));
  top.add(std::string(200, '\x80'), 1, kStart);
  EXPECT_EQ(top.top(kAll, kStart).keys.front().key, std::string(kMaxTopKeyBytes, '\x80')) << "no UTF-8: left alone";
}

// --- Threads

TEST(TopKeys, NothingIsLostBetweenThreads) {
  constexpr int kThreads = 8;
  constexpr int kEach = 10'000;
  TopKeys top({.halving = 0ms, .hash_seed = 7});
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop.load()) {
      const TopList list = top.top(20, kStart);
      EXPECT_LE(list.scope.total, std::uint64_t{kThreads * kEach});
    }
  });
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&top, t] {
      Zipf keys(300, 1.0, static_cast<std::uint64_t>(t));
      for (int i = 0; i < kEach; ++i) top.add(keys.next(), 1, kStart);
    });
  }
  for (std::thread& writer : writers) writer.join();
  stop = true;
  reader.join();
  const TopList list = top.top(kAll, kStart);
  std::uint64_t sum = 0;
  for (const TopKey& key : list.keys) sum += key.count;
  EXPECT_EQ(sum, std::uint64_t{kThreads * kEach}) << "300 keys have counters of their own";
  EXPECT_EQ(list.scope.total, sum);
}

TEST(TopKeys, ThreadsThatDisagreeOnTheTimeAgeEachIntervalOnce) {
  TopKeys top({.counters = 8, .shards = 1, .halving = 1s});
  top.add("a", 1 << 20, kStart);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&top, t] {
      for (int i = 0; i < 1'000; ++i) top.add("b", 1, kStart + Milliseconds(i * 10 - t * 7));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const TopList list = top.top(kAll, kStart + 9'999ms);
  const auto a = std::ranges::find(list.keys, "a", &TopKey::key);
  ASSERT_NE(a, list.keys.end());
  EXPECT_EQ(a->count, (1u << 20) >> 9);
}

}  // namespace
}  // namespace envoyou::limiter::top_keys_test
