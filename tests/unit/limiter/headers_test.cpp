// Goal: the header fields are those of the drafts, their times whole seconds that are never too early, and the body of
// a
//       denial says what was violated and when to come back.
// Method: decisions made by hand.
#include "base/json.hpp"

#include <envoyou/limiter/headers.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <set>

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

// A rule that denies.
Decision::RuleState denying(RateRule rule, std::int64_t remaining, Milliseconds reset_after) {
  return {.rule = std::move(rule), .remaining = remaining, .reset_after = reset_after, .denied = true};
}

// A denial by the first of two rules.
Decision denial(Source source = Source::kRedis) {
  auto made = decision({denying({.limit = 10, .window = 1s, .name = "burst"}, 0, 1s),
                        {{.limit = 1000, .window = 24h, .name = "daily"}, 900, 24h}},
                       false, 400ms);
  made.source = source;
  return made;
}

std::string value_of(const Headers& headers, std::string_view name) {
  for (const auto& [field, value] : headers) {
    if (field == name) return value;
  }
  return "none";
}

TEST(LimiterHeaders, TheDefaultIsTheNewestDraft) {
  EXPECT_EQ(rate_limit_headers(denial()), denial().headers());
  EXPECT_TRUE(rate_limit_headers(denial(), {.rate_limit = false, .retry_after = false}).empty());
}

TEST(LimiterHeaders, ADecisionWithoutRulesTellsOfNone) {
  const HeaderOptions all{.draft_06 = true, .x_rate_limit = true};
  EXPECT_EQ(rate_limit_headers(decision({}, false, 5s), all), (Headers{{"Retry-After", "5"}}));
}

TEST(LimiterHeaders, TheOlderFieldsTellOfTheRuleThatLeavesLeast) {
  const auto rules = decision({{{.limit = 100, .window = 60s}, 7, 30s},
                               {{.limit = 50, .window = 60s}, 5, 1001ms},
                               {{.limit = 80, .window = 60s}, 5, 20s},
                               {{.limit = 20, .window = 60s}, 9, 60s}});
  EXPECT_EQ(rate_limit_headers(rules, {.rate_limit = false, .draft_06 = true}),
            (Headers{{"RateLimit-Limit", "80"}, {"RateLimit-Remaining", "5"}, {"RateLimit-Reset", "20"}}));
  EXPECT_EQ(rate_limit_headers(rules, {.rate_limit = false, .x_rate_limit = true}),
            (Headers{{"X-RateLimit-Limit", "80"}, {"X-RateLimit-Remaining", "5"}, {"X-RateLimit-Reset", "20"}}));
}

TEST(LimiterHeaders, AnEpochIsRoundedUpAsAWhole) {
  const auto reset = [](std::int64_t now_ms, Milliseconds reset_after) {
    return value_of(
        rate_limit_headers(decision({{{.limit = 1, .window = 60s}, 0, reset_after}}),
                           {.x_rate_limit = true, .x_reset = LegacyReset::kEpochSeconds, .now = from_unix_ms(now_ms)}),
        "X-RateLimit-Reset");
  };
  EXPECT_EQ(reset(1'700'000'000'000, 30s), "1700000030");
  EXPECT_EQ(reset(1'700'000'000'900, 100ms), "1700000001");
  EXPECT_EQ(reset(1'700'000'000'900, 101ms), "1700000002");
}

TEST(LimiterHeaders, AllFormsMayGoTogether) {
  const auto headers = rate_limit_headers(denial(), {.draft_06 = true, .x_rate_limit = true});
  std::vector<std::string> names;
  for (const auto& [name, value] : headers) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining",
                                             "RateLimit-Reset", "X-RateLimit-Limit", "X-RateLimit-Remaining",
                                             "X-RateLimit-Reset", "Retry-After"}));
}

TEST(LimiterHeaders, ConcurrencyHasAUnitAndNoWindow) {
  const auto headers = rate_limit_headers(
      decision({{{.limit = 8, .window = 30s, .name = "jobs", .algorithm = Algorithm::kConcurrency}, 3, 30s}}));
  EXPECT_EQ(headers[0].second, "\"jobs\";r=3;t=30");
  EXPECT_EQ(headers[1].second, "\"jobs\";q=8;qu=\"concurrent-requests\"");
}

TEST(LimiterHeaders, ABurstIsTheQuotaInTheTimeThatFillsIt) {
  const auto policy = [](RateRule rule) {
    rule.algorithm = Algorithm::kGcra;
    return value_of(rate_limit_headers(decision({{rule, 0, 0s}})), "RateLimit-Policy");
  };
  EXPECT_EQ(policy({.limit = 600, .window = 60s, .burst = 20}), "\"default\";q=20;w=2");
  EXPECT_EQ(policy({.limit = 600, .window = 60s, .burst = 25}), "\"default\";q=25;w=3");
  EXPECT_EQ(policy({.limit = 600, .window = 60s, .burst = 9}), "\"default\";q=9");
  EXPECT_EQ(policy({.limit = 10, .window = 1s, .burst = 100}), "\"default\";q=100;w=10");
  EXPECT_EQ(policy({.limit = 600, .window = 60s}), "\"default\";q=600;w=60");
  EXPECT_EQ(policy({.limit = 1, .window = kMaxRateWindow, .burst = kMaxRateLimit}),
            "\"default\";q=2147483648;w=999999999999999");
}

TEST(LimiterHeaders, NumbersAreWhatAFieldCanHold) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  const auto headers = rate_limit_headers(
      decision({{{.limit = kMax, .window = Milliseconds::max()}, -1, Milliseconds::max()}}, false, Milliseconds::max()),
      {.draft_06 = true, .retry_jitter_share = 1, .random = ~std::uint64_t{0}});
  EXPECT_EQ(value_of(headers, "RateLimit"), "\"default\";r=0;t=999999999999999");
  EXPECT_EQ(value_of(headers, "RateLimit-Policy"), "\"default\";q=999999999999999;w=999999999999999");
  EXPECT_EQ(value_of(headers, "RateLimit-Limit"), "999999999999999");
  EXPECT_EQ(value_of(headers, "Retry-After"), "999999999999999");
}

TEST(LimiterHeaders, ANameThatWasMadeByHandEndsNoLine) {
  const auto headers = rate_limit_headers(decision({{{.limit = 1, .window = 1s, .name = "a\r\nb\xff"}, 1, 0s}}));
  EXPECT_EQ(headers[0].second, "\"a??b?\";r=1;t=0");
}

TEST(LimiterHeaders, APartitionKeyIsBytes) {
  const auto limit = [](std::string key) {
    return value_of(
        rate_limit_headers(decision({{{.limit = 1, .window = 1s}, 1, 0s}}), {.partition_key = std::move(key)}),
        "RateLimit");
  };
  EXPECT_EQ(limit(""), "\"default\";r=1;t=0");
  EXPECT_EQ(limit("a"), "\"default\";r=1;t=0;pk=:YQ==:");
  EXPECT_EQ(limit("ab"), "\"default\";r=1;t=0;pk=:YWI=:");
  EXPECT_EQ(limit("\xfb\xff\xfe"), "\"default\";r=1;t=0;pk=:+//+:");
  EXPECT_EQ(limit(std::string(kMaxPartitionKeyBytes + 1, 'x')), "\"default\";r=1;t=0");
  const auto two = rate_limit_headers(denial(), {.partition_key = "a"});
  EXPECT_EQ(two[1].second, "\"burst\";q=10;w=1;pk=:YQ==:, \"daily\";q=1000;w=86400;pk=:YQ==:");
}

TEST(LimiterHeaders, TheTimeOfADenialMayBeUntilTheNextAdmission) {
  auto denied = denial();
  denied.rules[0].reset_after = 60s;
  const auto headers = rate_limit_headers(denied, {.draft_06 = true, .reset = ResetMeaning::kNextAdmission});
  EXPECT_EQ(headers[0].second, "\"burst\";r=0;t=1, \"daily\";r=900;t=86400");
  EXPECT_EQ(value_of(headers, "RateLimit-Reset"), "1");
  EXPECT_EQ(value_of(headers, "Retry-After"), "1");
  denied.allowed = true;
  EXPECT_EQ(rate_limit_headers(denied, {.reset = ResetMeaning::kNextAdmission})[0].second,
            "\"burst\";r=0;t=60, \"daily\";r=900;t=86400");
}

// --- Jitter

// The least and the most of many random numbers.
std::pair<int, int> range_of(Milliseconds wait, HeaderOptions options) {
  std::set<int> told;
  for (options.random = 0; options.random < 1000; ++options.random) {
    const auto headers = rate_limit_headers(decision({}, false, wait), options);
    told.insert(std::stoi(headers.at(0).second));
  }
  return {*told.begin(), *told.rbegin()};
}

TEST(LimiterRetryJitter, OnlyEverLengthensAndWithinItsBounds) {
  EXPECT_EQ(range_of(10s, {}), std::pair(10, 10));
  EXPECT_EQ(range_of(10s, {.retry_jitter_share = 0.5}), std::pair(10, 15));
  EXPECT_EQ(range_of(9001ms, {.retry_jitter = 3s}), std::pair(10, 13));
  EXPECT_EQ(range_of(10s, {.retry_jitter_share = 0.5, .retry_jitter = 3s}), std::pair(10, 15));
  EXPECT_EQ(range_of(10s, {.retry_jitter_share = 0.1, .retry_jitter = 3s}), std::pair(10, 13));
  EXPECT_EQ(range_of(1s, {.retry_jitter_share = 0.9}), std::pair(1, 1));
}

TEST(LimiterRetryJitter, OutOfItsRangeIsTakenForItsEnd) {
  EXPECT_EQ(range_of(10s, {.retry_jitter_share = -1, .retry_jitter = -5s}), std::pair(10, 10));
  EXPECT_EQ(range_of(10s, {.retry_jitter_share = 7}), std::pair(10, 20));
  EXPECT_EQ(range_of(10s, {.retry_jitter_share = std::numeric_limits<double>::quiet_NaN()}), std::pair(10, 10));
  const auto most = rate_limit_headers(decision({}, false, 1s), {.retry_jitter = 1000h, .random = 3600});
  EXPECT_EQ(most[0].second, "3601");
}

TEST(LimiterRetryJitter, IsOfRetryAfterAlone) {
  const auto headers =
      rate_limit_headers(denial(), {.reset = ResetMeaning::kNextAdmission, .retry_jitter = 5s, .random = 5});
  EXPECT_EQ(headers[0].second, "\"burst\";r=0;t=1, \"daily\";r=900;t=86400");
  EXPECT_EQ(value_of(headers, "Retry-After"), "6");
}

// --- Problem details

base::Json parsed(const std::string& problem) { return base::Json::parse("problem", problem, 1 << 16).value(); }

TEST(LimiterProblem, SaysWhichQuotaWasExceededAndWhenToComeBack) {
  const auto problem = parsed(rate_limit_problem(denial()));
  EXPECT_EQ(problem.member("type").as_string(), "https://iana.org/assignments/http-problem-types#quota-exceeded");
  EXPECT_EQ(problem.member("title").as_string(), "Quota Exceeded");
  EXPECT_EQ(problem.member("status").as_integer(), 429);
  EXPECT_EQ(problem.member("detail").as_string(),
            "the request exceeds the quota of burst (10 in 1 s); try again in 1 s");
  EXPECT_EQ(problem.member("retry_after_ms").as_integer(), 400);
  ASSERT_EQ(problem.member("violated-policies").size(), 1u);
  EXPECT_EQ(problem.member("violated-policies").element(0).as_string(), "burst");
  EXPECT_FALSE(problem.contains("instance"));
}

TEST(LimiterProblem, OfAReducedShareIsOurs) {
  const ProblemOptions reduced{.reduced_share = true};
  const auto problem = parsed(rate_limit_problem(denial(Source::kLocal), reduced));
  EXPECT_EQ(problem.member("type").as_string(),
            "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity");
  EXPECT_EQ(problem.member("title").as_string(), "Temporary Reduced Capacity");
  EXPECT_EQ(problem.member("status").as_integer(), 503);
  EXPECT_EQ(problem.member("detail").as_string(), "capacity is reduced for now: burst (10 in 1 s); try again in 1 s");
  EXPECT_EQ(rate_limit_status(denial(Source::kLocal), reduced), 503);
  EXPECT_EQ(rate_limit_status(denial(Source::kRedis), reduced), 429);
  EXPECT_EQ(rate_limit_status(denial(Source::kLocal)), 429);
  EXPECT_EQ(rate_limit_status(decision({})), 200);
}

TEST(LimiterProblem, ThatWaitingDoesNotSolveSaysSo) {
  const auto problem = parsed(rate_limit_problem(decision({denying({.limit = 5, .window = 60s}, 5, 0s)}, false, {})));
  EXPECT_EQ(problem.member("detail").as_string(),
            "the request exceeds the quota of default (5 in 60 s); it asks for more than there ever is");
  EXPECT_FALSE(problem.contains("retry_after_ms"));
}

TEST(LimiterProblem, IsJsonWhateverTheNamesAre) {
  const auto denied = decision({denying({.limit = 5, .window = 500ms, .name = "a\"\\</b>\n\xff"}, 0, 1s),
                                denying({.limit = 2, .window = 60s, .algorithm = Algorithm::kConcurrency}, 0, 1s)},
                               false, 2s);
  const auto problem = parsed(rate_limit_problem(denied, {.instance = "urn:x:\"1\""}));
  EXPECT_EQ(problem.member("violated-policies").element(0).as_string(), "a\"\\</b>??");
  EXPECT_EQ(problem.member("violated-policies").element(1).as_string(), "default");
  EXPECT_EQ(problem.member("instance").as_string(), "urn:x:\"1\"");
  EXPECT_EQ(problem.member("detail").as_string(),
            "the request exceeds the quota of a\"\\</b>?? (5 in 500 ms), default (2 at a time); try again in 2 s");
}

TEST(LimiterProblem, ViolatedAreTheRulesThatDenied) {
  EXPECT_EQ(violated_policies(denial()), std::vector<std::string>{"burst"});
  const auto two =
      decision({denying({.limit = 5, .window = 1s}, 0, 1s), denying({.limit = 9, .window = 9s}, 3, 9s)}, false, 9s);
  EXPECT_EQ(violated_policies(two), (std::vector<std::string>{"default", "default2"}));
  // What is left does not tell who denied.
  const auto spent =
      decision({{{.limit = 5, .window = 1s}, 0, 1s}, denying({.limit = 9, .window = 9s}, 8, 9s)}, false, 1s);
  EXPECT_EQ(violated_policies(spent), std::vector<std::string>{"default2"});
  EXPECT_TRUE(violated_policies(decision({denying({.limit = 5, .window = 1s}, 0, 1s)})).empty());
}

TEST(LimiterProblem, OfNoRuleNamesNone) {
  const auto problem = parsed(rate_limit_problem(decision({}, false, 5s)));
  EXPECT_EQ(problem.member("detail").as_string(), "the request exceeds the quota; try again in 5 s");
  EXPECT_EQ(problem.member("violated-policies").size(), 0u);
}

}  // namespace
}  // namespace envoyou::headers_test
