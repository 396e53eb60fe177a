// Goal: what is owed to Redis is told once: a batch keeps its token until it is settled, what came later waits for the next one,
//       and nothing grows without bound or past its use.
// Method: by hand.
#include "limiter/owed.hpp"

#include <gtest/gtest.h>

namespace envoyou::limiter {
namespace {

constexpr Ms kLongAgo = -1'000'000;

TEST(Owed, ABatchIsTheSameUntilItIsSettled) {
  Owed owed;
  owed.add(10, 1, kLongAgo);
  const Merge first = owed.freeze(7);
  owed.add(20, 2, kLongAgo);
  const Merge again = owed.freeze(8);
  EXPECT_EQ(again.token, 7u);
  ASSERT_EQ(again.entries.size(), 1u);
  EXPECT_EQ(owed.settle(7), 1u);
  const Merge next = owed.freeze(9);
  EXPECT_EQ(next.token, 9u);
  ASSERT_EQ(next.entries.size(), 1u);
  EXPECT_EQ(next.entries[0].cost, 2);
  EXPECT_EQ(owed.settle(9), 1u);
  EXPECT_TRUE(owed.empty());
}

TEST(Owed, SettlingAnotherTokenSettlesNothing) {
  Owed owed;
  owed.add(10, 1, kLongAgo);
  owed.freeze(7);
  EXPECT_EQ(owed.settle(8), 0u);
  EXPECT_EQ(owed.settle(0), 0u);
  EXPECT_FALSE(owed.empty());
}

TEST(Owed, OneMillisecondIsOneEntryUnlessItsBatchIsUnderWay) {
  Owed owed;
  owed.add(10, 1, kLongAgo);
  owed.add(10, 2, kLongAgo);
  EXPECT_EQ(owed.freeze(7).entries.size(), 1u);
  owed.add(10, 4, kLongAgo);
  EXPECT_EQ(owed.freeze(7).entries[0].cost, 3) << "a batch that may have arrived does not change";
  owed.settle(7);
  EXPECT_EQ(owed.freeze(8).entries[0].cost, 4);
}

TEST(Owed, AResetForgetsWhatCameBeforeAndComesFirst) {
  Owed owed;
  owed.add(10, 1, kLongAgo);
  owed.freeze(7);
  owed.reset(15);
  owed.add(20, 2, kLongAgo);
  const Merge merge = owed.freeze(8);
  EXPECT_EQ(merge.token, 8u) << "the old batch is history";
  EXPECT_EQ(merge.reset_at, 15);
  ASSERT_EQ(merge.entries.size(), 1u);
  EXPECT_EQ(merge.entries[0].at, 20);
  EXPECT_EQ(owed.settle(7), 0u);
  owed.settle(8);
  EXPECT_TRUE(owed.empty());
}

TEST(Owed, AResetAloneIsOwedToo) {
  Owed owed;
  owed.reset(5);
  EXPECT_FALSE(owed.empty());
  EXPECT_TRUE(owed.freeze(1).entries.empty());
  owed.settle(1);
  EXPECT_TRUE(owed.empty());
}

TEST(Owed, CountsWhatIsNotYetTold) {
  Owed owed;
  owed.add(10, 1, kLongAgo);
  owed.add(20, 2, kLongAgo);
  EXPECT_EQ(owed.cost_after(kLongAgo), 3);
  EXPECT_EQ(owed.cost_after(10), 2);
}

TEST(Owed, BeyondItsBoundNeighboursShareTheLaterTime) {
  Owed owed;
  constexpr Ms kMany = static_cast<Ms>(kMaxOwedEntries) * 3;
  for (Ms at = 0; at < kMany; ++at) owed.add(at, 1, kLongAgo);
  EXPECT_LE(owed.bytes(), sizeof(Owed) + 2 * kMaxOwedEntries * sizeof(OwedEntry));
  EXPECT_EQ(owed.cost_after(kLongAgo), kMany);
  EXPECT_GE(owed.cost_after(kMany - 2), 1);
}

TEST(Owed, WhatCountsNoMoreIsNotKept) {
  Owed owed;
  constexpr Ms kWindow = 100;
  for (Ms at = 0; at < 100'000; ++at) owed.add(at, 1, at - kWindow);
  EXPECT_LE(owed.bytes(), sizeof(Owed) + 1024 * sizeof(OwedEntry));
  owed.prune(99'999);
  EXPECT_TRUE(owed.empty());
}

TEST(Owed, ABatchIsBounded) {
  Owed owed;
  for (Ms at = 0; at < 3'000; ++at) owed.add(at, 1, kLongAgo);
  EXPECT_EQ(owed.freeze(1).entries.size(), kMaxMergeEntries);
  owed.settle(1);
  EXPECT_EQ(owed.freeze(2).entries.front().at, static_cast<Ms>(kMaxMergeEntries));
}

}  // namespace
}  // namespace envoyou::limiter
