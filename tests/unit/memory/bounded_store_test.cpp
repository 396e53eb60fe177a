// Goal: the store returns what was put and has not ended, never holds more bytes than its bound, and says why entries
// left. Method: hand-fed time; small bounds, so that every put has to make room; threads for the bound under
// concurrency.
#include "memory/bounded_store.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "../times.hpp"

namespace envoyou::memory::bounded_store_test {
namespace {

using std::chrono::seconds;
using Text = std::shared_ptr<const std::string>;
using Store = BoundedStore<Text>;

Text text(std::string value) { return std::make_shared<const std::string>(std::move(value)); }

bool put(Store& store, std::string_view key, std::string value, seconds ttl = seconds(60), TimePoint now = t0) {
  const std::size_t size = value.size();
  return store.put(key, text(std::move(value)), size, now + ttl, now);
}

std::string get(Store& store, std::string_view key, TimePoint now = t0) {
  const auto found = store.get(key, now);
  return found ? *found->value : "(none)";
}

constexpr std::size_t room_for(std::size_t entries, std::size_t key, std::size_t value) {
  return entries * (key + value + Store::kEntryOverhead);
}

TEST(BoundedStore, ReturnsWhatWasPutAlsoWhenItIsEmpty) {
  Store store({});
  EXPECT_TRUE(put(store, "a", "one"));
  EXPECT_TRUE(put(store, "b", ""));
  EXPECT_TRUE(put(store, std::string("\0\xff", 2), "bytes"));
  EXPECT_EQ(get(store, "a"), "one");
  EXPECT_EQ(get(store, "b"), "");
  EXPECT_EQ(get(store, std::string("\0\xff", 2)), "bytes");
  EXPECT_EQ(get(store, std::string("\0", 1)), "(none)");
  EXPECT_EQ(store.entries(), 3U);
}

TEST(BoundedStore, AnEntryEndsWithItsTimeAndIsNotAskedForAgain) {
  Store store({});
  put(store, "a", "one", seconds(10));
  EXPECT_EQ(get(store, "a", t0 + seconds(9)), "one");
  EXPECT_EQ(get(store, "a", t0 + seconds(10)), "(none)");
  EXPECT_EQ(store.entries(), 0U);
  EXPECT_EQ(store.bytes(), 0U);
  EXPECT_EQ(store.removed(Removal::kExpired), 1U);
}

TEST(BoundedStore, ExpiredEntriesThatNobodyAsksForLeaveWithLaterPuts) {
  Store store({.shards = 1});
  for (int i = 0; i < 100; ++i) put(store, "old" + std::to_string(i), "x", seconds(1));
  for (int i = 0; i < 25; ++i) {
    put(store, "new" + std::to_string(i), "x", seconds(60), t0 + seconds(2));
  }
  EXPECT_EQ(store.entries(), 25U);
  EXPECT_EQ(store.removed(Removal::kExpired), 100U);
}

TEST(BoundedStore, TheLeastRecentlyUsedMakesRoom) {
  Store store({.max_bytes = room_for(3, 1, 10), .shards = 1});
  for (const char* key : {"a", "b", "c"}) put(store, key, std::string(10, '.'));
  EXPECT_EQ(get(store, "a"), "..........");
  put(store, "d", std::string(10, '.'));
  EXPECT_EQ(get(store, "b"), "(none)");
  EXPECT_NE(get(store, "a"), "(none)");
  EXPECT_EQ(store.removed(Removal::kCapacity), 1U);
}

TEST(BoundedStore, WhatHasEndedMakesRoomBeforeWhatHasNot) {
  Store store({.max_bytes = room_for(2, 1, 10), .shards = 1});
  put(store, "a", std::string(10, '.'), seconds(60));
  put(store, "b", std::string(10, '.'), seconds(1));
  put(store, "c", std::string(10, '.'), seconds(60), t0 + seconds(2));
  EXPECT_NE(get(store, "a", t0 + seconds(2)), "(none)");
  EXPECT_EQ(store.removed(Removal::kCapacity), 0U);
}

TEST(BoundedStore, AValueTooLargeForTheStoreIsRefusedAndItsKeyHasNoneThen) {
  Store store({.max_bytes = room_for(1, 1, 100)});
  put(store, "a", "small");
  EXPECT_FALSE(put(store, "a", std::string(101, '.')));
  EXPECT_EQ(get(store, "a"), "(none)");
  EXPECT_TRUE(put(store, "a", std::string(100, '.')));
}

TEST(BoundedStore, OneValueMayUseTheRoomOfEveryShard) {
  Store store({.max_bytes = room_for(1, 1, 10'000), .shards = 16});
  for (int i = 0; i < 30; ++i) put(store, "k" + std::to_string(i), std::string(100, '.'));
  EXPECT_TRUE(put(store, "x", std::string(10'000, '.')));
  EXPECT_EQ(store.entries(), 1U);
}

TEST(BoundedStore, ReplacingRemovingAndClearingCountTheirBytesBack) {
  Store store({});
  put(store, "a", "one");
  put(store, "a", "another");
  EXPECT_EQ(store.bytes(), room_for(1, 1, 7));
  EXPECT_TRUE(store.remove("a"));
  EXPECT_FALSE(store.remove("a"));
  EXPECT_EQ(store.bytes(), 0U);
  put(store, "b", "x");
  store.clear();
  EXPECT_EQ(store.bytes(), 0U);
  EXPECT_EQ(get(store, "b"), "(none)");
  EXPECT_EQ(store.removed(Removal::kReplaced), 1U);
  EXPECT_EQ(store.removed(Removal::kRemoved), 1U);
  EXPECT_EQ(store.removed(Removal::kCleared), 1U);
  EXPECT_TRUE(put(store, "b", "again"));
}

TEST(BoundedStore, NeverHoldsMoreThanItsBoundWhateverThreadsDo) {
  constexpr std::size_t kBound = 20'000;
  Store store({.max_bytes = kBound, .shards = 4});
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    threads.emplace_back([&, seed] {
      base::Jitter random(seed);
      for (int i = 0; i < 5'000; ++i) {
        const std::string key = "k" + std::to_string(random.next() % 200);
        switch (random.next() % 4) {
          case 0: store.remove(key); break;
          case 1: (void)store.get(key, t0); break;
          default: put(store, key, std::string(random.next() % 2'000, '.'));
        }
        if (store.bytes() > kBound) exceeded = true;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(exceeded);
  store.clear();
  EXPECT_EQ(store.bytes(), 0U);
  EXPECT_EQ(store.entries(), 0U);
}

}  // namespace
}  // namespace envoyou::memory::bounded_store_test
