// Goal: a path finds the first rule that matches it, and a rule that cannot be meant is refused with its name.
// Method: tables of patterns and paths.
#include "cache/rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace envoyou::cache::rules_test {
namespace {

using std::chrono::seconds;

Rules rules_of(std::vector<EndpointRule> rules, std::optional<EndpointRule> otherwise = {}) {
  ResponseCacheOptions options;
  options.rules = std::move(rules);
  options.default_rule = std::move(otherwise);
  return std::move(Rules::from(options)).value();
}

std::string found(const Rules& rules, std::string_view path) {
  const EndpointRule* rule = rules.find(path);
  return rule == nullptr ? "(none)" : rule->pattern;
}

std::string refused(EndpointRule rule) {
  ResponseCacheOptions options;
  options.rules.push_back(std::move(rule));
  const auto made = Rules::from(options);
  return made ? "(accepted)" : std::string(made.error().message());
}

TEST(Rules, AStarIsExactlyOneSegment) {
  const Rules rules = rules_of({{.pattern = "/api/things/*/*", .ttl = seconds(1)}});
  EXPECT_EQ(found(rules, "/api/things/g/5"), "/api/things/*/*");
  for (const char* path : {"/api/things/g", "/api/things/g/5/6", "/api/things/g/", "/api/things//5", "/api/thing/g/5",
                           "/API/things/g/5", "api/things/g/5", ""}) {
    EXPECT_EQ(found(rules, path), "(none)") << path;
  }
}

TEST(Rules, TwoStarsAtTheEndAreAnyRestButNotNone) {
  const Rules rules = rules_of({{.pattern = "/static/**", .ttl = seconds(1)}});
  EXPECT_EQ(found(rules, "/static/a"), "/static/**");
  EXPECT_EQ(found(rules, "/static/a/b/c.css"), "/static/**");
  EXPECT_EQ(found(rules, "/static"), "(none)");
  EXPECT_EQ(found(rules, "/static/"), "(none)");
  EXPECT_EQ(found(rules, "/staticness/a"), "(none)");
}

TEST(Rules, TheFirstThatMatchesCountsAndTheDefaultComesLast) {
  const Rules rules = rules_of({{.pattern = "/a/b", .ttl = seconds(1)}, {.pattern = "/a/*", .ttl = seconds(2)}},
                               EndpointRule{.pattern = "", .ttl = seconds(3)});
  EXPECT_EQ(found(rules, "/a/b"), "/a/b");
  EXPECT_EQ(found(rules, "/a/c"), "/a/*");
  EXPECT_EQ(found(rules, "/b"), "/**");
  EXPECT_TRUE(rules.has_pattern("/**"));
  EXPECT_FALSE(rules.has_pattern("/a/**"));
}

TEST(Rules, TheRootIsAPathOfItsOwn) {
  const Rules rules = rules_of({{.pattern = "/", .ttl = seconds(1)}});
  EXPECT_EQ(found(rules, "/"), "/");
  EXPECT_EQ(found(rules, "/a"), "(none)");
}

TEST(Rules, RefuseWhatCannotBeMeantAndNameIt) {
  EXPECT_THAT(refused({.pattern = "", .ttl = seconds(1)}), ::testing::HasSubstr("rules[0].pattern"));
  for (const char* pattern : {"a", "/a//b", "/a/", "/a*", "/**/a", "/a?b", "/a b", "/a#b", "/a\n"}) {
    EXPECT_THAT(refused({.pattern = pattern, .ttl = seconds(1)}), ::testing::HasSubstr("rules[0].pattern"));
  }
  EXPECT_THAT(refused({.pattern = "/" + std::string(600, 'x'), .ttl = seconds(1)}), ::testing::HasSubstr("512"));
  EXPECT_THAT(refused({.pattern = "/a", .ttl = seconds(-1)}), ::testing::HasSubstr("rules[0].ttl"));
  EXPECT_THAT(refused({.pattern = "/a", .ttl = std::chrono::hours(24 * 31)}), ::testing::HasSubstr("30 days"));
  EXPECT_THAT(refused({.pattern = "/a", .ttl = seconds(1), .vary_headers = {"Accept Language"}}),
              ::testing::HasSubstr("vary_headers"));
  EXPECT_THAT(refused({.pattern = "/a", .ttl = seconds(1), .vary_headers = {""}}),
              ::testing::HasSubstr("vary_headers"));
  EXPECT_EQ(refused({.pattern = "/a", .ttl = seconds(0)}), "(accepted)");
}

TEST(Rules, ReportEveryProblemAtOnce) {
  ResponseCacheOptions options;
  options.rules = {{.pattern = "x", .ttl = seconds(-1)},
                   {.pattern = "/ok", .ttl = seconds(1)},
                   {.pattern = "/*x", .ttl = seconds(1)}};
  const auto made = Rules::from(options);
  ASSERT_FALSE(made);
  for (const char* field : {"rules[0].pattern", "rules[0].ttl", "rules[2].pattern"}) {
    EXPECT_THAT(std::string(made.error().message()), ::testing::HasSubstr(field));
  }
}

}  // namespace
}  // namespace envoyou::cache::rules_test
