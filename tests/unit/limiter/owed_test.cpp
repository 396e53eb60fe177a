// Goal: what is owed to Redis is told once: a batch keeps its token for as long as it may have arrived, what came later
// goes beside it,
//       and nothing grows without bound or past its use.
// Method: by hand.
#include "limiter/owed.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace envoyou::limiter::owed_test {
namespace {

constexpr Ms kLongAgo = -1'000'000;

class Tokens {
 public:
  std::function<std::uint64_t()> next() {
    return [this] { return ++last_; };
  }

 private:
  std::uint64_t last_ = 0;
};

TEST(Owed, ABatchIsTheSameUntilItIsSettledAndWhatIsNewGoesBesideIt) {
  Owed owed;
  Tokens tokens;
  owed.add({10, 1}, kLongAgo);
  ASSERT_EQ(owed.freeze(tokens.next()).size(), 1u);
  owed.add({20, 2}, kLongAgo);
  const auto merges = owed.freeze(tokens.next());
  ASSERT_EQ(merges.size(), 2u);
  EXPECT_EQ(merges[0].token, 1u);
  EXPECT_EQ(merges[0].entries[0].cost, 1);
  EXPECT_EQ(merges[1].token, 2u);
  EXPECT_EQ(merges[1].entries[0].cost, 2);
  EXPECT_EQ(owed.settle(1), 1u);
  EXPECT_EQ(owed.freeze(tokens.next()).at(0).token, 2u);
  EXPECT_EQ(owed.settle(2), 1u);
  EXPECT_TRUE(owed.empty());
}

TEST(Owed, BatchesMayArriveInAnyOrder) {
  Owed owed;
  Tokens tokens;
  owed.add({10, 1}, kLongAgo);
  owed.freeze(tokens.next());
  owed.add({20, 2}, kLongAgo);
  owed.freeze(tokens.next());
  EXPECT_EQ(owed.settle(2), 1u);
  const auto merges = owed.freeze(tokens.next());
  ASSERT_EQ(merges.size(), 1u);
  EXPECT_EQ(merges[0].entries[0].cost, 1);
}

TEST(Owed, WhatCertainlyDidNotArriveIsToldTogetherWithWhatIsNew) {
  Owed owed;
  Tokens tokens;
  owed.add({10, 1}, kLongAgo);
  owed.freeze(tokens.next());
  owed.release(1);
  owed.add({20, 2}, kLongAgo);
  const auto merges = owed.freeze(tokens.next());
  ASSERT_EQ(merges.size(), 1u);
  EXPECT_EQ(merges[0].token, 2u);
  EXPECT_EQ(merges[0].entries.size(), 2u);
}

TEST(Owed, SettlingAnotherTokenSettlesNothing) {
  Owed owed;
  Tokens tokens;
  owed.add({10, 1}, kLongAgo);
  owed.freeze(tokens.next());
  EXPECT_EQ(owed.settle(8), std::nullopt);
  EXPECT_EQ(owed.settle(0), std::nullopt);
  EXPECT_FALSE(owed.empty());
}

TEST(Owed, OneMillisecondIsOneEntryUnlessItsBatchMayHaveArrived) {
  Owed owed;
  Tokens tokens;
  owed.add({10, 1}, kLongAgo);
  owed.add({10, 2}, kLongAgo);
  EXPECT_EQ(owed.freeze(tokens.next()).at(0).entries.size(), 1u);
  owed.add({10, 4}, kLongAgo);
  const auto merges = owed.freeze(tokens.next());
  EXPECT_EQ(merges.at(0).entries.at(0).cost, 3) << "a batch that may have arrived does not change";
  EXPECT_EQ(merges.at(1).entries.at(0).cost, 4);
}

TEST(Owed, AResetForgetsWhatCameBeforeAndComesFirst) {
  Owed owed;
  Tokens tokens;
  owed.add({10, 1}, kLongAgo);
  owed.freeze(tokens.next());
  owed.reset(15);
  owed.add({20, 2}, kLongAgo);
  const auto merges = owed.freeze(tokens.next());
  ASSERT_EQ(merges.size(), 1u);
  EXPECT_EQ(merges[0].token, 2u) << "the old batch is history";
  EXPECT_EQ(merges[0].reset_at, 15);
  ASSERT_EQ(merges[0].entries.size(), 1u);
  EXPECT_EQ(merges[0].entries[0].at, 20);
  EXPECT_EQ(owed.settle(1), std::nullopt);
  EXPECT_EQ(owed.settle(2), 1u);
  EXPECT_TRUE(owed.empty());
}

TEST(Owed, AResetAloneIsOwedToo) {
  Owed owed;
  Tokens tokens;
  owed.reset(5);
  EXPECT_FALSE(owed.empty());
  EXPECT_TRUE(owed.freeze(tokens.next()).at(0).entries.empty());
  owed.release(1);
  EXPECT_FALSE(owed.empty());
  EXPECT_EQ(owed.freeze(tokens.next()).at(0).reset_at, 5);
  EXPECT_EQ(owed.settle(2), 0u);
  EXPECT_TRUE(owed.empty());
}

TEST(Owed, CountsWhatIsNotYetTold) {
  Owed owed;
  owed.add({10, 1}, kLongAgo);
  owed.add({20, 2}, kLongAgo);
  EXPECT_EQ(owed.cost_after(kLongAgo), 3);
  EXPECT_EQ(owed.cost_after(10), 2);
}

TEST(Owed, BeyondItsBoundNeighboursShareTheLaterTime) {
  Owed owed;
  constexpr Ms kMany = static_cast<Ms>(kMaxOwedEntries) * 3;
  for (Ms at = 0; at < kMany; ++at) owed.add({at, 1}, kLongAgo);
  EXPECT_LE(owed.bytes(), sizeof(Owed) + 2 * kMaxOwedEntries * sizeof(OwedEntry));
  EXPECT_EQ(owed.cost_after(kLongAgo), kMany);
  EXPECT_GE(owed.cost_after(kMany - 2), 1);
}

TEST(Owed, WhatCountsNoMoreIsNotKept) {
  Owed owed;
  constexpr Ms kWindow = 100;
  for (Ms at = 0; at < 100'000; ++at) owed.add({at, 1}, at - kWindow);
  EXPECT_LE(owed.bytes(), sizeof(Owed) + 1024 * sizeof(OwedEntry));
  owed.prune(99'999);
  EXPECT_TRUE(owed.empty());
}

TEST(Owed, BatchesAreBoundedInSizeAndNumber) {
  Owed owed;
  Tokens tokens;
  for (Ms at = 0; at < 3'000; ++at) owed.add({at, 1}, kLongAgo);
  const auto merges = owed.freeze(tokens.next());
  ASSERT_EQ(merges.size(), 3u);
  EXPECT_EQ(merges[0].entries.size(), kMaxMergeEntries);
  EXPECT_EQ(merges[2].entries.back().at, 2'999);
  for (Ms at = 3'000; at < 3'100; ++at) {
    owed.add({at, 1}, kLongAgo);
    ASSERT_LE(owed.freeze(tokens.next()).size(), kMaxOwedBatches);
  }
  EXPECT_EQ(owed.cost_after(kLongAgo), 3'100);
}

}  // namespace
}  // namespace envoyou::limiter::owed_test
