// Goal: the public face in process: what a caller is told, what is refused, what is counted and logged, and that no key
// ever shows in
//       a line.
// Method: a Backing without Redis and a ManualClock.
#include <envoyou/limiter.hpp>
#include <envoyou/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <array>

namespace envoyou::rate_limiter_test {
namespace {

using namespace std::chrono_literals;
using testing::ManualClock;

class Lines final : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    std::string line(to_string(record.level));
    line += ' ';
    line += record.message;
    for (const auto& field : record.fields) {
      line += ' ';
      line += field.name;
      line += '=';
      line += field.value;
    }
    lines.push_back(std::move(line));
  }
  std::vector<std::string> lines;
};

class RateLimiterTest : public ::testing::Test {
 protected:
  RateLimiterTest() {
    backing.runtime.clock = clock;
    backing.runtime.logger = Logger(log, LogLevel::kDebug);
    backing.fallback = std::make_shared<Switch>(SwitchOptions{}, backing.runtime, false);
    limiter = RateLimiter::open({}, backing).value();
  }
  std::uint64_t decisions(const std::string& labels) {
    return backing.runtime.metrics->counter("envoyou_ratelimit_decisions_total", labels, "").value();
  }

  bool check(std::string_view key, CheckOptions options = {}) { return limiter->check(key, three, options)->allowed; }

  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
  std::shared_ptr<Lines> log = std::make_shared<Lines>();
  Backing backing;
  std::unique_ptr<RateLimiter> limiter;
  const RateRule three{.limit = 3, .window = 60s};
};

TEST_F(RateLimiterTest, SeveralKeysGiveBackWhatOneOfThemDeniesAndTheRequestCountsWhenItIsAskedAnew) {
  const std::array questions{RateQuestion{"user", {&three, 1}}, RateQuestion{"address", {&three, 1}, 2}};
  EXPECT_TRUE(limiter->check_all(questions, {.request_id = "a"})->allowed);
  EXPECT_FALSE(limiter->check_all(questions, {.request_id = "b"})->allowed);
  EXPECT_EQ(limiter->peek("user", three)->remaining, 2) << "given back";
  ASSERT_TRUE(limiter->reset("address", three));
  EXPECT_TRUE(limiter->check_all(questions, {.request_id = "b"})->allowed);
  EXPECT_EQ(limiter->peek("user", three)->remaining, 1) << "and taken now";
}

TEST_F(RateLimiterTest, TellsWhatIsLeftAndWhenItIsBack) {
  const auto first = limiter->check("user", three).value();
  EXPECT_TRUE(first.allowed);
  EXPECT_EQ(first.limit, 3);
  EXPECT_EQ(first.remaining, 2);
  EXPECT_EQ(first.retry_after, 0ms);
  EXPECT_EQ(first.reset_after, 60s);
  EXPECT_EQ(first.source, Source::kLocal);
  clock->advance(10s);
  check("user", {.cost = 2});
  const auto denied = limiter->check("user", three).value();
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.remaining, 0);
  EXPECT_EQ(denied.retry_after, 50s);
  EXPECT_EQ(denied.reset_after, 60s);
  clock->advance(50s);
  EXPECT_TRUE(limiter->check("user", three).value().allowed);
}

TEST_F(RateLimiterTest, TellsOfTheRuleThatLeavesLeast) {
  const std::array rules{RateRule{.limit = 10, .window = 1s}, RateRule{.limit = 5, .window = 60s}};
  const auto made = limiter->check("user", rules).value();
  EXPECT_EQ(made.limit, 5);
  EXPECT_EQ(made.remaining, 4);
  ASSERT_EQ(made.rules.size(), 2u);
  EXPECT_EQ(made.rules[0].remaining, 9);
  EXPECT_EQ(made.rules[0].reset_after, 1s);
  EXPECT_EQ(made.rules[1].rule, rules[1]);
}

TEST_F(RateLimiterTest, PeekingTakesNothing) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(limiter->peek("user", three).value().remaining, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter->check("user", three).value().allowed);
  EXPECT_FALSE(limiter->peek("user", three).value().allowed);
}

TEST_F(RateLimiterTest, ACostOverTheLimitIsDeniedForGood) {
  const auto made = limiter->check("user", three, {.cost = 4}).value();
  EXPECT_FALSE(made.allowed);
  EXPECT_EQ(made.remaining, 3);
  EXPECT_FALSE(made.retry_after.has_value());
  EXPECT_EQ(limiter->peek("user", three).value().remaining, 3);
}

TEST_F(RateLimiterTest, ResetGivesTheWholeQuotaBack) {
  for (int i = 0; i < 4; ++i) check("user");
  const auto made = limiter->reset("user", three).value();
  EXPECT_TRUE(made.allowed);
  EXPECT_EQ(made.remaining, 3);
  EXPECT_EQ(made.reset_after, 0ms);
  EXPECT_TRUE(limiter->check("user", three).value().allowed);
}

TEST_F(RateLimiterTest, KeysAreBytesAndIndependent) {
  using namespace std::string_literals;
  const std::array keys{"a"s, "a\0"s, "a\0b"s, "{a}"s, "a:b"s, "\r\n"s, "\xff\xfe"s, std::string(1024, 'x')};
  for (const auto& key : keys) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter->check(key, three).value().allowed);
    EXPECT_FALSE(limiter->check(key, three).value().allowed);
  }
}

TEST_F(RateLimiterTest, RefusesBadInputAndStoresNothing) {
  EXPECT_EQ(limiter->check("", three).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(limiter->check(std::string(1025, 'k'), three).error().code(), Errc::kTooLarge);
  EXPECT_EQ(limiter->check("k", three, {.cost = -1}).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(limiter->check("k", RateRule{.limit = 0, .window = 1s}).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(limiter->check("k", std::span<const RateRule>()).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(backing.runtime.metrics->gauge("envoyou_ratelimit_local_keys", "", "").value(), 0);
}

TEST_F(RateLimiterTest, CountsDecisions) {
  for (int i = 0; i < 5; ++i) check("user");
  EXPECT_FALSE(limiter->peek("user", three).value().allowed);
  EXPECT_EQ(decisions("decision=\"allow\",source=\"local\""), 3u);
  EXPECT_EQ(decisions("decision=\"deny\",source=\"local\""), 2u);
}

TEST_F(RateLimiterTest, LogsDenialsOnceASecondAndNeverTheKey) {
  for (int i = 0; i < 100; ++i) check("secret-user");
  clock->advance(1s);
  check("secret-user");
  std::size_t info = 0;
  for (const auto& line : log->lines) {
    EXPECT_EQ(line.find("secret-user"), std::string::npos) << line;
    info += line.starts_with("info") ? 1u : 0u;
  }
  EXPECT_EQ(info, 2u);
  EXPECT_NE(log->lines.back().find("others_not_shown=96"), std::string::npos) << log->lines.back();
}

TEST_F(RateLimiterTest, RefusesABackingWithoutASwitch) {
  EXPECT_EQ(RateLimiter::open({}, Backing{}).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(RateLimiter::open({.prefix = "{"}, backing).error().code(), Errc::kInvalidArgument);
}

TEST_F(RateLimiterTest, ARequestWhoseTimeIsUpIsStillAnswered) {
  const auto made = limiter->check("user", three, {.deadline = Deadline::at(clock->now())});
  EXPECT_TRUE(made.value().allowed);
}

}  // namespace
}  // namespace envoyou::rate_limiter_test
