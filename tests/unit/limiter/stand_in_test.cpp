// Goal: the stand-in starts from what Redis last said, owes what it admits until it is told, and owes everything to a
// Redis that has
//       lost its data.
// Method: answers of Redis made by hand, in virtual time.
#include "limiter/stand_in.hpp"

#include "unit/limiter/local_fixture.hpp"

#include <gtest/gtest.h>

namespace envoyou::limiter::limiter_stand_in_test {
namespace {

Answer redis_says(bool allowed, std::int64_t used, Ms reset_after, Ms retry_after = 0) {
  Answer made;
  made.allowed = allowed;
  made.meters[0] = {used, reset_after};
  made.retry_after[0] = retry_after;
  return made;
}

const RateRule kThirty = rule(30, 60'000);

class LimiterStandInTest : public ::testing::Test {
 protected:
  Request ask(std::string_view key, Ms now) { return local.ask(key, {&kThirty, 1}, now); }
  std::int64_t used(std::string_view key, Ms now) { return local.peek(key, kThirty, now).meters[0].used; }
  void serve_from_redis(std::string_view key, Ms now, int count, std::int64_t others = 0) {
    for (int i = 1; i <= count; ++i)
      local.stand_in.mirror(ask(key, now), Ask::kTake, redis_says(true, others + i, 60'000));
  }

  LocalFixture local;
};

TEST_F(LimiterStandInTest, ASpentLimitStaysSpent) {
  serve_from_redis("k", 1'000, 30);
  const Answer denied = local.take("k", kThirty, 2'000, 1, Owe::kRedis);
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.retry_after[0], 59'000);
  EXPECT_TRUE(local.take("k", kThirty, 61'000, 1, Owe::kRedis).allowed);
}

TEST_F(LimiterStandInTest, WhatOthersSpentIsKnown) {
  serve_from_redis("k", 1'000, 5, 20);
  EXPECT_EQ(used("k", 1'001), 25);
  int admitted = 0;
  for (int i = 0; i < 30; ++i) admitted += local.take("k", kThirty, 2'000, 1, Owe::kRedis).allowed ? 1 : 0;
  EXPECT_EQ(admitted, 5);
}

TEST_F(LimiterStandInTest, ADenialByOthersUsageIsKnown) {
  local.stand_in.mirror(ask("k", 1'000), Ask::kTake, redis_says(false, 30, 45'000, 3'000));
  EXPECT_FALSE(local.take("k", kThirty, 45'999).allowed);
  EXPECT_TRUE(local.take("k", kThirty, 46'000).allowed);
}

TEST_F(LimiterStandInTest, PeekingAtNothingKeepsNothing) {
  local.stand_in.mirror(ask("k", 1'000), Ask::kPeek, redis_says(true, 0, 0));
  EXPECT_EQ(local.store.keys(), 0u);
  local.stand_in.mirror(ask("k", 1'000), Ask::kPeek, redis_says(true, 7, 100));
  EXPECT_EQ(used("k", 1'050), 7);
}

TEST_F(LimiterStandInTest, MirroringOwesNothing) {
  serve_from_redis("k", 1'000, 3);
  EXPECT_EQ(local.stand_in.owing(), 0u);
}

TEST_F(LimiterStandInTest, WhatItAdmittedIsOwedUntilSettled) {
  local.take("a", kThirty, 10, 1, Owe::kRedis);
  local.take("a", kThirty, 20, 2, Owe::kRedis);
  local.take("b", kThirty, 30, 3, Owe::kRedis);
  EXPECT_EQ(local.stand_in.owing(), 2u);
  const auto merges = local.stand_in.owed_by(ask("a", 40));
  ASSERT_EQ(merges.size(), 1u);
  EXPECT_EQ(merges[0].key, "a");
  EXPECT_EQ(merges[0].meter.window, 60'000);
  ASSERT_EQ(merges[0].entries.size(), 2u);
  EXPECT_EQ(merges[0].entries[1].cost, 2);
  EXPECT_EQ(local.stand_in.settle(merges[0], 50), 2u);
  EXPECT_EQ(local.stand_in.settle(merges[0], 50), 0u) << "settled once";
  EXPECT_EQ(local.stand_in.owing(), 1u);
  EXPECT_EQ(used("a", 60), 3) << "what was told still counts here";
}

TEST_F(LimiterStandInTest, EveryWindowOfAKeyOwesForItself) {
  const std::array rules{rule(10, 1'000), rule(100, 60'000)};
  local.take("k", rules, 0, 1, Owe::kRedis);
  const auto merges = local.stand_in.owed_by(local.ask("k", rules, 1));
  ASSERT_EQ(merges.size(), 2u);
  EXPECT_NE(merges[0].token, merges[1].token);
  EXPECT_NE(merges[0].meter.window, merges[1].meter.window);
}

TEST_F(LimiterStandInTest, DebtsThatNoLongerCountLapse) {
  local.take("k", kThirty, 0, 1, Owe::kRedis);
  EXPECT_TRUE(local.stand_in.owed_by(ask("k", 60'000)).empty());
  EXPECT_EQ(local.stand_in.owing(), 0u);
}

TEST_F(LimiterStandInTest, DebtsAreCollectedByShard) {
  for (int i = 0; i < 100; ++i) local.take("k" + std::to_string(i), kThirty, 0, 1, Owe::kRedis);
  std::size_t found = 0;
  for (std::size_t shard = 0; shard < local.stand_in.shard_count(); ++shard) {
    for (auto merges = local.stand_in.owed_by_shard(shard, 10, 1); !merges.empty();
         merges = local.stand_in.owed_by_shard(shard, 10, 1)) {
      ASSERT_LE(merges.size(), 10u);
      for (const auto& merge : merges) found += local.stand_in.settle(merge, 1);
    }
  }
  EXPECT_EQ(found, 100u);
  EXPECT_EQ(local.stand_in.owing(), 0u);
}

TEST_F(LimiterStandInTest, AResetInAnOutageIsOwed) {
  serve_from_redis("k", 1'000, 30);
  local.backend.reset(ask("k", 2'000), Owe::kRedis);
  EXPECT_TRUE(local.take("k", kThirty, 2'001, 1, Owe::kRedis).allowed);
  const auto merges = local.stand_in.owed_by(ask("k", 3'000));
  ASSERT_EQ(merges.size(), 1u);
  EXPECT_EQ(merges[0].reset_at, 2'000);
  EXPECT_EQ(merges[0].entries.size(), 1u);
}

TEST_F(LimiterStandInTest, AResetOfAnUnknownKeyIsOwedAsLongAsItMatters) {
  local.backend.reset(ask("never seen", 2'000), Owe::kRedis);
  EXPECT_EQ(local.stand_in.owing(), 1u);
  EXPECT_EQ(local.stand_in.owed_by(ask("never seen", 3'000)).size(), 1u);
}

TEST_F(LimiterStandInTest, AResetThatRedisHeardCancelsDebts) {
  local.take("k", kThirty, 0, 1, Owe::kRedis);
  local.backend.reset(ask("k", 10), Owe::kNothing);
  EXPECT_EQ(local.stand_in.owing(), 0u);
  EXPECT_EQ(used("k", 11), 0);
}

TEST_F(LimiterStandInTest, ARedisThatLostItsDataIsOwedAllThatCounts) {
  serve_from_redis("a", 1'000, 3, 4);
  serve_from_redis("old", 0, 3);
  local.take("b", kThirty, 2'000, 2, Owe::kRedis);
  local.stand_in.owe_everything(60'500);
  EXPECT_EQ(local.stand_in.owing(), 2u);
  const auto merges = local.stand_in.owed_by(ask("a", 60'600));
  ASSERT_EQ(merges.size(), 1u);
  ASSERT_EQ(merges[0].entries.size(), 1u);
  EXPECT_EQ(merges[0].entries[0].cost, 3) << "our own, and not what others used";
}

TEST_F(LimiterStandInTest, WhatIsOwedIsNotTakenForOthersUsage) {
  local.take("k", kThirty, 0, 5, Owe::kRedis);
  local.stand_in.mirror(ask("k", 10), Ask::kTake, redis_says(true, 4, 60'000));
  EXPECT_EQ(used("k", 11), 5 + 1 + 3) << "five owed, one of ours in Redis, three of others";
}

}  // namespace
}  // namespace envoyou::limiter::limiter_stand_in_test
