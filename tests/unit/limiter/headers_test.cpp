// Goal: the header fields are those of the draft, their times whole seconds that are never too early.
// Method: decisions made by hand.
#include <envoyou/limiter.hpp>

#include <gtest/gtest.h>

namespace envoyou::headers_test {
namespace {

using namespace std::chrono_literals;
using Headers = std::vector<std::pair<std::string, std::string>>;

Decision decision(std::vector<Decision::RuleState> rules, bool allowed = true,
                  std::optional<Milliseconds> retry_after = 0ms) {
  Decision made;
  made.allowed = allowed;
  made.retry_after = retry_after;
  made.rules = std::move(rules);
  return made;
}

TEST(LimiterHeaders, AnAdmittedRequestToldOfItsRule) {
  EXPECT_EQ(decision({{{.limit = 30, .window = 60s}, 29, 60s}}).headers(),
            (Headers{{"RateLimit", "\"default\";r=29;t=60"}, {"RateLimit-Policy", "\"default\";q=30;w=60"}}));
}

TEST(LimiterHeaders, SecondsAreRoundedUp) {
  const auto headers = decision({{{.limit = 3, .window = 1500ms}, 0, 1001ms}}, false, 1ms).headers();
  EXPECT_EQ(headers, (Headers{{"RateLimit", "\"default\";r=0;t=2"},
                              {"RateLimit-Policy", "\"default\";q=3;w=2"},
                              {"Retry-After", "1"}}));
}

TEST(LimiterHeaders, AWindowBelowASecondHasNoWidth) {
  EXPECT_EQ(decision({{{.limit = 3, .window = 999ms}, 3, 0ms}}).headers()[1].second, "\"default\";q=3");
}

TEST(LimiterHeaders, RulesAreListedWithTheirNames) {
  const auto headers = decision({{{.limit = 100, .window = 60s, .name = "burst"}, 50, 30s},
                                 {{.limit = 5, .window = 1h}, 4, 1h},
                                 {{.limit = 6, .window = 24h}, 2, 2h}})
                           .headers();
  EXPECT_EQ(headers[0].second, "\"burst\";r=50;t=30, \"default\";r=4;t=3600, \"default2\";r=2;t=7200");
  EXPECT_EQ(headers[1].second, "\"burst\";q=100;w=60, \"default\";q=5;w=3600, \"default2\";q=6;w=86400");
}

TEST(LimiterHeaders, NamesAreEscaped) {
  const auto headers = decision({{{.limit = 1, .window = 1s, .name = "a\"b\\c"}, 1, 0s}}).headers();
  EXPECT_EQ(headers[0].second, "\"a\\\"b\\\\c\";r=1;t=0");
}

TEST(LimiterHeaders, WhatIsNeverAdmittedIsNotToldWhenToRetry) {
  EXPECT_EQ(decision({{{.limit = 1, .window = 1s}, 1, 0s}}, false, std::nullopt).headers().size(), 2u);
}

TEST(LimiterHeaders, RetryAfterIsRoundedUpAndAtLeastOne) {
  const auto told = [](Milliseconds wait) {
    return decision({{{.limit = 1, .window = 90s}, 0, 90s}}, false, wait).headers()[2].second;
  };
  EXPECT_EQ(told(1ms), "1");
  EXPECT_EQ(told(1000ms), "1");
  EXPECT_EQ(told(1001ms), "2");
  EXPECT_EQ(told(59'999ms), "60");
}

}  // namespace
}  // namespace envoyou::headers_test
