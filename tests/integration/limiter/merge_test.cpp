// Goal: what was admitted elsewhere enters a log of Redis at its own time, once, without disturbing its order or its
// sums, and at a
//       bounded cost.
// Method: virtual time on a real server; random takes and merges against the plain oracle with a printed seed; the
// edges by hand.
#include "conformance/limiter_stage.hpp"
#include "support/limiter_oracle.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace envoyou::limiter::merge_test {
namespace {

using testing::OracleRule;
using testing::SlidingLogOracle;

constexpr Ms kNow = 1'700'000'000'000;

class LimiterMerge : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new testing::RedisServer(testing::RedisServer::start()); }
  static void TearDownTestSuite() { delete server_; }

  LimiterMerge() : client_(connect(redis::parse_url(server_->url()).value())), stage_({server_}, client_) {}

  Answer ask(std::string_view key, std::int64_t limit, Ms window, Ms now, std::int64_t cost, bool take) {
    const RateRule rule{.limit = limit, .window = Milliseconds(window)};
    Request request = Request::of(key, {&rule, 1}, cost);
    request.now = now;
    return stage_.redis().ask(request, take ? Ask::kTake : Ask::kPeek, kPatient).value();
  }
  std::int64_t used(std::string_view key, Ms window, Ms now) {
    return ask(key, 1'000'000, window, now, 1, false).meters[0].used;
  }

  Merge merge_of(std::string key, Ms window, std::vector<OwedEntry> entries) {
    Merge made;
    made.key = std::move(key);
    made.meter = {Algorithm::kSlidingLog, 0, window};
    made.token = ++token_;
    made.entries = std::move(entries);
    return made;
  }
  Result<Merged> merge(const Merge& one, Ms now) { return stage_.redis().merge({&one, 1}, kPatient, now).front(); }

  const Deadline kPatient = Deadline::never();
  static testing::RedisServer* server_;
  std::shared_ptr<redis::Client> client_;
  RedisStage stage_;
  std::uint64_t token_ = 0;
};

testing::RedisServer* LimiterMerge::server_ = nullptr;

TEST_F(LimiterMerge, EntersWhatStillCountsAtItsOwnTime) {
  ask("k", 10, 1'000, kNow, 2, true);
  const auto merged = merge(merge_of("k", 1'000, {{kNow - 1'500, 1}, {kNow - 899, 3}, {kNow + 50, 4}}), kNow + 100);
  ASSERT_TRUE(merged);
  EXPECT_EQ(merged->entered, 2);
  EXPECT_EQ(merged->as_of_now, 0);
  EXPECT_EQ(used("k", 1'000, kNow + 100), 9);
  EXPECT_EQ(used("k", 1'000, kNow + 101), 6) << "the entry of 999 ms ago goes first";
  EXPECT_EQ(used("k", 1'000, kNow + 1'000), 4);
  EXPECT_EQ(used("k", 1'000, kNow + 1'050), 0);
}

TEST_F(LimiterMerge, OneThatIsSentAgainCountsOnce) {
  const Merge one = merge_of("k", 1'000, {{kNow, 5}});
  EXPECT_EQ(merge(one, kNow + 10)->entered, 1);
  EXPECT_EQ(merge(one, kNow + 20)->entered, 0);
  EXPECT_EQ(used("k", 1'000, kNow + 20), 5);
}

TEST_F(LimiterMerge, AnAnswerToTheNextQuestionKnowsOfIt) {
  const RateRule rule{.limit = 10, .window = Milliseconds(60'000)};
  const Merge one = merge_of("k", 60'000, {{to_ms(system_clock()->now()) - 10, 10}});
  const auto both = stage_.redis().ask_after({&one, 1}, Request::of("k", {&rule, 1}, 1), Ask::kTake, kPatient);
  ASSERT_EQ(both.merged.size(), 1u);
  EXPECT_TRUE(both.merged[0]);
  EXPECT_FALSE(both.answer->allowed);
}

TEST_F(LimiterMerge, TheQuestionWaitsForItAlsoWhereTheServerKnowsNoScript) {
  const RateRule rule{.limit = 10, .window = Milliseconds(60'000)};
  for (int i = 0; i < 5; ++i) {
    const std::string key = "k" + std::to_string(i);
    server_->cli({"SCRIPT", "FLUSH"});
    const Merge one = merge_of(key, 60'000, {{to_ms(system_clock()->now()) - 10, 10}});
    EXPECT_FALSE(
        stage_.redis().ask_after({&one, 1}, Request::of(key, {&rule, 1}, 1), Ask::kTake, kPatient).answer->allowed);
  }
}

TEST_F(LimiterMerge, AResetComesBeforeItsEntries) {
  ask("k", 10, 1'000, kNow, 9, true);
  ask("k", 20, 1'000, kNow + 50, 4, true);
  Merge one = merge_of("k", 1'000, {{kNow + 30, 2}});
  one.reset_at = kNow + 20;
  ASSERT_TRUE(merge(one, kNow + 100));
  EXPECT_EQ(used("k", 1'000, kNow + 100), 6) << "four after the reset, and the two entered";
}

TEST_F(LimiterMerge, ManyNewerMembersAreNotRewritten) {
  for (int i = 0; i < 2'500; ++i) {
    ask("k", 1'000'000, 100'000, kNow + i, 1, true);
  }
  const auto merged = merge(merge_of("k", 100'000, {{kNow + 1, 7}, {kNow + 2, 1}}), kNow + 3'000);
  EXPECT_EQ(merged->as_of_now, 2);
  EXPECT_EQ(used("k", 100'000, kNow + 3'000), 2'508);
  EXPECT_EQ(used("k", 100'000, kNow + 102'999), 8) << "they count for longer, never for shorter";
}

TEST_F(LimiterMerge, TotalsThatNearTheEndOfWholeNumbersAreLowered) {
  constexpr double kNearly = 9'000'000'000'000'000.0;  // just below 2^53
  const RateRule rule{.limit = 1'000'000, .window = Milliseconds(60'000)};
  const std::string key = stage_.redis().stem("k") + "w60000";
  // Two members as they would stand after years of never being empty.
  const std::string script = "redis.call('ZADD', KEYS[1], ARGV[1], struct.pack('>I8I4', " + std::to_string(kNearly) +
                             ", 5), ARGV[1], struct.pack('>I8I4', " + std::to_string(kNearly + 7) + ", 7))";
  server_->cli({"EVAL", script, "1", key, std::to_string(kNow)});
  ASSERT_EQ(used("k", 60'000, kNow), 12);
  for (int i = 1; i <= 20; ++i) EXPECT_EQ(ask("k", 1'000'000, 60'000, kNow + i, 3, true).meters[0].used, 12 + 3 * i);
  EXPECT_EQ(server_->cli(
                {"EVAL", "return tostring(struct.unpack('>I8', redis.call('ZRANGE', KEYS[1], -1, -1)[1]))", "1", key}),
            "72");
}

TEST_F(LimiterMerge, AKeyOfAnotherTypeIsAnErrorAndLeavesNoMarker) {
  server_->cli({"SET", stage_.redis().stem("k") + "w1000", "x"});
  const auto merged = merge(merge_of("k", 1'000, {{kNow, 1}}), kNow);
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code(), Errc::kWrongType);
  EXPECT_EQ(server_->cli({"KEYS", stage_.redis().stem("k") + "m*"}), "");
}

TEST_F(LimiterMerge, AgreesWithTheOracle) {
  const std::uint64_t seed = base::jitter_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  base::Jitter random(seed);
  const auto up_to = [&](std::uint64_t n) { return static_cast<std::int64_t>(random.next() % n); };
  for (int run = 0; run < 10; ++run) {
    SlidingLogOracle oracle;
    const std::string key = "run " + std::to_string(run);
    const OracleRule rule{20 + up_to(30), 200 + up_to(800)};
    Ms now = kNow;
    for (int step = 0; step < 150; ++step) {
      now += up_to(40);
      if (up_to(4) == 0) {
        std::vector<OwedEntry> entries;
        Ms at = now - up_to(1'200);
        for (std::int64_t i = up_to(6); i >= 0 && at <= now; --i, at += up_to(100))
          entries.push_back({at, 1 + up_to(3)});
        for (const auto& entry : entries) oracle.enter(key, rule.window, entry.at, entry.cost);
        ASSERT_TRUE(merge(merge_of(key, rule.window, entries), now));
        continue;
      }
      const std::int64_t cost = 1 + up_to(8);
      const auto expected = oracle.hit(key, {rule}, cost, now);
      const Answer got = ask(key, rule.limit, rule.window, now, cost, true);
      ASSERT_EQ(got.allowed, expected.allowed) << "run " << run << " step " << step;
      ASSERT_EQ(got.retry_after[0], expected.retry_after) << "run " << run << " step " << step;
      ASSERT_EQ(std::max<std::int64_t>(0, rule.limit - got.meters[0].used), expected.remaining);
      ASSERT_EQ(got.meters[0].reset_after, expected.reset_after);
    }
  }
}

TEST_F(LimiterMerge, ABatchOfManyEntriesIsOneTrip) {
  std::vector<OwedEntry> entries;
  for (Ms i = 0; i < static_cast<Ms>(kMaxMergeEntries); ++i) entries.push_back({kNow + i, 1});
  EXPECT_EQ(merge(merge_of("k", 100'000, entries), kNow + 2'000)->entered, static_cast<std::int64_t>(kMaxMergeEntries));
  EXPECT_EQ(used("k", 100'000, kNow + 2'000), static_cast<std::int64_t>(kMaxMergeEntries));
}

}  // namespace
}  // namespace envoyou::limiter::merge_test
