// Goal: a file of policies is understood as it was meant or refused with every fault in it by its place; lists and
// tiers answer as the header says.
// Method: small documents against the exact messages; every policy written back and read again.
#include "limiter/policies/duration_text.hpp"
#include "limiter/policies/faults.hpp"
#include "limiter/policies/repeated_members.hpp"
#include "unit/limiter/policy_documents.hpp"

#include <envoyou/limiter/policy.hpp>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::policy_test {
namespace {

using namespace std::chrono_literals;

using policy_documents::api;
using policy_documents::api_and;
using policy_documents::document;
using policy_documents::kRules;
using policy_documents::rule;

std::string faults_of(std::string_view json) {
  const auto read = RatePolicies::parse(json);
  return read ? "" : std::string(read.error().message());
}

RatePolicy read_api(std::string_view json) {
  const auto read = RatePolicies::parse(json);
  EXPECT_TRUE(read) << (read ? "" : read.error().message());
  const RatePolicy* found = read ? read->find("api") : nullptr;
  return found != nullptr ? *found : RatePolicy();
}

constexpr std::string_view kEverything = R"({
  "version": 1,
  "policies": {
    "api": {
      "rules": [
        {"limit": 30, "window": "60s", "name": "burst", "algorithm": "gcra", "burst": 10, "subject": "key"},
        {"limit": 1000, "window": "1d", "name": "daily", "subject": "tenant"}
      ],
      "tiers": {
        "pro": [{"limit": 300, "window": 60, "name": "burst", "algorithm": "sliding_counter"}],
        "free": [{"limit": 5, "window": "500ms"}]
      },
      "outage": "deny",
      "instances": 4,
      "shadow": true,
      "allow": {"key": ["k1", "staff-*"], "address": ["10.0.0.0/8", "2001:DB8:0::1"]},
      "deny": {"tenant": ["bad"]},
      "lease": {"units": 5, "life": "100ms"},
      "retry_jitter_share": 0.25,
      "retry_jitter": "2s"
    },
    "login": {"rules": [{"limit": 5, "window": "15m", "subject": "address"}]}
  }
})";

TEST(Policy, ReadsAllThatCanBeSaid) {
  const RatePolicy policy = read_api(kEverything);
  ASSERT_EQ(policy.rules.size(), 2u);
  EXPECT_EQ(policy.rules[0].rule,
            (RateRule{.limit = 30, .window = 60s, .name = "burst", .algorithm = Algorithm::kGcra, .burst = 10}));
  EXPECT_EQ(policy.rules[1], (PolicyRule{{.limit = 1000, .window = 24h, .name = "daily"}, "tenant"}));
  ASSERT_EQ(policy.tiers.size(), 2u);
  EXPECT_EQ(policy.tiers.at("pro")[0].rule,
            (RateRule{.limit = 300, .window = 60s, .name = "burst", .algorithm = Algorithm::kSlidingCounter}));
  EXPECT_EQ(policy.tiers.at("free")[0].rule.window, 500ms);
  EXPECT_EQ(policy.outage, OutageMode::kDeny);
  EXPECT_EQ(policy.instances, 4);
  EXPECT_TRUE(policy.shadow);
  EXPECT_EQ(policy.lease, (HotKeyLease{5, 100ms}));
  EXPECT_EQ(policy.retry_jitter_share, 0.25);
  EXPECT_EQ(policy.retry_jitter, 2s);
  EXPECT_EQ(policy.allow.entries(),
            (SubjectList::Entries{{"address", {"10.0.0.0/8", "2001:db8::1"}}, {"key", {"k1", "staff-*"}}}));
}

TEST(Policy, HasDefaultsForAllButTheRules) {
  const RatePolicy policy = read_api(api(kRules));
  RatePolicy expected{.name = "api"};
  expected.rules = {{{.limit = 30, .window = 60s}, "key"}};
  EXPECT_EQ(policy, expected);
}

TEST(Policy, IsFoundByName) {
  const auto read = RatePolicies::parse(kEverything);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->names(), (std::vector<std::string>{"api", "login"}));
  EXPECT_EQ(read->size(), 2u);
  EXPECT_EQ(read->find("nobody"), nullptr);
  EXPECT_EQ(read->find("login")->name, "login");
}

TEST(Policy, TheEmptySetHasNoneAndTheVersionZero) {
  EXPECT_EQ(RatePolicies().find("api"), nullptr);
  EXPECT_EQ(RatePolicies().version(), 0u);
  EXPECT_EQ(RatePolicies().size(), 0u);
}

// --- Faults, by their place

struct Fault {
  std::string json;
  std::string_view message;
  friend void PrintTo(const Fault& fault, std::ostream* to) { *to << fault.json; }
};

class PolicyFault : public ::testing::TestWithParam<Fault> {};

TEST_P(PolicyFault, IsToldByItsPlace) { EXPECT_EQ(faults_of(GetParam().json), GetParam().message); }

INSTANTIATE_TEST_SUITE_P(
    OfTheDocument, PolicyFault,
    ::testing::Values(Fault{"", "policies: not valid JSON at byte 1"},
                      Fault{"[]", "document: must be an object, got a list"},
                      Fault{"{}", "version: is missing; policies: is missing"},
                      Fault{R"({"version": 2, "policies": {}})",
                            "version: must be 1, got 2; policies: must be 1 to 1000 policies, got 0"},
                      Fault{R"({"version": 1, "policy": {}})",
                            "policy: unknown member; did you mean \"policies\"?; policies: is missing"},
                      Fault{document("[]"), "policies: must be an object, got a list"},
                      Fault{document(R"({"api": 5})"), "policies.api: must be an object, got 5"},
                      Fault{document(R"({"v1.api": {}})"), R"(policies["v1.api"].rules: is missing)"},
                      Fault{document(R"({"a\n": {"rules": [{"limit": 1, "window": 1}]}})"),
                            R"(policies["a\x0a"]: must be a name of 1 to 64 printable ASCII characters)"}));

INSTANTIATE_TEST_SUITE_P(
    OfMembers, PolicyFault,
    ::testing::Values(
        Fault{api_and(R"("shadw": true)"), R"(policies.api.shadw: unknown member; did you mean "shadow"?)"},
        Fault{api_and(R"("Tiers": {})"), R"(policies.api.Tiers: unknown member; did you mean "tiers"?)"},
        Fault{api_and(R"("comment": "")"),
              "policies.api.comment: unknown member; known are allow, default_tier, deny, instances, lease, outage, "
              "retry_jitter, retry_jitter_share, rules, shadow, tiers"},
        Fault{rule(R"("limit": 1, "window": 1, "brst": 5)"),
              R"(policies.api.rules[0].brst: unknown member; did you mean "burst"?)"},
        Fault{api_and(R"("shadow": 1)"), "policies.api.shadow: must be true or false, got 1"},
        Fault{api_and(R"("shadow": null)"), "policies.api.shadow: must be true or false, got null"},
        Fault{api_and(R"("outage": "locl")"), R"(policies.api.outage: must be one of local, allow, deny, got "locl")"},
        Fault{api_and(R"("instances": 0)"), "policies.api.instances: must be a whole number from 1 to 100000, got 0"},
        Fault{api_and(R"("retry_jitter_share": 1.5)"),
              "policies.api.retry_jitter_share: must be a number from 0.0 to 1.0, got 1.5"},
        Fault{api_and(R"("retry_jitter": "2h")"), R"(policies.api.retry_jitter: must be from 0s to 1h, got "2h")"}));

INSTANTIATE_TEST_SUITE_P(
    OfRules, PolicyFault,
    ::testing::Values(
        Fault{api(R"("rules": {})"), "policies.api.rules: must be a list, got an object"},
        Fault{api(R"("rules": [])"), "policies.api.rules: must be 1 to 8 rules, got 0"},
        Fault{api(R"("rules": [5])"), "policies.api.rules[0]: must be an object, got 5"},
        Fault{rule(""), "policies.api.rules[0].limit: is missing; policies.api.rules[0].window: is missing"},
        Fault{rule(R"("limit": 0, "window": 1)"),
              "policies.api.rules[0].limit: must be a whole number from 1 to 2147483648, got 0"},
        Fault{rule(R"("limit": "30", "window": 1)"),
              R"(policies.api.rules[0].limit: must be a whole number from 1 to 2147483648, got "30")"},
        Fault{rule(R"("limit": 1.5, "window": 1)"),
              "policies.api.rules[0].limit: must be a whole number from 1 to 2147483648, got 1.5"},
        Fault{rule(R"("limit": 1, "window": "400d")"),
              R"(policies.api.rules[0].window: must be from 1ms to 366d, got "400d")"},
        Fault{rule(R"("limit": 1, "window": -5)"), "policies.api.rules[0].window: must be from 1ms to 366d, got -5"},
        Fault{rule(R"("limit": 1, "window": 9223372036854775807)"),
              "policies.api.rules[0].window: must be from 1ms to 366d, got 9223372036854775807"},
        Fault{
            rule(R"("limit": 1, "window": "1 minute")"),
            R"(policies.api.rules[0].window: must be a duration ("500ms", "10s", "5m", "1h", "30d") or whole seconds, )"
            R"(got "1 minute")"},
        Fault{rule(R"("limit": 1, "window": 1, "algorithm": "token_bucket")"),
              "policies.api.rules[0].algorithm: must be one of sliding_log, compact_log, sliding_counter, gcra, "
              "fixed_window, concurrency, got \"token_bucket\""},
        Fault{rule(R"("limit": 1, "window": 1, "burst": 5)"),
              "policies.api.rules[0].burst: is for the algorithm gcra alone"},
        Fault{rule(R"("limit": 1, "window": 1, "algorithm": "gcra", "burst": 0)"),
              "policies.api.rules[0].burst: must be a whole number from 1 to 2147483648, got 0"},
        Fault{rule(R"("limit": 1, "window": 1, "name": "\u00fc")"),
              R"(policies.api.rules[0].name: must be a name of 1 to 64 printable ASCII characters, got "\xc3\xbc")"},
        Fault{rule(R"("limit": 1, "window": 1, "subject": "")"),
              R"(policies.api.rules[0].subject: must be a name of 1 to 64 printable ASCII characters, got "")"},
        Fault{api(R"("rules": [{"limit": 1, "window": 1, "name": "a"}, {"limit": 2, "window": 1, "name": "b"},
                               {"limit": 3, "window": 1, "name": "a"}])"),
              R"(policies.api.rules[2].name: must differ from that of rules[0], got "a")"}));

INSTANTIATE_TEST_SUITE_P(
    OfTiers, PolicyFault,
    ::testing::Values(Fault{api_and(R"("tiers": {"pro": []})"), "policies.api.tiers.pro: must be 1 to 8 rules, got 0"},
                      Fault{api_and(R"("tiers": {"": [{"limit": 1, "window": 1}]})"),
                            R"(policies.api.tiers[""]: must be a name of 1 to 64 printable ASCII characters)"},
                      Fault{api_and(R"("tiers": {"a b": [{"limit": 1, "window": 0}]})"),
                            R"(policies.api.tiers["a b"][0].window: must be from 1ms to 366d, got 0)"},
                      Fault{
                          api(R"("default_tier": "free")"),
                          R"(policies.api.default_tier: must be one of the tiers of which there are none, got "free")"},
                      Fault{api(R"("tiers": {"a": [{"limit": 1, "window": 1}]}, "default_tier": "b")"),
                            R"(policies.api.default_tier: must be one of the tiers ("a"), got "b")"},
                      Fault{api_and(R"("tiers": {"a": [{"limit": 1, "window": 1}]}, "default_tier": "a")"),
                            "policies.api.rules: would apply to nobody, as there is a default_tier"}));

INSTANTIATE_TEST_SUITE_P(
    OfLists, PolicyFault,
    ::testing::Values(
        Fault{api_and(R"("allow": ["k1"])"), "policies.api.allow: must be an object, got a list"},
        Fault{api_and(R"("allow": {"key": "k1"})"), R"(policies.api.allow.key: must be a list, got "k1")"},
        Fault{api_and(R"("allow": {"key": ["a", 5]})"), "policies.api.allow.key[1]: must be text, got 5"},
        Fault{api_and(R"("allow": {"": ["a"]})"),
              R"(policies.api.allow[""]: must be a name of 1 to 64 printable ASCII characters)"},
        Fault{api_and(R"("deny": {"key": [""]})"), R"(policies.api.deny.key[0]: must not be empty, got "")"},
        Fault{api_and(R"("deny": {"key": ["*"]})"),
              R"(policies.api.deny.key[0]: must have something before its star, got "*")"},
        Fault{api_and(R"("deny": {"key": ["a*b"]})"),
              R"(policies.api.deny.key[0]: can have a star at its end alone, got "a*b")"},
        Fault{api_and(R"("deny": {"address": ["10.0.0.0/8", "10.0.0.1/8"]})"),
              "policies.api.deny.address[1]: has bits behind its prefix (the network is 10.0.0.0/8), got "
              "\"10.0.0.1/8\""},
        Fault{api_and(R"("deny": {"address": ["0.0.0.0/0"]})"),
              R"(policies.api.deny.address[0]: must have a prefix of 1 to 32 bits, got "0.0.0.0/0")"},
        Fault{api_and(R"("deny": {"address": ["2001:db8::/129"]})"),
              R"(policies.api.deny.address[0]: must have a prefix of 1 to 128 bits, got "2001:db8::/129")"},
        Fault{api_and(R"("deny": {"address": ["10.0.0.256", "unix", "10.*"]})"),
              "policies.api.deny.address[0]: must be an address or a network, got \"10.0.0.256\"; "
              "policies.api.deny.address[1]: must be an address or a network, got \"unix\"; "
              "policies.api.deny.address[2]: must be an address or a network, got \"10.*\""}));

INSTANTIATE_TEST_SUITE_P(
    OfWhoIsAllowedAndDenied, PolicyFault,
    ::testing::Values(Fault{api_and(R"("allow": {"key": ["k1", "k2"]}, "deny": {"key": ["k2"]})"),
                            R"(policies.api.allow.key[1]: is denied, too, and deny wins, got "k2")"},
                      Fault{api_and(R"("allow": {"key": ["abc"]}, "deny": {"key": ["a*"]})"),
                            R"(policies.api.allow.key[0]: is denied, too, and deny wins, got "abc")"},
                      Fault{api_and(R"("allow": {"key": ["abc*"]}, "deny": {"key": ["ab*"]})"),
                            R"(policies.api.allow.key[0]: is denied, too, and deny wins, got "abc*")"},
                      Fault{
                          api_and(R"("allow": {"address": ["2001:db8::1"]}, "deny": {"address": ["2001:DB8:0:0::1"]})"),
                          R"(policies.api.allow.address[0]: is denied, too, and deny wins, got "2001:db8::1")"},
                      Fault{api_and(R"("allow": {"address": ["10.1.0.0/16"]}, "deny": {"address": ["10.0.0.0/8"]})"),
                            R"(policies.api.allow.address[0]: is denied, too, and deny wins, got "10.1.0.0/16")"},
                      // A part that is denied is what deny is for.
                      Fault{api_and(R"("allow": {"address": ["10.0.0.0/8"], "key": ["a*"]},
                         "deny": {"address": ["10.1.0.0/16"], "key": ["ab*", "ac"]})"),
                            ""}));

INSTANTIATE_TEST_SUITE_P(
    OfLeases, PolicyFault,
    ::testing::Values(Fault{api_and(R"("lease": {})"),
                            "policies.api.lease.units: is missing; policies.api.lease.life: is missing"},
                      Fault{api_and(R"("lease": {"units": 31, "life": "60s"})"),
                            "policies.api.lease.units: must be at most 30, the capacity of rules[0], got 31; "
                            "policies.api.lease.life: must be shorter than 1m, the window of rules[0], got 1m"},
                      Fault{api_and(R"("lease": {"units": 6, "life": 1},
                         "tiers": {"pro": [{"limit": 60, "window": 60, "algorithm": "gcra", "burst": 5}]})"),
                            "policies.api.lease.units: must be at most 5, the capacity of tiers.pro[0], got 6"},
                      Fault{api(R"("lease": {"units": 1, "life": 1},
                     "rules": [{"limit": 6, "window": 60, "algorithm": "concurrency"}])"),
                            "policies.api.lease: is not for concurrency, the algorithm of rules[0]"}));

TEST(Policy, TellsEveryFaultAtOnce) {
  const std::string told = faults_of(R"({"version": "1", "polices": 5, "policies": {
    "a": {"rules": [{"limit": 0, "window": "x", "algorithm": "y", "burst": -1}], "outage": 3,
          "allow": {"address": ["z"]}},
    "b": {"rulez": []}}})");
  for (const auto* place : {"version:", "polices:", "policies.a.rules[0].limit:", "policies.a.rules[0].window:",
                            "policies.a.rules[0].algorithm:", "policies.a.rules[0].burst:", "policies.a.outage:",
                            "policies.a.allow.address[0]:", "policies.b.rulez:", "policies.b.rules:"}) {
    EXPECT_NE(told.find(place), std::string::npos) << place << " in " << told;
  }
}

TEST(Policy, TellsABoundedNumberOfFaults) {
  std::string entries = "5";
  for (int i = 1; i < 250; ++i) entries += ", 5";
  const std::string told = faults_of(api_and("\"deny\": {\"key\": [" + entries + "]}"));
  EXPECT_NE(told.find("deny.key[99]"), std::string::npos);
  EXPECT_EQ(told.find("deny.key[100]"), std::string::npos);
  EXPECT_TRUE(told.ends_with("; and 150 more")) << told.substr(told.size() - 40);
}

TEST(Policy, RefusesMoreThanItsBounds) {
  std::string rules = R"({"limit": 1, "window": 1})";
  for (std::size_t i = 0; i < kMaxRulesPerCheck; ++i) rules += R"(, {"limit": 1, "window": 1})";
  EXPECT_EQ(faults_of(api("\"rules\": [" + rules + "]")), "policies.api.rules: must be 1 to 8 rules, got 9");

  std::string subjects = R"("s": ["a"])";
  for (std::size_t i = 0; i < kMaxListSubjects; ++i) subjects += ", \"s" + std::to_string(i) + R"(": ["a"])";
  EXPECT_EQ(faults_of(api_and("\"allow\": {" + subjects + "}")),
            "policies.api.allow: must be at most 16 subjects, got 17");

  const auto huge = RatePolicies::parse(std::string(kMaxPoliciesBytes + 1, ' '));
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code(), Errc::kTooLarge);
}

TEST(Policy, OneWithADefaultTierHasItsRules) {
  const RatePolicy policy = read_api(api(R"("tiers": {"free": [{"limit": 7, "window": 1}]}, "default_tier": "free")"));
  ASSERT_EQ(policy.rules.size(), 1u);
  EXPECT_EQ(policy.rules[0].rule.limit, 7);
}

// --- Members that stand twice

TEST(PolicyRepeated, MembersAreToldByTheirPlace) {
  EXPECT_EQ(faults_of(document(R"({"api": {"rules": []}, "api": {"rules": [{"limit": 1, "window": 1}]}})")),
            "policies.api: stands there twice");
  EXPECT_EQ(faults_of(rule(R"("limit": 1, "window": 1, "limit": 1)")),
            "policies.api.rules[0].limit: stands there twice");
}

TEST(PolicyRepeated, TheSameNameWrittenInAnotherWayIsTheSame) {
  EXPECT_EQ(faults_of(rule(R"("limit": 1, "window": 1, "\u006cimit": 1)")),
            "policies.api.rules[0].limit: stands there twice");
}

TEST(PolicyRepeated, OneNameInTwoObjectsIsNone) {
  limiter::policies::Faults faults;
  limiter::policies::tell_repeated_members(R"({"a": {"a": "a", "b": ["{\"a", "b", {"a": 1}, {"a": 1}]}, "b": "a\\"})",
                                           faults);
  EXPECT_EQ(faults.count(), 0u);
  limiter::policies::tell_repeated_members(R"([0, [1], {"a": [{}, {"b": 1, "c": {"b": 1}, "b": 2}]}])", faults);
  EXPECT_EQ(faults.result().error().message(), "[2].a[1].b: stands there twice");
}

// --- Durations

TEST(PolicyDuration, IsANumberAndAUnit) {
  using limiter::policies::parse_duration;
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("30d"), 30 * 24h);
  EXPECT_EQ(parse_duration("0s"), 0ms);
}

TEST(PolicyDuration, IsNothingElse) {
  for (const auto* text : {"", "s", "10", "-1s", "+1s", " 1s", "1s ", "1 s", "1.5s", "01s", "1h30m", "1S", "1sec", "1w",
                           "0x1s", "9223372036854775808ms", "106751991168d"}) {
    EXPECT_EQ(limiter::policies::parse_duration(text), std::nullopt) << text;
  }
  EXPECT_EQ(limiter::policies::parse_duration("9223372036854775807ms"), Milliseconds::max());
}

TEST(PolicyDuration, IsWrittenInItsLargestUnit) {
  using limiter::policies::duration_text;
  EXPECT_EQ(duration_text(0ms), "0s");
  EXPECT_EQ(duration_text(1500ms), "1500ms");
  EXPECT_EQ(duration_text(60s), "1m");
  EXPECT_EQ(duration_text(90s), "90s");
  EXPECT_EQ(duration_text(36h), "36h");
  EXPECT_EQ(duration_text(48h), "2d");
  for (const Milliseconds each : {1ms, 999ms, 1000ms, 61'000ms, 3'600'000ms}) {
    EXPECT_EQ(limiter::policies::parse_duration(duration_text(each)), each);
  }
}

// --- Lists

SubjectList list_of(const SubjectList::Entries& entries) {
  auto made = SubjectList::of(entries);
  EXPECT_TRUE(made) << (made ? "" : made.error().message());
  return made ? std::move(*made) : SubjectList();
}

TEST(PolicyList, HoldsValuesBySubject) {
  const SubjectList list = list_of({{"key", {"k1"}}, {"tenant", {"t1"}}});
  EXPECT_TRUE(list.contains("key", "k1"));
  EXPECT_FALSE(list.contains("key", "k"));
  EXPECT_FALSE(list.contains("key", "k11"));
  EXPECT_FALSE(list.contains("key", "t1"));
  EXPECT_FALSE(list.contains("user", "k1"));
  EXPECT_EQ(list.size(), 2u);
}

TEST(PolicyList, HoldsPrefixes) {
  const SubjectList list = list_of({{"key", {"ab*", "abc*", "ad*", "b*", "a\xc3\xbf*"}}});
  for (const auto* inside : {"ab", "abc", "abz", "ab\xff", "ad1", "b", "a\xc3\xbfz"}) {
    EXPECT_TRUE(list.contains("key", inside)) << inside;
  }
  for (const auto* outside : {"", "a", "ac", "aB", "c", "a\xc3", "A"}) {
    EXPECT_FALSE(list.contains("key", outside)) << outside;
  }
  EXPECT_EQ(list.entries().at("key"), (std::vector<std::string>{"ab*", "ad*", "a\xc3\xbf*", "b*"}));
}

// Goal: the binary search agrees with looking at each prefix. Method: all texts of up to four letters of an alphabet of
// two, against prefixes of which some begin with others.
TEST(PolicyList, FindsAPrefixWhereverItStands) {
  const std::vector<std::string> prefixes{"aab", "ab", "abb", "baba", "bb"};
  const SubjectList list = list_of({{"key", {"aab*", "ab*", "abb*", "baba*", "bb*"}}});
  for (unsigned length = 0; length <= 5; ++length) {
    for (unsigned bits = 0; bits < (1u << length); ++bits) {
      std::string text;
      for (unsigned i = 0; i < length; ++i) text += (bits >> i) & 1u ? 'b' : 'a';
      const bool expected = std::any_of(prefixes.begin(), prefixes.end(),
                                        [&](const std::string& each) { return text.starts_with(each); });
      EXPECT_EQ(list.contains("key", text), expected) << text;
    }
  }
}

TEST(PolicyList, KnowsAnAddressHoweverItIsWritten) {
  const SubjectList list = list_of({{"address", {"192.0.2.1", "2001:DB8::1", "10.0.0.7/32", "::ffff:198.51.100.1"}}});
  for (const auto* inside : {"192.0.2.1", "::ffff:192.0.2.1", "2001:db8:0:0:0:0:0:1", "10.0.0.7", "198.51.100.1"}) {
    EXPECT_TRUE(list.contains("address", inside)) << inside;
  }
  for (const auto* outside : {"192.0.2.2", "192.0.2.1:80", "", "unknown", "2001:db8::2", "192.0.2.01"}) {
    EXPECT_FALSE(list.contains("address", outside)) << outside;
  }
}

TEST(PolicyList, HoldsNetworks) {
  const SubjectList list =
      list_of({{"address", {"10.1.0.0/16", "10.0.0.0/8", "10.2.3.4", "2001:db8::/32", "::ffff:172.16.0.0/108"}}});
  for (const auto* inside : {"10.0.0.0", "10.255.255.255", "10.1.2.3", "2001:db8:ffff::1", "172.31.0.1"}) {
    EXPECT_TRUE(list.contains("address", inside)) << inside;
  }
  for (const auto* outside : {"11.0.0.0", "9.255.255.255", "2001:db9::", "172.32.0.0"}) {
    EXPECT_FALSE(list.contains("address", outside)) << outside;
  }
}

TEST(PolicyList, HoldsAGroupOfAddressesIfAllOfThemAreListed) {
  const SubjectList list = list_of({{"address", {"2001:db8::/48", "2001:db8:1::1", "2001:db8:2::/96"}}});
  EXPECT_TRUE(list.contains("address", rate_key_of("2001:db8:0:7::9")));
  EXPECT_FALSE(list.contains("address", rate_key_of("2001:db8:1::1")));
  EXPECT_FALSE(list.contains("address", rate_key_of("2001:db8:2::1")));
  EXPECT_TRUE(list.contains("address", "2001:db8:2::1"));
}

TEST(PolicyList, TellsAllThatIsWrong) {
  const auto made =
      SubjectList::of({{"address", {"10.0.0.0/8", "x"}}, {"key", {"a*", "\xff", std::string(1025, 'k')}}});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message(),
            "address[1]: must be an address or a network, got \"x\"; key[1]: must be UTF-8, got \"\\xff\"; "
            "key[2]: must be at most 1024 bytes, has 1025, got \"" +
                std::string(64, 'k') + "...\"");
}

TEST(PolicyList, ThatIsEmptyHoldsNobody) {
  EXPECT_TRUE(SubjectList().empty());
  EXPECT_TRUE(list_of({{"key", {}}}).empty());
  EXPECT_FALSE(SubjectList().contains("key", ""));
  EXPECT_EQ(list_of({{"key", {}}}), SubjectList());
}

TEST(PolicyList, TakesAsManyAsItSays) {
  SubjectList::Entries entries;
  for (std::size_t i = 0; i < kMaxListEntries; ++i) entries["key"].push_back("k" + std::to_string(i));
  EXPECT_EQ(list_of(entries).size(), kMaxListEntries);
  entries["tenant"].push_back("t");
  const auto more = SubjectList::of(entries);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().message(), "entries: must be at most 100000 entries, got 100001");
}

// --- What a policy says of a caller

PolicyVerdict verdict_on(const RatePolicy& policy, std::vector<Subject> caller) { return classify(policy, caller); }

TEST(PolicyVerdict, DeniesBeforeItAllows) {
  RatePolicy policy;
  policy.allow = list_of({{"key", {"k1"}}});
  policy.deny = list_of({{"address", {"10.0.0.0/8"}}});
  EXPECT_EQ(verdict_on(policy, {{"key", "k1"}, {"address", "192.0.2.1"}}), PolicyVerdict::kAllowed);
  EXPECT_EQ(verdict_on(policy, {{"key", "k1"}, {"address", "10.0.0.1"}}), PolicyVerdict::kDenied);
  EXPECT_EQ(verdict_on(policy, {{"key", "k2"}, {"address", "192.0.2.1"}}), PolicyVerdict::kRulesApply);
  EXPECT_EQ(verdict_on(policy, {}), PolicyVerdict::kRulesApply);
}

TEST(PolicyVerdict, HasANameForMetrics) {
  EXPECT_EQ(to_string(PolicyVerdict::kRulesApply), "rules_apply");
  EXPECT_EQ(to_string(PolicyVerdict::kAllowed), "allowed");
  EXPECT_EQ(to_string(PolicyVerdict::kDenied), "denied");
}

std::int64_t limit_for(const RatePolicy& policy, std::string_view tier) {
  const auto rules = rules_for(policy, tier);
  return rules && !rules->empty() ? rules->front().rule.limit : -1;
}

TEST(PolicyTier, ReplacesTheRules) {
  const RatePolicy policy = read_api(kEverything);
  EXPECT_EQ(limit_for(policy, ""), 30);
  EXPECT_EQ(limit_for(policy, "pro"), 300);
  EXPECT_EQ(limit_for(policy, "free"), 5);
}

TEST(PolicyTier, OfCallersWithoutOneMayBeSet) {
  RatePolicy policy = read_api(kEverything);
  policy.default_tier = "free";
  EXPECT_EQ(limit_for(policy, ""), 5);
  EXPECT_EQ(limit_for(policy, "pro"), 300);
}

TEST(PolicyTier, ThatIsNotKnownIsAnErrorThatNamesIt) {
  const auto none = rules_for(read_api(kEverything), "gold");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message(), R"(tier: policy "api" has the tiers "free", "pro", got "gold")");
  const auto no_tiers = rules_for(read_api(api(kRules)), "gold");
  ASSERT_FALSE(no_tiers);
  EXPECT_EQ(no_tiers.error().message(), R"(tier: policy "api" has no tiers, got "gold")");
}

// --- Versions, and the way back to JSON

TEST(PolicyVersion, IsOfTheMeaningAndNotOfTheSpelling) {
  const auto version = [](std::string_view json) { return RatePolicies::parse(json).value().version(); };
  const auto one = version(api(kRules));
  EXPECT_EQ(version(rule(R"("window": 60, "limit": 30)")), one);
  EXPECT_EQ(version(rule(R"("window": "1m", "limit": 30, "subject": "key", "algorithm": "sliding_log")")), one);
  EXPECT_EQ(version(api_and(R"("shadow": false, "outage": "local", "allow": {}, "tiers": {})")), one);
  EXPECT_NE(version(rule(R"("window": 60, "limit": 31)")), one);
  EXPECT_NE(version(api_and(R"("shadow": true)")), one);
  EXPECT_NE(version(api_and(R"("deny": {"key": ["k"]})")), one);
  EXPECT_NE(version(document(R"({"b": {"rules": [{"limit": 30, "window": 60}]}})")), one);
}

TEST(PolicyVersion, StaysOnTheWayThroughJson) {
  for (const std::string& json : {std::string(kEverything), api(kRules),
                                  api(R"("tiers": {"free": [{"limit": 7, "window": 1}]}, "default_tier": "free")")}) {
    const auto read = RatePolicies::parse(json);
    ASSERT_TRUE(read) << read.error().message();
    const auto again = RatePolicies::parse(read->to_json());
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(again->version(), read->version());
    EXPECT_EQ(again->to_json(), read->to_json());
    for (const std::string& name : read->names()) EXPECT_EQ(*again->find(name), *read->find(name));
  }
}

// --- Policies built in code

TEST(PolicyOfCode, IsValidatedAsIfItWereJson) {
  RatePolicy good{.name = "api"};
  good.rules = {{{.limit = 30, .window = 60s}, "key"}};
  const auto made = RatePolicies::of({good});
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->version(), RatePolicies::parse(api(kRules)).value().version());

  RatePolicy bad = good;
  bad.rules[0].rule = {.limit = -1, .window = -5ms, .name = "\xff", .burst = 3};
  bad.outage = static_cast<OutageMode>(9);
  bad.retry_jitter_share = std::numeric_limits<double>::quiet_NaN();
  bad.default_tier = "gone";
  const auto refused = RatePolicies::of({bad});
  ASSERT_FALSE(refused);
  for (const auto* place : {"rules[0].limit", "rules[0].window", "rules[0].name", "rules[0].burst", "outage",
                            "retry_jitter_share", "default_tier"}) {
    EXPECT_NE(refused.error().message().find("policies.api." + std::string(place)), std::string_view::npos) << place;
  }
}

TEST(PolicyOfCode, MustHaveNamesThatDiffer) {
  RatePolicy policy{.name = "api"};
  policy.rules = {{{.limit = 30, .window = 60s}, "key"}};
  const auto made = RatePolicies::of({policy, policy});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message(), "policies.api: stands there twice");
}

}  // namespace
}  // namespace envoyou::policy_test
