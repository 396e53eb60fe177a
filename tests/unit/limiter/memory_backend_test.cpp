// Goal: the backend in process answers several rules of many keys as the plain oracle does (P1 to P8, P10, P13, P14),
// changes nothing
//       when it denies or is only asked, and admits exactly the limit under many threads.
// Method: random requests against the oracle with a printed seed; digests of the state before and after; threads.
#include "limiter/memory_backend.hpp"

#include "base/random.hpp"
#include "support/limiter_oracle.hpp"
#include "unit/limiter/local_fixture.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace envoyou::limiter::memory_backend_test {
namespace {

using testing::OracleAnswer;
using testing::OracleRule;
using testing::SlidingLogOracle;

OracleAnswer plain(const Request& request, const Answer& answer) {
  OracleAnswer made{answer.allowed, INT64_MAX, 0, 0};
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    const MeterAnswer& log = answer.meters[request.meter_of_rule[i]];
    made.remaining = std::min(made.remaining, std::max<std::int64_t>(0, request.rules[i].limit - log.used));
    made.reset_after = std::max(made.reset_after, log.reset_after);
    const Ms wait = answer.retry_after[i];
    made.retry_after = made.retry_after < 0 || wait < 0 ? -1 : std::max(made.retry_after, wait);
  }
  return made;
}

TEST(MemoryBackend, AgreesWithTheOracleOnSeveralRulesOfManyKeys) {
  const std::uint64_t seed = base::jitter_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  base::Jitter random(seed);
  const auto up_to = [&](std::uint64_t n) { return static_cast<std::int64_t>(random.next() % n); };
  for (int run = 0; run < 60; ++run) {
    LocalFixture local({.linger = 1'000'000});
    SlidingLogOracle oracle;
    std::vector<RateRule> rules;
    std::vector<OracleRule> oracle_rules;
    for (std::int64_t i = 0; i <= up_to(4); ++i) {
      rules.push_back(rule(1 + up_to(30), 1 + (up_to(2) == 0 ? 100 : up_to(2'000))));
      oracle_rules.push_back({rules.back().limit, rules.back().window.count()});
    }
    Ms now = 1'000'000;
    for (int step = 0; step < 300; ++step) {
      now += up_to(60) - (up_to(12) == 0 ? up_to(80) : 0);
      const std::string key = "k" + std::to_string(up_to(3));
      const std::int64_t cost = up_to(12);
      const Request request = local.ask(key, rules, now, cost);
      const auto kind = up_to(10);
      if (kind == 0) {
        local.backend.reset(request, Owe::kNothing);
        oracle.reset(key, oracle_rules);
        continue;
      }
      ASSERT_EQ(plain(request, local.backend.ask(request, Ask::kPeek, Owe::kNothing)),
                oracle.ask(key, oracle_rules, cost, now))
          << "step " << step;
      if (kind == 1) continue;
      ASSERT_EQ(plain(request, local.backend.ask(request, Ask::kTake, Owe::kNothing)),
                oracle.hit(key, oracle_rules, cost, now))
          << "run " << run << " step " << step;
    }
  }
}

TEST(MemoryBackend, KeepsAnIdForItsWindowWhateverElseIsForgotten) {
  LocalFixture local;
  const RateRule quick{.limit = 1'000, .window = Milliseconds(100'000), .algorithm = Algorithm::kGcra};
  Request asked = local.ask("k", {&quick, 1}, 1'000);
  asked.request_id = "r";
  local.backend.ask(asked, Ask::kTake, Owe::kNothing);
  for (int i = 0; i < 100; ++i) local.take("other " + std::to_string(i), quick, 50'000);  // each tidies a little
  asked.now = 90'000;
  EXPECT_TRUE(local.backend.ask(asked, Ask::kTake, Owe::kNothing).repeated);
}

TEST(MemoryBackend, AWaitIsExact) {
  LocalFixture local;
  const RateRule three = rule(3, 1'000);
  for (const Ms at : {100, 300, 350}) local.take("k", three, at);
  const Answer denied = local.take("k", three, 400, 2);
  ASSERT_EQ(denied.retry_after[0], 900);
  EXPECT_FALSE(local.peek("k", three, 400 + 900 - 1, 2).allowed);
  EXPECT_TRUE(local.peek("k", three, 400 + 900, 2).allowed);
}

TEST(MemoryBackend, WhatIsDeniedByOneRuleIsTakenFromNone) {
  LocalFixture local;
  const std::array rules{rule(2, 1'000), rule(10, 60'000)};
  for (int i = 0; i < 5; ++i) local.take("k", rules, 0);
  EXPECT_EQ(local.peek("k", rules[1], 0).meters[0].used, 2);
}

TEST(MemoryBackend, TheOrderOfRulesDoesNotMatter) {
  LocalFixture local;
  const std::array forth{rule(2, 1'000), rule(3, 60'000)};
  const std::array back{rule(3, 60'000), rule(2, 1'000)};
  for (const Ms now : {0, 10, 20, 1'100, 1'200}) {
    const Answer a = local.take("a", forth, now);
    const Answer b = local.take("b", back, now);
    ASSERT_EQ(a.allowed, b.allowed);
    ASSERT_EQ(a.retry_after[0], b.retry_after[1]);
    ASSERT_EQ(a.retry_after[1], b.retry_after[0]);
  }
}

TEST(MemoryBackend, RulesOfOneWindowShareALog) {
  LocalFixture local;
  const std::array rules{rule(5, 1'000), rule(3, 1'000)};
  const Request request = local.ask("k", rules, 0);
  EXPECT_EQ(request.meter_count, 1u);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(local.take("k", rules, 0).allowed);
  const Answer denied = local.take("k", rules, 0);
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.retry_after[0], 0);
  EXPECT_EQ(denied.retry_after[1], 1'000);
}

TEST(MemoryBackend, AskingLeavesNoTrace) {
  LocalFixture local;
  const RateRule one = rule(1, 1'000);
  local.peek("new", one, 0);
  local.take("too dear", one, 0, 2);
  local.take("for nothing", one, 0, 0);
  EXPECT_EQ(local.store.keys(), 0u);
}

TEST(MemoryBackend, ABlockIsNotExtendedByHammering) {
  LocalFixture local;
  const RateRule one = rule(1, 1'000);
  local.take("k", one, 0);
  for (Ms now = 1; now < 1'000; ++now) ASSERT_EQ(local.take("k", one, now).retry_after[0], 1'000 - now);
  EXPECT_TRUE(local.take("k", one, 1'000).allowed);
}

TEST(MemoryBackend, ExtremesDoNotOverflow) {
  LocalFixture local;
  const RateRule most = rule(kMaxRateLimit, kMaxRateWindow.count());
  EXPECT_TRUE(local.take("k", most, 0, kMaxRateLimit).allowed);
  const Answer denied = local.take("k", most, 1, 1);
  EXPECT_EQ(denied.retry_after[0], kMaxRateWindow.count() - 1);
  const RateRule least = rule(1, 1);
  for (Ms now = 0; now < 100; ++now) ASSERT_TRUE(local.take("l", least, now).allowed);
}

TEST(MemoryBackend, ManyThreadsTakeExactlyTheLimit) {
  LocalFixture local;
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const std::array rules{rule(30, 60'000), rule(1'000, 3'600'000)};
      for (int i = 0; i < 10'000; ++i) admitted += local.take("k", rules, i / 100).allowed ? 1 : 0;
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(admitted, 30);
}

}  // namespace
}  // namespace envoyou::limiter::memory_backend_test
