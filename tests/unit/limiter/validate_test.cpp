// Goal: whatever is not acceptable is refused with the field's name and every fault at once, and nothing is stored.
// Method: the extremes of every field, through the public face, in process.
#include "limiter/validate.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace envoyou::limiter::validate_test {
namespace {

using namespace std::chrono_literals;

const RateRule good{.limit = 30, .window = 60s};

std::string fault(std::string_view key, std::vector<RateRule> rules, std::int64_t cost = 1) {
  const auto valid = validate(key, rules, cost);
  return valid ? "" : std::string(valid.error().message());
}

TEST(Validate, AcceptsTheWholeRangeAndAnyBytesInAKey) {
  EXPECT_EQ(fault("k", {{.limit = 1, .window = 1ms}}, 0), "");
  EXPECT_EQ(fault("k", {{.limit = kMaxRateLimit, .window = kMaxRateWindow}}, kMaxRateLimit), "");
  EXPECT_EQ(fault(std::string(kMaxRateKeyBytes, '\0'), {good}), "");
  EXPECT_EQ(fault("a:b{c}\r\n\xff\xfe\x00", {good}), "");
  EXPECT_EQ(fault("k", std::vector<RateRule>(kMaxRulesPerCheck, good)), "");
}

TEST(Validate, NamesFieldAndValue) {
  EXPECT_EQ(fault("k", {{.limit = -5, .window = 1s}}), "limit: must be between 1 and 2147483648, got -5");
  EXPECT_EQ(fault("k", {{.limit = 1, .window = 0s}}), "window: must be between 1 and 31622400000, got 0 ms");
  EXPECT_EQ(fault("k", {good}, -1), "cost: must be between 0 and 2147483648, got -1");
  EXPECT_EQ(fault("", {good}), "key: must not be empty");
  EXPECT_EQ(fault("k", {}), "rules: must be 1 to 8, got 0");
  EXPECT_EQ(fault("k", std::vector<RateRule>(9, good)), "rules: must be 1 to 8, got 9");
}

TEST(Validate, TellsEveryFaultAtOnce) {
  const std::string all = fault("", {good, {.limit = 0, .window = -1ms, .name = "\n"}}, 1LL << 40);
  for (const auto* field : {"rules[1].limit", "rules[1].window", "rules[1].name", "cost", "key"}) {
    EXPECT_NE(all.find(field), std::string::npos) << field << " in " << all;
  }
}

TEST(Validate, RefusesExtremes) {
  for (const auto extreme : {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_NE(fault("k", {{.limit = extreme, .window = 1s}}), "");
    EXPECT_NE(fault("k", {{.limit = 1, .window = Milliseconds(extreme)}}), "");
    EXPECT_NE(fault("k", {good}, extreme), "");
  }
}

TEST(Validate, AnOverLongKeyIsTooLarge) {
  const std::vector<RateRule> rules{good};
  const auto valid = validate(std::string(kMaxRateKeyBytes + 1, 'k'), rules, 1);
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().code(), Errc::kTooLarge);
  EXPECT_EQ(validate("", rules, 1).error().code(), Errc::kInvalidArgument);
}

TEST(Validate, RefusesOptionsThatCanNotWork) {
  EXPECT_TRUE(validate(RateLimiterOptions{}));
  RateLimiterOptions bad;
  bad.prefix = "a b{";
  bad.decision_share = 0ms;
  bad.max_local_keys = 0;
  bad.max_local_bytes = 10;
  const auto valid = validate(bad);
  ASSERT_FALSE(valid);
  for (const auto* field : {"prefix", "decision_share", "max_local_keys", "max_local_bytes"}) {
    EXPECT_NE(valid.error().message().find(field), std::string_view::npos) << field;
  }
}

}  // namespace
}  // namespace envoyou::limiter::validate_test
