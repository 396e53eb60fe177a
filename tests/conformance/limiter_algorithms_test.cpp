// The definition of the limiter's algorithms besides the sliding log (limiter_test.cpp), and of the verbs that all have
// in common.
//
// Goal: every algorithm gives the same answers in process, through Redis and through a cluster, to the millisecond,
// also where clocks step back and where numbers are as large as they may be. Method: virtual time. Random requests
// against plain oracles, whose seed is printed; where numbers are too large for those, the backends against each other
// and each wait against itself.
#include "conformance/limiter_stage.hpp"
#include "support/rate_oracle.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <tuple>
#include <vector>

namespace envoyou::limiter::limiter_algorithms_test {
namespace {

using testing::LeasesOracle;
using testing::OracleAnswer;
using testing::OracleRule;
using testing::RateOracle;

const Deadline kPatient = Deadline::never();
constexpr std::array kRated{Algorithm::kSlidingLog, Algorithm::kCompactLog, Algorithm::kSlidingCounter,
                            Algorithm::kGcra, Algorithm::kFixedWindow};

struct Random {
  std::uint64_t seed = base::jitter_seed();
  base::Jitter generator{seed};

  std::int64_t up_to(std::int64_t n) {
    return static_cast<std::int64_t>(generator.next() % static_cast<std::uint64_t>(n));
  }
  std::int64_t between(std::int64_t low, std::int64_t high) { return low + up_to(high - low + 1); }
};

OracleAnswer plain(const Request& request, const Answer& answer) {
  OracleAnswer made{answer.allowed, INT64_MAX, 0, 0};
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    const MeterAnswer& meter = answer.meters[request.meter_of_rule[i]];
    const Ms wait = answer.retry_after[i];
    made.remaining = std::min(made.remaining, std::max<std::int64_t>(0, request.rules[i].capacity() - meter.used));
    made.reset_after = std::max(made.reset_after, meter.reset_after);
    made.retry_after = made.retry_after < 0 || wait < 0 ? -1 : std::max(made.retry_after, wait);
  }
  return made;
}

class LimiterAlgorithms : public ::testing::TestWithParam<std::string> {
 protected:
  Request request(std::string_view key, std::span<const RateRule> rules, Ms now, std::int64_t cost = 1) const {
    Request made = Request::of(key, rules, cost);
    made.now = now;
    return made;
  }
  Answer ask(const Request& request, Ask what = Ask::kTake) {
    return stage_->backend().ask(request, what, kPatient).value();
  }
  Answer take(std::string_view key, const RateRule& rule, Ms now, std::int64_t cost = 1) {
    return ask(request(key, {&rule, 1}, now, cost));
  }
  Answer peek(std::string_view key, const RateRule& rule, Ms now, std::int64_t cost = 1) {
    return ask(request(key, {&rule, 1}, now, cost), Ask::kPeek);
  }

  // Random questions, and resets, about a few keys.
  void agree(RateOracle::Make make, const std::vector<RateRule>& rules, Random& random, const std::string& run) {
    std::vector<OracleRule> plain_rules;
    for (const RateRule& each : rules) plain_rules.push_back({each.limit, each.window.count()});
    RateOracle oracle(make, plain_rules);
    Ms now = 1'000'000 + random.up_to(100'000);
    for (int step = 0; step < 120; ++step) {
      now += random.up_to(90) - (random.up_to(10) == 0 ? random.up_to(150) : 0);
      const std::string key = run + std::to_string(random.up_to(2));
      const std::int64_t cost = random.up_to(6);
      const auto kind = random.up_to(12);
      const Request asked = request(key, rules, now, cost);
      const std::string where = run + " step " + std::to_string(step);
      if (kind == 0) {
        stage_->backend().reset(asked, kPatient).value();
        oracle.reset(key);
      } else if (kind <= 3) {
        ASSERT_EQ(plain(asked, ask(asked, Ask::kPeek)), oracle.ask(key, cost, now)) << where;
      } else {
        ASSERT_EQ(plain(asked, ask(asked)), oracle.hit(key, cost, now)) << where;
      }
    }
  }

  void agree_often(Algorithm algorithm, RateOracle::Make make) {
    Random random;
    SCOPED_TRACE("seed " + std::to_string(random.seed));
    for (int run = 0; run < 12 && !HasFatalFailure(); ++run) {
      std::vector<RateRule> rules;
      for (std::int64_t i = random.up_to(3); i >= 0; --i) {
        // Windows that differ, so that each rule has a meter of its own.
        rules.push_back({.limit = random.between(1, 15),
                         .window = Milliseconds(100 * (i + 1) + random.up_to(99)),
                         .algorithm = algorithm});
      }
      agree(make, rules, random, "run " + std::to_string(run) + " key ");
    }
  }

  std::unique_ptr<Stage> stage_ = make_stage(GetParam());
};

TEST_P(LimiterAlgorithms, TheFixedWindowAgreesWithItsOracle) {
  agree_often(Algorithm::kFixedWindow, [](const OracleRule& rule) -> std::unique_ptr<testing::MeterOracle> {
    return std::make_unique<testing::FixedWindowOracle>(rule.limit, rule.window);
  });
}

TEST_P(LimiterAlgorithms, TheSlidingCounterAgreesWithItsOracle) {
  agree_often(Algorithm::kSlidingCounter, [](const OracleRule& rule) -> std::unique_ptr<testing::MeterOracle> {
    return std::make_unique<testing::SlidingCounterOracle>(rule.limit, rule.window);
  });
}

TEST_P(LimiterAlgorithms, GcraAgreesWithATokenBucketInRationals) {
  agree_often(Algorithm::kGcra, [](const OracleRule& rule) -> std::unique_ptr<testing::MeterOracle> {
    return std::make_unique<testing::TokenBucketOracle>(rule.limit, rule.window, rule.limit);
  });
}

TEST_P(LimiterAlgorithms, ABurstIsATokenBucketOfItsSize) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  const std::vector<RateRule> rules{
      {.limit = 7, .window = Milliseconds(1'000), .algorithm = Algorithm::kGcra, .burst = 3}};
  agree(
      [](const OracleRule& rule) -> std::unique_ptr<testing::MeterOracle> {
        return std::make_unique<testing::TokenBucketOracle>(rule.limit, rule.window, 3);
      },
      rules, random, "burst ");
}

TEST_P(LimiterAlgorithms, LeasesAgreeWithAList) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  for (int run = 0; run < 10; ++run) {
    const RateRule rule{.limit = random.between(1, 8),
                        .window = Milliseconds(random.between(50, 400)),
                        .algorithm = Algorithm::kConcurrency};
    LeasesOracle oracle(rule.limit, rule.window.count());
    const std::string key = "run " + std::to_string(run);
    Ms now = 5'000;
    for (int step = 0; step < 120; ++step) {
      now += random.up_to(60) - (random.up_to(10) == 0 ? random.up_to(50) : 0);
      const std::string lease = "lease " + std::to_string(random.up_to(8));
      Request asked = request(key, {&rule, 1}, now, random.up_to(4));
      asked.lease = lease;
      const bool release = random.up_to(4) == 0;
      const OracleAnswer expected = release ? oracle.release(lease, now) : oracle.acquire(lease, asked.cost, now);
      ASSERT_EQ(plain(asked, ask(asked, release ? Ask::kRelease : Ask::kTake)), expected)
          << key << " step " << step << (release ? " release" : " acquire");
    }
  }
}

// Limits to 2^31, windows to a year: what in process is computed in 128 bits is split into doubles in Redis.
TEST_P(LimiterAlgorithms, LargeNumbersAreAsExactAsSmallOnes) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  MemoryStage other;
  for (const Algorithm algorithm : kRated) {
    for (int run = 0; run < 8; ++run) {
      const RateRule rule{.limit = random.between(1, kMaxRateLimit),
                          .window = Milliseconds(random.between(1, kMaxRateWindow.count())),
                          .algorithm = algorithm};
      const std::string key = std::string(to_string(algorithm)) + std::to_string(run);
      Ms now = 1'700'000'000'000 + random.up_to(1'000'000'000'000);
      for (int step = 0; step < 12; ++step) {
        now += random.up_to(rule.window.count() / 4 + 2);
        const Request asked = request(key, {&rule, 1}, now, random.between(1, rule.limit));
        const Answer answer = ask(asked);
        ASSERT_EQ(plain(asked, answer), plain(asked, other.backend().ask(asked, Ask::kTake, kPatient).value()))
            << key << " step " << step;
        if (answer.allowed) continue;
        ASSERT_TRUE(peek(key, rule, now + answer.retry_after[0], asked.cost).allowed) << key << " step " << step;
        ASSERT_FALSE(peek(key, rule, now + answer.retry_after[0] - 1, asked.cost).allowed) << key << " step " << step;
      }
    }
  }
}

TEST_P(LimiterAlgorithms, DeniedAskedAndFreeOfChargeWriteNothing) {
  for (const Algorithm algorithm : kRated) {
    const RateRule rule{.limit = 2, .window = Milliseconds(100'000), .algorithm = algorithm};
    const std::string key(to_string(algorithm));
    take(key, rule, 1'000, 2);
    const std::string before = stage_->state();
    EXPECT_FALSE(take(key, rule, 1'001).allowed) << key;
    EXPECT_EQ(take(key, rule, 1'002, 9).retry_after[0], kNever) << key;
    EXPECT_TRUE(take(key, rule, 1'003, 0).allowed) << key;
    peek("never seen", rule, 1'004);
    EXPECT_EQ(stage_->state(), before) << key;
  }
}

TEST_P(LimiterAlgorithms, AlgorithmsMixInOneQuestion) {
  std::vector<RateRule> rules;
  for (const Algorithm algorithm : kRated) {
    rules.push_back({.limit = 3, .window = Milliseconds(1'000), .algorithm = algorithm});
  }
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ask(request("k", rules, 10'000)).allowed);
  const Answer denied = ask(request("k", rules, 10'000));
  EXPECT_FALSE(denied.allowed);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    EXPECT_EQ(denied.meters[i].used, 3) << to_string(rules[i].algorithm);
    EXPECT_GT(denied.retry_after[i], 0) << to_string(rules[i].algorithm);
  }
}

TEST_P(LimiterAlgorithms, TwoRatesOfOneWindowAreTwoBuckets) {
  const RateRule slow{.limit = 2, .window = Milliseconds(1'000), .algorithm = Algorithm::kGcra, .burst = 10};
  const RateRule fast{.limit = 50, .window = Milliseconds(1'000), .algorithm = Algorithm::kGcra, .burst = 5};
  EXPECT_TRUE(ask(request("k", std::array{slow, fast}, 0, 5)).allowed);
  const Answer other_way = ask(request("k", std::array{fast, slow}, 0), Ask::kPeek);
  EXPECT_EQ(other_way.meters[0].used, 5);
  EXPECT_EQ(other_way.retry_after[0], 20);
  EXPECT_EQ(other_way.retry_after[1], 0);
}

TEST_P(LimiterAlgorithms, ALimitThatChangesKeepsTheHistory) {
  for (const Algorithm algorithm : kRated) {
    const auto rule = [algorithm](std::int64_t limit) {
      return RateRule{.limit = limit, .window = Milliseconds(1'000), .algorithm = algorithm};
    };
    const std::string key(to_string(algorithm));
    take(key, rule(10), 5'000, 9);
    EXPECT_FALSE(peek(key, rule(5), 5'010).allowed) << key;
    EXPECT_TRUE(peek(key, rule(20), 5'010).allowed) << key;
  }
}

TEST_P(LimiterAlgorithms, AClockThatWasFarAheadStartsItAfresh) {
  for (const Algorithm algorithm : kRated) {
    const RateRule one{.limit = 1, .window = Milliseconds(500), .algorithm = algorithm};
    const std::string key(to_string(algorithm));
    take(key, one, 3'600'000);
    EXPECT_FALSE(take(key, one, 3'598'500).allowed) << key;
    const Answer afresh = take(key, one, 3'598'499);
    EXPECT_TRUE(afresh.allowed) << key;
    EXPECT_EQ(afresh.clock_resets, 1u) << key;
  }
}

TEST_P(LimiterAlgorithms, ARequestThatIsAskedAgainUnderItsIdTakesOnce) {
  for (const Algorithm algorithm : kRated) {
    const RateRule five{.limit = 5, .window = Milliseconds(60'000), .algorithm = algorithm};
    const std::string key(to_string(algorithm));
    Request asked = request(key, {&five, 1}, 70'000, 3);
    asked.request_id = "request 1";
    EXPECT_FALSE(ask(asked).repeated) << key;
    asked.now = 70'010;
    const Answer again = ask(asked);
    EXPECT_TRUE(again.allowed) << key;
    EXPECT_TRUE(again.repeated) << key;
    EXPECT_EQ(again.meters[0].used, 3) << key;
    asked.request_id = "request 2";
    EXPECT_FALSE(ask(asked).allowed) << key;
    asked.request_id = "request 1";
    EXPECT_TRUE(ask(asked).allowed) << key << ": a denial of another does not matter";
  }
}

TEST_P(LimiterAlgorithms, APenaltyCountsOnceUnderItsIdAndWhatIsGivenBackMayBeAskedAnew) {
  for (const Algorithm algorithm : kRated) {
    const RateRule ten{.limit = 10, .window = Milliseconds(100'000), .algorithm = algorithm};
    const std::string key(to_string(algorithm));
    Request asked = request(key, {&ten, 1}, 1'000'000, 4);
    asked.request_id = "penalty";
    EXPECT_EQ(ask(asked, Ask::kForce).meters[0].used, 4) << key;
    EXPECT_EQ(ask(asked, Ask::kForce).meters[0].used, 4) << key << ": once";
    asked.request_id = "request";
    EXPECT_EQ(ask(asked).meters[0].used, 8) << key;
    EXPECT_EQ(ask(asked, Ask::kRefund).meters[0].used, 4) << key;
    const Answer anew = ask(asked);
    EXPECT_FALSE(anew.repeated) << key;
    EXPECT_EQ(anew.meters[0].used, 8) << key;
  }
}

TEST_P(LimiterAlgorithms, AnIdIsKnownForTheWholeWindowAlsoWhereNothingCountsAnyMore) {
  const RateRule quick{.limit = 1'000, .window = Milliseconds(100'000), .algorithm = Algorithm::kGcra};
  Request asked = request("k", {&quick, 1}, 1'000'000);
  asked.request_id = "r";
  EXPECT_FALSE(ask(asked).repeated);
  asked.now = 1'090'000;  // the bucket has been full for long
  EXPECT_TRUE(ask(asked).repeated);
}

TEST_P(LimiterAlgorithms, APenaltyCountsWhateverTheLimitAndARewardGivesBack) {
  for (const Algorithm algorithm : kRated) {
    const RateRule five{.limit = 5, .window = Milliseconds(100'000), .algorithm = algorithm};
    const std::string key(to_string(algorithm));
    take(key, five, 1'000'000, 4);
    EXPECT_EQ(ask(request(key, {&five, 1}, 1'000'000, 6), Ask::kForce).meters[0].used, 10) << key;
    EXPECT_FALSE(take(key, five, 1'000'000).allowed) << key;
    EXPECT_EQ(ask(request(key, {&five, 1}, 1'000'000, 8), Ask::kRefund).meters[0].used, 2) << key;
    EXPECT_TRUE(take(key, five, 1'000'000, 3).allowed) << key;
    EXPECT_FALSE(take(key, five, 1'000'000).allowed) << key;
    EXPECT_EQ(ask(request(key, {&five, 1}, 1'000'000, 100), Ask::kRefund).meters[0].used, 0) << key;
    EXPECT_TRUE(take(key, five, 1'000'000, 5).allowed) << key;
  }
}

TEST_P(LimiterAlgorithms, RewardsAndPenaltiesAreTheSameEverywhere) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  MemoryStage other;
  for (const Algorithm algorithm : kRated) {
    const RateRule rule{.limit = 20, .window = Milliseconds(300), .algorithm = algorithm};
    Ms now = 100'000;
    for (int step = 0; step < 150; ++step) {
      now += random.up_to(40);
      const Request asked = request(to_string(algorithm), {&rule, 1}, now, random.up_to(8));
      const auto kind = random.up_to(6);
      const Ask what = kind == 0 ? Ask::kForce : kind == 1 ? Ask::kRefund : Ask::kTake;
      if (what == Ask::kForce && asked.cost == 0) continue;
      ASSERT_EQ(plain(asked, ask(asked, what)), plain(asked, other.backend().ask(asked, what, kPatient).value()))
          << to_string(algorithm) << " step " << step << " kind " << kind << " cost " << asked.cost;
    }
  }
}

TEST_P(LimiterAlgorithms, ABlockedKeyIsDeniedUntilItsTime) {
  const RateRule five{.limit = 5, .window = Milliseconds(60'000)};
  Request asked = request("k", {&five, 1}, 1'000);
  asked.heeds_blocks = true;
  if (GetParam() != "memory") asked.now.reset();  // a block lives by the server's clock
  stage_->backend().block(asked, Milliseconds(30'000), kPatient).value();
  const Answer denied = ask(asked);
  EXPECT_FALSE(denied.allowed);
  EXPECT_GT(denied.retry_after[0], 25'000);
  EXPECT_LE(denied.retry_after[0], 30'000);
  EXPECT_EQ(denied.meters[0].used, 0);
  stage_->backend().block(asked, Milliseconds(0), kPatient).value();
  EXPECT_TRUE(ask(asked).allowed);
}

INSTANTIATE_TEST_SUITE_P(Backends, LimiterAlgorithms,
                         ::testing::Values("memory", "redis", "redis_tls", "redis_cluster"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace envoyou::limiter::limiter_algorithms_test
