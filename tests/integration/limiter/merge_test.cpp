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

constexpr std::array kOthers{Algorithm::kCompactLog, Algorithm::kSlidingCounter, Algorithm::kGcra,
                             Algorithm::kFixedWindow};

// What every algorithm does with what it is told afterwards.
TEST_F(LimiterMerge, EveryAlgorithmEntersWhatStillCountsAndOnce) {
  constexpr Ms kStart = kNow - kNow % 10'000;  // of an aligned window
  for (const Algorithm algorithm : kOthers) {
    const RateRule rule{.limit = 100, .window = Milliseconds(10'000), .algorithm = algorithm};
    const std::string key(to_string(algorithm));
    Request asked = Request::of(key, {&rule, 1}, 2);
    asked.now = kStart + 5'000;
    stage_.redis().ask(asked, Ask::kTake, kPatient).value();
    Merge one = merge_of(key, 10'000, {{kStart - 40'000, 50}, {kStart + 4'900, 3}, {kStart + 5'000, 4}});
    one.meter.algorithm = algorithm;
    one.rate = rule.limit;
    ASSERT_TRUE(merge(one, kStart + 5'000)) << key;
    EXPECT_EQ(merge(one, kStart + 5'000)->entered, 0) << key;
    const auto used = stage_.redis().ask(asked, Ask::kPeek, kPatient)->meters[0].used;
    EXPECT_GE(used, algorithm == Algorithm::kGcra ? 8 : 9) << key;
    EXPECT_LE(used, 9) << key << ": what is long past counts no more";
  }
}

TEST_F(LimiterMerge, ABucketIsAsEmptyAsTheStandInSawIt) {
  const RateRule rule{.limit = 10, .window = Milliseconds(10'000), .algorithm = Algorithm::kGcra};
  Merge one = merge_of("bucket", 10'000, {{kNow - 100, 1}});
  one.meter.algorithm = Algorithm::kGcra;
  one.rate = rule.limit;
  one.ahead = 6'500;
  ASSERT_TRUE(merge(one, kNow));
  Request asked = Request::of("bucket", {&rule, 1}, 1);
  asked.now = kNow;
  EXPECT_EQ(stage_.redis().ask(asked, Ask::kPeek, kPatient)->meters[0].used, 7);
}

TEST_F(LimiterMerge, EveryAlgorithmIsResetFirst) {
  for (const Algorithm algorithm : kOthers) {
    const RateRule rule{.limit = 100, .window = Milliseconds(10'000), .algorithm = algorithm};
    const std::string key = "reset " + std::string(to_string(algorithm));
    Request asked = Request::of(key, {&rule, 1}, 20);
    asked.now = kNow;
    stage_.redis().ask(asked, Ask::kTake, kPatient).value();
    Merge one = merge_of(key, 10'000, {{kNow + 30, 2}});
    one.meter.algorithm = algorithm;
    one.rate = rule.limit;
    one.reset_at = kNow + 20;
    ASSERT_TRUE(merge(one, kNow + 30)) << key;
    asked.now = kNow + 30;
    EXPECT_EQ(stage_.redis().ask(asked, Ask::kPeek, kPatient)->meters[0].used, 2) << key;
  }
}

TEST_F(LimiterMerge, AnAdmissionThatRedisMadeItselfUnderItsIdIsLeftOut) {
  const RateRule rule{.limit = 100, .window = Milliseconds(60'000)};
  Request asked = Request::of("k", {&rule, 1}, 5);
  asked.now = kNow;
  asked.request_id = "r1";
  stage_.redis().ask(asked, Ask::kTake, kPatient).value();
  ASSERT_TRUE(merge(merge_of("k", 60'000, {{kNow, 5, "r1"}, {kNow + 1, 7, "r2"}}), kNow + 10));
  EXPECT_EQ(used("k", 60'000, kNow + 10), 12);
  asked.request_id = "r2";
  asked.now = kNow + 20;
  EXPECT_TRUE(stage_.redis().ask(asked, Ask::kTake, kPatient)->repeated) << "and the other way round";
}

TEST_F(LimiterMerge, LeasesAreToldAsTheyStand) {
  const RateRule rule{.limit = 5, .window = Milliseconds(10'000), .algorithm = Algorithm::kConcurrency};
  Request asked = Request::of("k", {&rule, 1}, 2);
  asked.now = kNow;
  for (const char* lease : {"kept", "ended"}) {
    asked.lease = lease;
    ASSERT_TRUE(stage_.redis().ask(asked, Ask::kTake, kPatient)->allowed);
  }
  Merge one;
  one.key = "k";
  one.meter = {Algorithm::kConcurrency, 0, 10'000};
  one.token = 77;
  one.leases = {{"ended", kNow, 0, 1}, {"new", kNow + 9'000, 3, 2}, {"too old", kNow - 1, 1, 3}};
  ASSERT_TRUE(merge(one, kNow + 100));
  ASSERT_TRUE(merge(one, kNow + 100)) << "told again without harm";
  asked.now = kNow + 100;
  asked.lease = "asks";
  const Answer answer = stage_.redis().ask(asked, Ask::kTake, kPatient).value();
  EXPECT_FALSE(answer.allowed);
  EXPECT_EQ(answer.meters[0].used, 5);
  EXPECT_EQ(answer.retry_after[0], 8'900) << "when the new one ends; the kept one lives longer";
}

TEST_F(LimiterMerge, ABatchOfManyEntriesIsOneTrip) {
  std::vector<OwedEntry> entries;
  for (Ms i = 0; i < static_cast<Ms>(kMaxMergeEntries); ++i) entries.push_back({kNow + i, 1});
  EXPECT_EQ(merge(merge_of("k", 100'000, entries), kNow + 2'000)->entered, static_cast<std::int64_t>(kMaxMergeEntries));
  EXPECT_EQ(used("k", 100'000, kNow + 2'000), static_cast<std::int64_t>(kMaxMergeEntries));
}

}  // namespace
}  // namespace envoyou::limiter::merge_test
