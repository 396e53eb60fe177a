// Goal: what servers tell of their quotas is read as it was meant or refused with its place, in each of the forms that
//       are in use; and a client that obeys the pacer stays within the quota, at full speed while there is plenty.
// Method: fields by hand, fields that the server's side makes, and a model of a server with the time as a number.
#include <envoyou/limiter/headers.hpp>
#include <envoyou/limiter/pacing.hpp>

#include <gtest/gtest.h>

#include <deque>

namespace envoyou::pacing_test {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using Hints = std::vector<QuotaHint>;
using Fields = std::vector<std::pair<std::string, std::string>>;

// Sun, 06 Nov 1994 08:49:37 GMT, the date of the RFCs.
const WallTime kRfcDate = from_unix_ms(784'111'777'000);
const TimePoint kStart{1000s};

template <class T>
std::string problem(const Result<T>& parsed) {
  return parsed ? "none" : std::string(parsed.error().message());
}

// --- RateLimit and RateLimit-Policy

TEST(RateLimitField, IsAListOfPolicies) {
  EXPECT_EQ(parse_rate_limit("\"default\";r=50;t=30").value(),
            (Hints{{.name = "default", .remaining = 50, .reset = 30s}}));
  EXPECT_EQ(parse_rate_limit("  \"burst\";r=0 , \t\"daily\"; t=7;  r=990 ").value(),
            (Hints{{.name = "burst", .remaining = 0}, {.name = "daily", .remaining = 990, .reset = 7s}}));
  EXPECT_EQ(parse_rate_limit("default;r=1").value(), (Hints{{.name = "default", .remaining = 1}}));
  EXPECT_EQ(parse_rate_limit("\"a\\\"b\\\\c\";r=1").value()[0].name, "a\"b\\c");
  EXPECT_EQ(parse_rate_limit("\"\";r=999999999999999").value()[0].remaining, 999'999'999'999'999);
}

TEST(RateLimitField, MayHaveParametersThatNobodyKnows) {
  const std::string_view unknown =
      ";r=1;flag;acme-x=token/1:2;d=-1.125;b=:aGk=:;e=::;y=?1;n=?0;s=\"x,;y\";at=@1659578233;u=%\"f%c3%bc\";*k_.-=*";
  EXPECT_EQ(parse_rate_limit("\"a\"" + std::string(unknown) + ";t=2").value(),
            (Hints{{.name = "a", .remaining = 1, .reset = 2s}}));
}

TEST(RateLimitField, TheLastOfEqualParametersCounts) {
  EXPECT_EQ(parse_rate_limit("\"a\";r=1;t=9;r=2;t=8;r=3").value(), (Hints{{.name = "a", .remaining = 3, .reset = 8s}}));
  EXPECT_EQ(parse_rate_limit("limit=1, remaining=2, reset=3, remaining=4").value()[0].remaining, 4);
  EXPECT_NE(problem(parse_rate_limit("\"a\";r=1;r=\"2\"")), "none");
}

TEST(RateLimitField, OfRevision7IsADictionary) {
  EXPECT_EQ(parse_rate_limit("limit=100, remaining=50, reset=30").value(),
            (Hints{{.quota = 100, .remaining = 50, .reset = 30s}}));
  EXPECT_EQ(parse_rate_limit("reset=1,limit=2;a=b,other,remaining=3").value(),
            (Hints{{.quota = 2, .remaining = 3, .reset = 1s}}));
  EXPECT_EQ(problem(parse_rate_limit("limit=100, reset=30")), "RateLimit: remaining of \"\" is missing");
}

TEST(RateLimitField, ThatIsMalformedIsToldByItsPlace) {
  EXPECT_EQ(problem(parse_rate_limit("")), "RateLimit: expected a value at byte 0, got the end");
  EXPECT_EQ(problem(parse_rate_limit("\"a\";r=1,")),
            "RateLimit: expected a member behind the comma at byte 8, got the end");
  EXPECT_EQ(problem(parse_rate_limit("\"a\";R=1")), "RateLimit: expected a name in lower case at byte 4, got \"R=1\"");
  EXPECT_EQ(problem(parse_rate_limit("\"a\" ;r=1")), "RateLimit: expected a comma or the end at byte 4, got \";r=1\"");
  EXPECT_EQ(problem(parse_rate_limit("\"a")), "RateLimit: expected a closing quote at byte 2, got the end");
  EXPECT_EQ(problem(parse_rate_limit("\"a\";t=1")), "RateLimit: r of \"a\" is missing");
  EXPECT_EQ(problem(parse_rate_limit("\"a\";r=-1")), "RateLimit: r of \"a\" must be a whole number from 0 on");
  EXPECT_EQ(problem(parse_rate_limit("\"a\";r=1;t=1.5")), "RateLimit: t of \"a\" must be a whole number from 0 on");
  EXPECT_EQ(problem(parse_rate_limit("5;r=1")), "RateLimit: each member must begin with a policy's name");
}

TEST(RateLimitField, ThatIsMalformedIsRefusedWhole) {
  for (const std::string_view bad : {"\"a\";r=1 \"b\";r=1",
                                     "\"a\";r=1,,\"b\";r=1",
                                     "\"a\";r=1234567890123456",
                                     "\"a\";r=",
                                     "\"a\";",
                                     "\"a\";=1",
                                     "\"a\";r=1.",
                                     "\"a\";r=1;x=1.2345",
                                     "\"a\";r=1;x=1234567890123.1",
                                     "\"a\";r=1;x=-",
                                     "\"a\";r=1;x=--1",
                                     "\"a\";r=1;x=+1",
                                     "\"a\";r=1;x=:a",
                                     "\"a\";r=1;x=:a_b:",
                                     "\"a\";r=1;x=?2",
                                     "\"a\";r=1;x=@",
                                     "\"a\";r=1;x=@1.5",
                                     "\"a\";r=1;x=%\"%C3%BC\"",
                                     "\"a\";r=1;x=%\"%c3\"",
                                     "\"a\";r=1;x=%a",
                                     "\"a\";r=1;x=%\"a",
                                     "\"a\\n\";r=1",
                                     "\"\xc3\xbc\";r=1",
                                     "(\"a\");r=1",
                                     "\"a\";r=1\t",
                                     "\"a\";r=?1",
                                     ",",
                                     "\"a\"",
                                     "r=1",
                                     "\"a\";r=1;t"}) {
    EXPECT_NE(problem(parse_rate_limit(bad)), "none") << bad;
  }
  EXPECT_NE(problem(parse_rate_limit(std::string_view("\"a\0\";r=1", 8))), "none");
}

TEST(RateLimitField, HasBounds) {
  std::string items = "\"a\";r=1";
  for (std::size_t i = 1; i < kMaxRateFieldItems; ++i) items += ", \"a\";r=1";
  EXPECT_EQ(parse_rate_limit(items).value().size(), kMaxRateFieldItems);
  EXPECT_NE(problem(parse_rate_limit(items + ", \"a\";r=1")).find("no more than 32 members"), std::string::npos);

  std::string parameters = "\"a\";r=1";
  for (std::size_t i = 1; i < kMaxRateFieldParameters; ++i) parameters += ";x" + std::to_string(i);
  EXPECT_TRUE(parse_rate_limit(parameters).ok());
  EXPECT_FALSE(parse_rate_limit(parameters + ";y").ok());

  EXPECT_NE(problem(parse_rate_limit(std::string(kMaxRateFieldBytes + 1, ' '))).find("at most 8192 bytes"),
            std::string::npos);
  EXPECT_EQ(parse_rate_limit("\"a\";r=1;t=999999999999999").value()[0].reset, seconds(3660 * 24h));
}

TEST(RateLimitPolicyField, IsAListOfPolicies) {
  EXPECT_EQ(parse_rate_limit_policy("\"burst\";q=100;w=60, \"c\";q=5;qu=\"concurrent-requests\"").value(),
            (Hints{{.name = "burst", .quota = 100, .window = 60s},
                   {.name = "c", .quota = 5, .unit = "concurrent-requests"}}));
  EXPECT_EQ(parse_rate_limit_policy("100;w=60;comment=\"x\", 1000;w=3600").value(),
            (Hints{{.quota = 100, .window = 60s}, {.quota = 1000, .window = 3600s}}));
  EXPECT_EQ(problem(parse_rate_limit_policy("\"a\";w=60")), "RateLimit-Policy: q of \"a\" is missing");
  EXPECT_EQ(problem(parse_rate_limit_policy("\"a\";q=1;qu=bytes")), "RateLimit-Policy: qu of \"a\" must be a string");
  EXPECT_NE(problem(parse_rate_limit_policy("1.5;w=60")), "none");
  EXPECT_NE(problem(parse_rate_limit_policy("-1;w=60")), "none");
}

// --- The older fields

TEST(RateLimitTrio, IsThreeNumbers) {
  EXPECT_EQ(parse_rate_limit_trio("X-RateLimit-", "100", "50", "30", kRfcDate).value(),
            (QuotaHint{.quota = 100, .remaining = 50, .reset = 30s}));
  EXPECT_EQ(parse_rate_limit_trio("RateLimit-", "", "50", "", kRfcDate).value(), (QuotaHint{.remaining = 50}));
  EXPECT_EQ(parse_rate_limit_trio("RateLimit-", "10, 10;w=1, 50;w=60", "5", "1", kRfcDate).value().quota, 10);
  EXPECT_EQ(problem(parse_rate_limit_trio("X-RateLimit-", "100", "", "30", kRfcDate)),
            "X-RateLimit-Remaining: is missing");
  EXPECT_EQ(problem(parse_rate_limit_trio("X-RateLimit-", "no limit", "5", "30", kRfcDate)),
            "X-RateLimit-Limit: expected a comma or the end at byte 3, got \"limit\"");
  EXPECT_EQ(problem(parse_rate_limit_trio("X-RateLimit-", "5", "-5", "30", kRfcDate)),
            "X-RateLimit-Remaining: must be a whole number from 0 on, got \"-5\"");
}

TEST(RateLimitTrio, AResetMayBeATimeOfTheCalendar) {
  const auto reset = [](std::string_view value) {
    return parse_rate_limit_trio("X-RateLimit-", "1", "1", value, from_unix_ms(1'700'000'000'000)).value().reset;
  };
  EXPECT_EQ(reset("1700000060"), 60s);
  EXPECT_EQ(reset("1700000060001"), 61s);
  EXPECT_EQ(reset("1699999999"), 0s);
  EXPECT_EQ(reset("86400"), 86400s);
}

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("120", kRfcDate).value(), 120s);
  EXPECT_EQ(parse_retry_after("0", kRfcDate).value(), 0s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:00 GMT", kRfcDate).value(), 23s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:00 GMT", kRfcDate).value(), 0s);
  EXPECT_EQ(parse_retry_after("99999999999999999999999", kRfcDate).value(), seconds(3660 * 24h));
  EXPECT_EQ(problem(parse_retry_after("soon", kRfcDate)), "Retry-After: must be seconds or an HTTP date, got \"soon\"");
  for (const std::string_view bad : {"", "-1", "1.5", " 1", "1 ", "1s", "0x1"}) {
    EXPECT_NE(problem(parse_retry_after(bad, kRfcDate)), "none") << bad;
  }
}

TEST(HttpDate, HasThreeForms) {
  const auto parse = [](std::string_view text) { return parse_http_date("Date", text, kRfcDate); };
  EXPECT_EQ(parse("Sun, 06 Nov 1994 08:49:37 GMT").value(), kRfcDate);
  EXPECT_EQ(parse("Sunday, 06-Nov-94 08:49:37 GMT").value(), kRfcDate);
  EXPECT_EQ(parse("Sun Nov  6 08:49:37 1994").value(), kRfcDate);
  EXPECT_EQ(parse("Wed Nov 16 08:49:37 1994").value(), kRfcDate + 240h);
  EXPECT_EQ(parse("Thu, 29 Feb 1996 23:59:60 GMT").value(), parse("Fri, 01 Mar 1996 00:00:00 GMT").value());
  EXPECT_EQ(parse("Thu, 01 Jan 1970 00:00:00 GMT").value(), from_unix_ms(0));
}

TEST(HttpDate, AYearOfTwoDigitsIsNear) {
  const auto year = [](std::string_view text, std::string_view now) {
    const auto today = parse_http_date("Date", now, {}).value();
    return to_rfc3339(parse_http_date("Date", text, today).value()).substr(0, 4);
  };
  EXPECT_EQ(year("Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 01 Jan 2026 00:00:00 GMT"), "1994");
  EXPECT_EQ(year("Sunday, 06-Nov-76 08:49:37 GMT", "Sun, 01 Jan 2026 00:00:00 GMT"), "2076");
  EXPECT_EQ(year("Sunday, 06-Nov-77 08:49:37 GMT", "Sun, 01 Jan 2026 00:00:00 GMT"), "1977");
  EXPECT_EQ(year("Sunday, 06-Nov-00 08:49:37 GMT", "Sun, 01 Jan 1994 00:00:00 GMT"), "2000");
}

TEST(HttpDate, ThatIsBadIsRefused) {
  for (const std::string_view bad :
       {"", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "sun, 06 nov 1994 08:49:37 gmt", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Day, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov +994 08:49:37 GMT"}) {
    EXPECT_NE(problem(parse_http_date("Date", bad, kRfcDate)), "none") << bad;
  }
}

// --- A whole response

TEST(RateHintsOf, AResponseJoinPoliciesAndLimitsByName) {
  const auto hints = read_rate_hints(Fields{{"ratelimit", "\"a\";r=5;t=7"},
                                            {"RateLimit", "\"b\";r=1"},
                                            {"RATELIMIT-POLICY", "\"b\";q=10;w=60, \"a\";q=9, \"c\";q=8"}},
                                     kRfcDate);
  EXPECT_EQ(hints.quotas, (Hints{{.name = "a", .quota = 9, .remaining = 5, .reset = 7s},
                                 {.name = "b", .quota = 10, .remaining = 1, .window = 60s},
                                 {.name = "c", .quota = 8}}));
  EXPECT_EQ(hints.retry_after, std::nullopt);
  EXPECT_TRUE(hints.ignored.empty());
}

TEST(RateHintsOf, AResponsePreferTheNewerForm) {
  const Fields old = {{"X-RateLimit-Remaining", "1"}, {"X-RateLimit-Reset", "5"}};
  EXPECT_EQ(read_rate_hints(old, kRfcDate).quotas, (Hints{{.remaining = 1, .reset = 5s}}));
  Fields both = old;
  both.insert(both.end(), {{"RateLimit-Remaining", "2"}, {"RateLimit-Limit", "9"}, {"RateLimit-Policy", "9;w=10"}});
  EXPECT_EQ(read_rate_hints(both, kRfcDate).quotas, (Hints{{.quota = 9, .remaining = 2, .window = 10s}}));
  both.emplace_back("RateLimit", "limit=9, remaining=3, reset=4");
  EXPECT_EQ(read_rate_hints(both, kRfcDate).quotas, (Hints{{.quota = 9, .remaining = 3, .window = 10s, .reset = 4s}}));
}

TEST(RateHintsOf, AResponseIgnoreWhatIsMalformedAndSayWhat) {
  const auto hints = read_rate_hints(Fields{{"RateLimit", "\"a\";r=x"},
                                            {"RateLimit-Policy", "?"},
                                            {"Retry-After", "soon"},
                                            {"X-RateLimit-Remaining", "4"}},
                                     kRfcDate);
  EXPECT_EQ(hints.quotas, (Hints{{.remaining = 4}}));
  EXPECT_EQ(hints.retry_after, std::nullopt);
  ASSERT_EQ(hints.ignored.size(), 3u);
  EXPECT_EQ(hints.ignored[0].message(), "Retry-After: must be seconds or an HTTP date, got \"soon\"");
}

TEST(RateHintsOf, AResponseAreComparedWithItsOwnDate) {
  const Fields fields = {{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}};
  EXPECT_EQ(read_rate_hints(fields, from_unix_ms(0)).retry_after, 10s);
  EXPECT_EQ(
      read_rate_hints(Fields{{"Date", "?"}, {"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}}, kRfcDate).retry_after,
      10s);
}

TEST(RateHintsOf, AResponseFromACacheTellNothingOfQuotas) {
  Fields fields = {{"RateLimit", "\"a\";r=5;t=7"}, {"Age", "0"}};
  EXPECT_EQ(read_rate_hints(fields, kRfcDate).quotas.size(), 1u);
  fields[1].second = "3";
  EXPECT_TRUE(read_rate_hints(fields, kRfcDate).quotas.empty());
}

TEST(RateHintsOf, AResponseAreWhatTheServersSideWrote) {
  Decision decision;
  decision.allowed = false;
  decision.retry_after = 4200ms;
  decision.rules = {{{.limit = 10, .window = 60s, .name = "a\"\\ b"}, 0, 59'001ms},
                    {{.limit = 3, .window = 1h, .algorithm = Algorithm::kConcurrency}, 2, 1h}};
  const auto hints = read_rate_hints(rate_limit_headers(decision, {.partition_key = "\x01\xff"}), kRfcDate);
  EXPECT_TRUE(hints.ignored.empty());
  EXPECT_EQ(hints.retry_after, 5s);
  EXPECT_EQ(hints.quotas,
            (Hints{{.name = "a\"\\ b", .quota = 10, .remaining = 0, .window = 60s, .reset = 60s},
                   {.name = "default", .quota = 3, .remaining = 2, .reset = 3600s, .unit = "concurrent-requests"}}));
}

TEST(RateHintsOf, AResponseAreWhatTheServersOlderFieldsSay) {
  Decision decision;
  decision.allowed = true;
  decision.rules = {{{.limit = 10, .window = 60s}, 4, 30s}};
  for (const LegacyReset reset : {LegacyReset::kDeltaSeconds, LegacyReset::kEpochSeconds}) {
    const WallTime now = from_unix_ms(1'700'000'000'000);
    const auto fields =
        rate_limit_headers(decision, {.rate_limit = false, .x_rate_limit = true, .x_reset = reset, .now = now});
    EXPECT_EQ(read_rate_hints(fields, now).quotas, (Hints{{.quota = 10, .remaining = 4, .reset = 30s}}));
  }
  const auto fields = rate_limit_headers(decision, {.rate_limit = false, .draft_06 = true});
  EXPECT_EQ(read_rate_hints(fields, kRfcDate).quotas, (Hints{{.quota = 10, .remaining = 4, .reset = 30s}}));
}

// --- The pacer

RateHints hint(std::int64_t quota, std::int64_t remaining, seconds reset) {
  return {.quotas = {{.name = "a", .quota = quota, .remaining = remaining, .reset = reset}}};
}

Pacer pacer(PacerOptions options = {.spread_below = 0.5}) { return Pacer::create(options).value(); }

TEST(PacerOf, NothingHeardWaitsForNothing) {
  Pacer fresh = pacer();
  EXPECT_EQ(fresh.wait(kStart), 0ms);
  fresh.sent(kStart);
  fresh.answered({}, kStart);
  EXPECT_EQ(fresh.wait(kStart), 0ms);
}

TEST(PacerOf, PlentyWaitsForNothingAndSpreadsTheRest) {
  Pacer paced = pacer();
  paced.sent(kStart);
  paced.answered(hint(10, 5, 60s), kStart);
  EXPECT_EQ(paced.wait(kStart), 0ms);
  paced.answered(hint(10, 4, 60s), kStart);
  EXPECT_EQ(paced.wait(kStart), 12s);
  EXPECT_EQ(paced.wait(kStart + 5s), 7s);
  EXPECT_EQ(paced.wait(kStart + 13s), 0ms);
}

TEST(PacerOf, WhatIsSpentWaitsForTheReset) {
  Pacer paced = pacer();
  paced.sent(kStart);
  paced.answered(hint(10, 0, 7s), kStart + 1s);
  EXPECT_EQ(paced.wait(kStart + 1s), 7s);
  EXPECT_EQ(paced.wait(kStart + 8s), 0ms);
}

TEST(PacerOf, TheWaitIsCountedFromTheRequestNotFromItsAnswer) {
  Pacer paced = pacer();
  paced.sent(kStart);
  paced.answered(hint(10, 4, 60s), kStart + 2s);
  EXPECT_EQ(paced.wait(kStart + 2s), 10s);
}

TEST(PacerOf, RequestsUnderWayCount) {
  Pacer paced = pacer();
  paced.sent(kStart);
  paced.answered(hint(10, 5, 60s), kStart);
  paced.sent(kStart);
  EXPECT_EQ(paced.wait(kStart), 12s);
  for (int i = 0; i < 20; ++i) paced.sent(kStart);
  EXPECT_EQ(paced.wait(kStart), 60s);
}

TEST(PacerOf, AQuotaThatIsBackIsWhole) {
  Pacer paced = pacer();
  paced.answered(hint(10, 0, 5s), kStart);
  for (int i = 0; i < 20; ++i) paced.sent(kStart + 5s);
  EXPECT_EQ(paced.wait(kStart + 5s), 0ms);
}

TEST(PacerOf, SeveralQuotasTheLongestWaitCounts) {
  Pacer paced = pacer();
  RateHints hints = hint(10, 1, 10s);
  hints.quotas.push_back({.name = "b", .quota = 100, .remaining = 1, .reset = 100s});
  paced.answered(hints, kStart);
  EXPECT_EQ(paced.wait(kStart), 50s);
  // "b" is not named again, and stays.
  paced.answered(hint(10, 10, 10s), kStart);
  EXPECT_EQ(paced.wait(kStart), 50s);
}

TEST(PacerOf, TheShareIsAChoice) {
  Pacer never = pacer({.spread_below = 0});
  never.answered(hint(100, 1, 10s), kStart);
  EXPECT_EQ(never.wait(kStart), 0ms);
  never.answered(hint(100, 0, 10s), kStart);
  EXPECT_EQ(never.wait(kStart), 10s);
  Pacer always = pacer({.spread_below = 1});
  always.answered(hint(100, 99, 10s), kStart);
  EXPECT_EQ(always.wait(kStart), 100ms);
}

TEST(PacerOf, AQuotaWhoseSizeIsNotToldHasWhatWasEverLeft) {
  Pacer paced = pacer();
  const auto left = [](std::int64_t remaining) {
    return RateHints{.quotas = {{.name = "a", .remaining = remaining, .reset = 50s}}};
  };
  paced.answered(left(10), kStart);
  EXPECT_EQ(paced.wait(kStart), 0ms);
  paced.answered(left(4), kStart);
  EXPECT_EQ(paced.wait(kStart), 10s);
}

TEST(PacerOf, AQuotaWithoutResetIsPacedByItsWindowOrNotAtAll) {
  Pacer paced = pacer();
  paced.answered({.quotas = {{.name = "a", .quota = 10, .remaining = 0}}}, kStart);
  EXPECT_EQ(paced.wait(kStart), 0ms);
  paced.answered({.quotas = {{.name = "a", .quota = 10, .remaining = 0, .window = 9s}}}, kStart);
  EXPECT_EQ(paced.wait(kStart), 9s);
}

TEST(PacerOf, OtherUnitsThanRequestsAreNotPaced) {
  Pacer paced = pacer();
  paced.answered({.quotas = {{.quota = 1, .remaining = 0, .reset = 9s, .unit = "concurrent-requests"}}}, kStart);
  paced.answered({.quotas = {{.quota = 1, .remaining = 0, .reset = 9s, .unit = "content-bytes"}}}, kStart);
  EXPECT_EQ(paced.wait(kStart), 0ms);
}

TEST(PacerOf, RetryAfterGoesBeforeTheReset) {
  Pacer paced = pacer();
  RateHints denied = hint(10, 0, 60s);
  denied.retry_after = 3s;
  paced.answered(denied, kStart);
  EXPECT_EQ(paced.wait(kStart), 3s);
  EXPECT_EQ(paced.wait(kStart + 3s), 0ms);
  // One goes out; the next waits for its answer.
  paced.sent(kStart + 3s);
  EXPECT_EQ(paced.wait(kStart + 3s), 57s);
  paced.answered(hint(10, 8, 60s), kStart + 4s);
  EXPECT_EQ(paced.wait(kStart + 4s), 0ms);
}

TEST(PacerOf, RetryAfterHoldsWhateverComesAfterIt) {
  Pacer paced = pacer();
  paced.answered({.retry_after = 30s}, kStart);
  paced.answered(hint(10, 9, 60s), kStart + 1s);
  paced.answered({.retry_after = 1s}, kStart + 1s);
  EXPECT_EQ(paced.wait(kStart + 1s), 29s);
}

TEST(PacerOf, NoServerMakesItWaitBeyondTheBounds) {
  Pacer paced = pacer({.max_wait = 10s, .max_retry_after = 20s});
  paced.answered(parse_rate_limit("\"a\";r=0;t=999999999999999")
                     .transform([](Hints&& quotas) { return RateHints{.quotas = std::move(quotas)}; })
                     .value(),
                 kStart);
  EXPECT_EQ(paced.wait(kStart), 10s);
  EXPECT_EQ(paced.wait(kStart + 10s), 0ms);
  paced.sent(kStart + 10s);
  EXPECT_EQ(paced.wait(kStart + 10s), 10s);
  paced.answered({.retry_after = seconds::max()}, kStart + 10s);
  EXPECT_EQ(paced.wait(kStart + 10s), 20s);
}

TEST(PacerOf, ManyQuotasTheSoonestBackIsForgotten) {
  Pacer paced = pacer();
  for (std::size_t i = 0; i <= kMaxPacedQuotas; ++i) {
    const auto reset = seconds(i == 0 ? 100 : 10 + static_cast<int>(i));
    paced.answered({.quotas = {{.name = "q" + std::to_string(i), .quota = 1, .remaining = 0, .reset = reset}}}, kStart);
  }
  EXPECT_EQ(paced.wait(kStart), 100s);
}

TEST(PacerOf, BadOptionsAreToldAtOnce) {
  EXPECT_EQ(problem(Pacer::create({.spread_below = 1.5, .max_wait = -1ms, .max_retry_after = 25h})),
            "spread_below: must be between 0 and 1, got 1.500000; "
            "max_wait: must be between 0 and 86400000 ms, got -1; "
            "max_retry_after: must be between 0 and 86400000 ms, got 90000000");
  EXPECT_FALSE(Pacer::create({.spread_below = std::numeric_limits<double>::quiet_NaN()}).ok());
}

// --- Against a server

// An exact sliding window, which tells until when the whole quota is back, as this library's servers do.
class Server {
 public:
  Server(std::int64_t limit, seconds window) : limit_(limit), window_(window) {}

  RateHints take(TimePoint now) {
    while (!admitted_.empty() && admitted_.front() + window_ <= now) admitted_.pop_front();
    Decision decision;
    decision.allowed = std::ssize(admitted_) < limit_;
    if (decision.allowed) admitted_.push_back(now);
    denied_ += decision.allowed ? 0 : 1;
    const auto until = [&](TimePoint then) { return std::chrono::ceil<Milliseconds>(then + window_ - now); };
    if (!decision.allowed) decision.retry_after = until(admitted_.front());
    decision.rules = {{{.limit = limit_, .window = window_}, limit_ - std::ssize(admitted_), until(admitted_.back())}};
    return read_rate_hints(rate_limit_headers(decision), {});
  }
  int denied() const noexcept { return denied_; }

 private:
  std::int64_t limit_;
  seconds window_;
  std::deque<TimePoint> admitted_;
  int denied_ = 0;
};

// Sends for `time` as fast as the pacer lets it, one request after the other; how many there were.
int send_for(Pacer& paced, Server& server, seconds time, Milliseconds round_trip) {
  int sent = 0;
  for (TimePoint now = kStart; now < kStart + time; now += round_trip) {
    now += paced.wait(now);
    paced.sent(now);
    paced.answered(server.take(now + round_trip / 2), now + round_trip);
    ++sent;
  }
  return sent;
}

TEST(PacerAgainstASlidingWindow, IsNeverDeniedAndUsesMostOfTheQuota) {
  for (const Milliseconds round_trip : {1ms, 100ms, 1500ms}) {
    Server server(40, 60s);
    Pacer paced = pacer({});
    const int sent = send_for(paced, server, 600s, round_trip);
    EXPECT_EQ(server.denied(), 0) << round_trip.count();
    EXPECT_GE(sent, 280) << round_trip.count();
    EXPECT_LE(sent, 440) << round_trip.count();
  }
}

TEST(PacerAgainstASlidingWindow, OfOneRequestWaitsAndIsNotDenied) {
  Server server(1, 10s);
  Pacer paced = pacer({});
  EXPECT_NEAR(send_for(paced, server, 100s, 10ms), 10, 1);
  EXPECT_EQ(server.denied(), 0);
}

TEST(PacerAgainstASlidingWindow, IsSeldomDeniedBesideAnotherClient) {
  Server server(60, 60s);
  Pacer one = pacer({});
  Pacer other = pacer({});
  TimePoint now = kStart;
  int sent = 0;
  while (now < kStart + 600s) {
    Pacer& next = one.wait(now) <= other.wait(now) ? one : other;
    now += std::max<Milliseconds>(next.wait(now), 50ms);
    next.sent(now);
    next.answered(server.take(now), now);
    ++sent;
  }
  EXPECT_GE(sent - server.denied(), 420);
  EXPECT_LE(server.denied(), 20);
}

}  // namespace
}  // namespace envoyou::pacing_test
