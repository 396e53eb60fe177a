// The definition of the rate limiter's verbs: what every backend must do (the conventions beside the vectors;
// properties P1 to P10 and P13, P14 of a limiter).
//
// Goal: in process, through Redis, through Redis over TLS and through a cluster the same questions get the same
// answers, to the millisecond. Method: virtual time. Random requests against the plain oracle, whose seed is printed;
// the edges by hand.
#include "conformance/limiter_stage.hpp"
#include "support/limiter_oracle.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace envoyou::limiter::limiter_test {
namespace {

using testing::OracleAnswer;
using testing::OracleRule;
using testing::SlidingLogOracle;

const Deadline kPatient = Deadline::never();

// In which form the log is kept, by the suite's parameter.
Algorithm form = Algorithm::kSlidingLog;

RateRule rule(std::int64_t limit, Ms window) {
  return {.limit = limit, .window = Milliseconds(window), .algorithm = form};
}

OracleAnswer plain(const Request& request, const Answer& answer) {
  OracleAnswer made{answer.allowed, INT64_MAX, 0, 0};
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    const MeterAnswer& log = answer.meters[request.meter_of_rule[i]];
    const Ms wait = answer.retry_after[i];
    made.remaining = std::min(made.remaining, std::max<std::int64_t>(0, request.rules[i].limit - log.used));
    made.reset_after = std::max(made.reset_after, log.reset_after);
    made.retry_after = made.retry_after < 0 || wait < 0 ? -1 : std::max(made.retry_after, wait);
  }
  return made;
}

class LimiterConformance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    form = GetParam().ends_with("compact") ? Algorithm::kCompactLog : Algorithm::kSlidingLog;
    stage_ = make_stage(GetParam());
  }

  Request ask(std::string_view key, std::span<const RateRule> rules, Ms now, std::int64_t cost = 1) const {
    Request made = Request::of(key, rules, cost);
    made.now = now;
    return made;
  }
  Answer take(std::string_view key, std::span<const RateRule> rules, Ms now, std::int64_t cost = 1) {
    return stage_->backend().ask(ask(key, rules, now, cost), Ask::kTake, kPatient).value();
  }
  Answer take(std::string_view key, const RateRule& one, Ms now, std::int64_t cost = 1) {
    return take(key, {&one, 1}, now, cost);
  }
  Answer peek(std::string_view key, const RateRule& one, Ms now, std::int64_t cost = 1) {
    return stage_->backend().ask(ask(key, {&one, 1}, now, cost), Ask::kPeek, kPatient).value();
  }
  void reset(std::string_view key, std::span<const RateRule> rules, Ms now) {
    stage_->backend().reset(ask(key, rules, now), kPatient).value();
  }

  std::unique_ptr<Stage> stage_;
};

TEST_P(LimiterConformance, AgreesWithTheOracle) {
  const std::uint64_t seed = base::jitter_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  base::Jitter random(seed);
  const auto up_to = [&](std::uint64_t n) { return static_cast<std::int64_t>(random.next() % n); };
  SlidingLogOracle oracle;
  Ms now = 1'700'000'000'000;
  for (int run = 0; run < 20; ++run) {
    std::vector<RateRule> rules;
    std::vector<OracleRule> oracle_rules;
    for (std::int64_t i = 0; i <= up_to(4); ++i) {
      rules.push_back(rule(1 + up_to(30), 1 + (up_to(2) == 0 ? 100 : up_to(2'000))));
      oracle_rules.push_back({rules.back().limit, rules.back().window.count()});
    }
    for (int step = 0; step < 150; ++step) {
      now += up_to(60) - (up_to(12) == 0 ? up_to(80) : 0);
      const std::string key = "run " + std::to_string(run) + " key " + std::to_string(up_to(3));
      const std::int64_t cost = up_to(12);
      const auto kind = up_to(12);
      if (kind == 0) {
        reset(key, rules, now);
        oracle.reset(key, oracle_rules);
        continue;
      }
      const Request request = ask(key, rules, now, cost);
      if (kind <= 2) {
        const auto peeked = plain(request, stage_->backend().ask(request, Ask::kPeek, kPatient).value());
        ASSERT_EQ(peeked, oracle.ask(key, oracle_rules, cost, now)) << "run " << run << " step " << step;
        continue;
      }
      ASSERT_EQ(plain(request, take(key, rules, now, cost)), oracle.hit(key, oracle_rules, cost, now))
          << "run " << run << " step " << step;
    }
  }
}

TEST_P(LimiterConformance, AnAdmissionCountsUntilExactlyAWindowLater) {
  const RateRule one = rule(1, 1'000);
  EXPECT_TRUE(take("k", one, 5'000).allowed);
  EXPECT_EQ(take("k", one, 5'999).retry_after[0], 1);
  EXPECT_TRUE(take("k", one, 6'000).allowed);
}

TEST_P(LimiterConformance, AWaitIsExact) {
  const RateRule five = rule(5, 1'000);
  for (const Ms at : {100, 300, 300, 350, 400}) take("k", five, at);
  const Ms wait = take("k", five, 450, 4).retry_after[0];
  EXPECT_EQ(wait, 900);
  EXPECT_FALSE(peek("k", five, 450 + wait - 1, 4).allowed);
  EXPECT_TRUE(peek("k", five, 450 + wait, 4).allowed);
}

TEST_P(LimiterConformance, TheWaitIsFoundAmongMany) {
  const RateRule thousand = rule(1'000, 100'000);
  for (Ms at = 0; at < 1'000; ++at) take("k", thousand, at * 3);
  for (const std::int64_t cost : {1, 2, 17, 500, 999, 1'000}) {
    EXPECT_EQ(peek("k", thousand, 3'000, cost).retry_after[0], 100'000 - 3'000 + 3 * (cost - 1)) << cost;
  }
}

TEST_P(LimiterConformance, AllOfOneMillisecondCount) {
  const RateRule limit = rule(1'500, 60'000);
  int admitted = 0;
  for (int i = 0; i < 2'000; ++i) admitted += take("k", limit, 77).allowed ? 1 : 0;
  EXPECT_EQ(admitted, 1'500);
}

TEST_P(LimiterConformance, DeniedAskedAndFreeOfChargeWriteNothing) {
  const std::array rules{rule(2, 10'000), rule(5, 60'000)};
  take("k", rules, 1'000, 2);
  const std::string before = stage_->state();
  EXPECT_FALSE(take("k", rules, 1'001).allowed);
  EXPECT_FALSE(take("k", rules, 1'002, 9).allowed);
  EXPECT_TRUE(take("k", rules, 1'003, 0).allowed);
  peek("k", rules[0], 1'004);
  peek("never seen", rules[0], 1'004);
  take("too dear", rules, 1'005, 9);
  EXPECT_EQ(stage_->state(), before);
  EXPECT_EQ(take("k", rules, 2'000).retry_after[0], 9'000) << "and extend no block";
}

TEST_P(LimiterConformance, WhatOneRuleDeniesIsTakenFromNone) {
  const std::array rules{rule(2, 1'000), rule(10, 60'000)};
  for (int i = 0; i < 5; ++i) take("k", rules, 0);
  EXPECT_EQ(peek("k", rules[1], 0).meters[0].used, 2);
}

TEST_P(LimiterConformance, RulesOfOneWindowShareALog) {
  const std::array rules{rule(5, 1'000), rule(3, 1'000)};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(take("k", rules, 0).allowed);
  const Answer denied = take("k", rules, 0);
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.retry_after[0], 0);
  EXPECT_EQ(denied.retry_after[1], 1'000);
  EXPECT_EQ(denied.meters[0].used, 3);
}

TEST_P(LimiterConformance, ALimitThatChangesKeepsTheHistory) {
  for (int i = 0; i < 8; ++i) take("k", rule(10, 1'000), i);
  EXPECT_EQ(peek("k", rule(5, 1'000), 10).retry_after[0], 993);
  EXPECT_TRUE(peek("k", rule(20, 1'000), 10).allowed);
}

TEST_P(LimiterConformance, ACostOverTheLimitIsNeverAdmittedAndTouchesNothing) {
  const Answer answer = take("k", rule(3, 1'000), 0, 4);
  EXPECT_FALSE(answer.allowed);
  EXPECT_EQ(answer.retry_after[0], kNever);
  EXPECT_EQ(peek("k", rule(3, 1'000), 0).meters[0].used, 0);
}

TEST_P(LimiterConformance, AClockThatWasFarAheadStartsItAfresh) {
  const RateRule one = rule(1, 500);
  take("k", one, 3'600'000);
  EXPECT_FALSE(take("k", one, 3'598'500).allowed);
  const Answer afresh = take("k", one, 3'598'499);
  EXPECT_TRUE(afresh.allowed);
  EXPECT_EQ(afresh.clock_resets, 1u);
  EXPECT_EQ(peek("k", one, 3'598'499).meters[0].used, 1);
}

TEST_P(LimiterConformance, LargeNumbersStayExact) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 31;
  constexpr Ms kNow = 253'402'300'799'000;  // the end of the year 9999
  const RateRule most = rule(kLimit, 366LL * 24 * 3600 * 1000);
  EXPECT_TRUE(take("k", most, kNow, kLimit - 1).allowed);
  EXPECT_TRUE(take("k", most, kNow + 1, 1).allowed);
  const Answer denied = take("k", most, kNow + 2, 1);
  EXPECT_EQ(denied.meters[0].used, kLimit);
  EXPECT_EQ(denied.retry_after[0], most.window.count() - 2);
  EXPECT_EQ(denied.meters[0].reset_after, most.window.count() - 1);
}

TEST_P(LimiterConformance, KeysAreBytes) {
  using namespace std::string_literals;
  const std::array keys{"a"s,    "a\0"s,      "a\0b"s,     "{a}"s, "}{a"s, "a:b"s,
                        "\r\n"s, "\xff\xfe"s, "*3\r\n$3"s, "ä"s,   " "s,   std::string(1024, 'x')};
  const RateRule two = rule(2, 60'000);
  for (const auto& key : keys) {
    EXPECT_TRUE(take(key, two, 0).allowed);
    EXPECT_TRUE(take(key, two, 0).allowed);
    EXPECT_FALSE(take(key, two, 0).allowed);
  }
}

TEST_P(LimiterConformance, EightRulesAtOnce) {
  std::vector<RateRule> rules;
  for (std::int64_t i = 1; i <= 8; ++i) rules.push_back(rule(10 * i, 1'000 * i));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(take("k", rules, 0).allowed);
  const Answer denied = take("k", rules, 0);
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.retry_after[0], 1'000);
  for (std::size_t i = 1; i < 8; ++i) EXPECT_EQ(denied.retry_after[i], 0);
}

TEST_P(LimiterConformance, ManyThreadsTakeExactlyTheLimit) {
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  const std::array rules{rule(30, 60'000), rule(1'000, 3'600'000)};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 250; ++i) admitted += take("k", rules, i).allowed ? 1 : 0;
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(admitted, 30);
}

INSTANTIATE_TEST_SUITE_P(Backends, LimiterConformance,
                         ::testing::Values("memory", "redis", "redis_compact", "redis_tls", "redis_cluster",
                                           "redis_cluster_compact"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace envoyou::limiter::limiter_test
