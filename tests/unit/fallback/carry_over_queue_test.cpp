// Goal: the queue keeps the newest entry of each key in order, holds its bounds, and counts as pending whatever is not
// settled. Method: the steps of a module by hand; then random steps against a plain map, with a printed seed.
#include "fallback/carry_over_queue.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <map>

namespace envoyou::fallback::carry_over_queue_test {
namespace {

using Queue = CarryOverQueue<std::string>;

TEST(CarryOverQueue, KeepsTheNewestOfEachKey) {
  Queue queue({});
  EXPECT_TRUE(queue.put("a", "1", 1));
  EXPECT_TRUE(queue.put("b", "2", 1));
  EXPECT_TRUE(queue.put("a", "3", 1));
  EXPECT_EQ(queue.pending(), 2u);
  EXPECT_EQ(queue.waiting("a"), "3");
  const auto taken = queue.take(10);
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].key, "b");
  EXPECT_EQ(taken[1].value, "3");
}

TEST(CarryOverQueue, WhatIsInHandIsPendingUntilSettled) {
  Queue queue({});
  queue.put("a", "1", 1);
  const auto taken = queue.take(1);
  EXPECT_EQ(queue.pending(), 1u);
  EXPECT_TRUE(queue.take(1).empty());
  queue.settle(taken[0]);
  EXPECT_EQ(queue.pending(), 0u);
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(CarryOverQueue, WhatIsGivenBackComesFirstAgain) {
  Queue queue({});
  queue.put("a", "1", 1);
  queue.put("b", "2", 1);
  auto taken = queue.take(1);
  queue.give_back(std::move(taken[0]));
  EXPECT_EQ(queue.take(1)[0].key, "a");
}

TEST(CarryOverQueue, ANewerEntryWinsOverOneThatIsGivenBack) {
  Queue queue({});
  queue.put("a", "old", 1);
  auto taken = queue.take(1);
  queue.put("a", "new", 1);
  EXPECT_EQ(queue.pending(), 2u);
  queue.give_back(std::move(taken[0]));
  EXPECT_EQ(queue.pending(), 1u);
  EXPECT_EQ(queue.take(1)[0].value, "new");
}

TEST(CarryOverQueue, RefusesAndCountsWhatDoesNotFit) {
  Queue queue({.max_entries = 2, .max_bytes = 100});
  EXPECT_TRUE(queue.put("a", "1", 10));
  EXPECT_FALSE(queue.put("b", "2", 1000));
  EXPECT_TRUE(queue.put("b", "2", 10));
  EXPECT_FALSE(queue.put("c", "3", 10));
  EXPECT_EQ(queue.overflowed(), 2u);
  EXPECT_TRUE(queue.put("a", "4", 10)) << "replacing needs no room of its own";
}

TEST(CarryOverQueue, AnEntryThatIsNoLongerTrueGoesEvenIfTheNewOneDoesNotFit) {
  Queue queue({.max_entries = 2, .max_bytes = 100});
  queue.put("a", "old", 10);
  EXPECT_FALSE(queue.put("a", "new", 1000));
  EXPECT_FALSE(queue.waiting("a").has_value());
  EXPECT_EQ(queue.pending(), 0u);
}

TEST(CarryOverQueue, WithdrawnEntriesAreGone) {
  Queue queue({});
  queue.put("a", "1", 1);
  queue.withdraw("a");
  queue.withdraw("never there");
  EXPECT_EQ(queue.pending(), 0u);
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(CarryOverQueue, AgreesWithAMapUnderRandomSteps) {
  const std::uint64_t seed = base::jitter_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  base::Jitter random(seed);
  Queue queue({.max_entries = 1000, .max_bytes = 1 << 20});
  std::map<std::string, std::string> truth;
  std::vector<Queue::Entry> hand;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = "k" + std::to_string(random.next() % 50);
    switch (random.next() % 6) {
      case 0:
      case 1:
        ASSERT_TRUE(queue.put(key, std::to_string(i), 8));
        truth[key] = std::to_string(i);
        break;
      case 2:
        queue.withdraw(key);
        truth.erase(key);
        break;
      case 3:
        for (auto& entry : queue.take(random.next() % 4)) {
          ASSERT_EQ(truth.at(entry.key), entry.value);
          truth.erase(entry.key);
          hand.push_back(std::move(entry));
        }
        break;
      case 4:
        for (const auto& entry : hand) queue.settle(entry);
        hand.clear();
        break;
      default:
        // Newest first, so that of two of one key in hand the newer one is there when the older one returns.
        for (; !hand.empty(); hand.pop_back()) {
          truth.try_emplace(hand.back().key, hand.back().value);
          queue.give_back(std::move(hand.back()));
        }
    }
    ASSERT_EQ(queue.pending(), truth.size() + hand.size());
  }
}

}  // namespace
}  // namespace envoyou::fallback::carry_over_queue_test
