// Goal: the view counts each decision once and under the right heads, whoever decides at the same time, within its
//       bounds; what it shows is valid JSON and Prometheus text whatever callers and policies are called; and a client
//       that applies the changes of the feed has what a snapshot would tell him.
// Method: decisions by hand, snapshots compared as values; text parsed back; random decisions with a printed seed
//       through the feed into a model of a client; threads.
#include "limiter/live/live_json.hpp"
#include "limiter/live/live_view.hpp"

#include "base/json.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>

namespace envoyou::limiter::live_test {
namespace {

using namespace std::chrono_literals;
using base::Json;

const TimePoint kStart{1200s};                           // a multiple of all intervals of ageing here
const WallTime kWall = from_unix_ms(1'795'470'607'042);  // 2026-11-23T21:50:07.042Z
constexpr std::size_t kMaxText = 4u << 20;

LiveView::Decided allowed(LiveView::Policy policy, std::string_view key, std::int64_t cost = 1) {
  return {.policy = policy, .key = key, .cost = cost, .allowed = true, .source = Source::kRedis, .latency = 40us};
}

LiveView::Decided denied(LiveView::Policy policy, std::string_view key, std::int64_t cost = 1) {
  return {.policy = policy, .key = key, .cost = cost, .allowed = false, .source = Source::kLocal, .latency = 2us};
}

LimiterLive shot(const LiveView& view) { return view.snapshot(kStart, kWall); }

Json parsed(std::string_view text) {
  auto json = Json::parse("text", text, kMaxText);
  EXPECT_TRUE(json) << (json ? "" : json.error().message()) << '\n' << text;
  return json ? *json : Json();
}

std::vector<std::string> policy_names(const LimiterLive& live) {
  std::vector<std::string> names;
  for (const PolicyCounters& policy : live.policies) names.push_back(policy.name);
  return names;
}

// --- Counting

TEST(LiveView, BeginsWithNothing) {
  const LiveView view;
  EXPECT_EQ(shot(view), (LimiterLive{.at = kWall, .halving = kDefaultTopHalving}));
}

TEST(LiveView, CountsByPolicyOutcomeAndSource) {
  LiveView view;
  const auto api = view.policy("api");
  const auto login = view.policy("login");
  view.decided(allowed(api, "ada"), kStart);
  view.decided(allowed(api, "ada", 5), kStart);
  view.decided(denied(api, "bob", 3), kStart);
  view.decided({.policy = login, .key = "eve", .shadow = true, .source = Source::kRedis, .latency = 10us}, kStart);
  const LimiterLive live = shot(view);
  EXPECT_EQ(live.policies,
            (std::vector<PolicyCounters>{
                {.name = "api", .allowed = {2, 0}, .denied = {0, 1}, .admitted_units = 6, .denied_units = 3},
                {.name = "login", .shadow_denied = {1, 0}}}));
  EXPECT_DOUBLE_EQ(live.local_share, 0.25);
  EXPECT_EQ(live.redis.count, 3u);
  EXPECT_EQ(live.redis.max_us, 40u);
  EXPECT_EQ(live.local.count, 1u);
  EXPECT_EQ(live.local.p50_us, 2u);
}

TEST(LiveView, ListsKeysByUnitsUsedAndByDenials) {
  LiveView view;
  const auto api = view.policy("api");
  view.decided(allowed(api, "ada", 5), kStart);
  view.decided(allowed(api, "bob", 2), kStart);
  view.decided(denied(api, "bob", 100), kStart);
  view.decided(denied(api, "bob"), kStart);
  view.decided({.policy = api, .key = "eve", .shadow = true}, kStart);
  const LimiterLive live = shot(view);
  EXPECT_EQ(live.top_used, (std::vector<TopKey>{{"ada", 5, 0}, {"bob", 2, 0}}));
  EXPECT_EQ(live.top_denied, (std::vector<TopKey>{{"bob", 2, 0}}));
  EXPECT_EQ(live.top_shadow_denied, (std::vector<TopKey>{{"eve", 1, 0}}));
  EXPECT_EQ(live.used, (TopScope{.total = 7, .unlisted_at_most = 0}));
}

TEST(LiveView, AnAllowedDecisionOfAShadowPolicyIsAnAllowedOne) {
  LiveView view;
  view.decided({.policy = view.policy("api"), .key = "ada", .allowed = true, .shadow = true}, kStart);
  EXPECT_EQ(shot(view).policies.front(), (PolicyCounters{.name = "api", .allowed = {0, 1}, .admitted_units = 1}));
}

TEST(LiveView, ACostOfZeroIsADecisionAndNoUse) {
  LiveView view;
  view.decided(allowed(view.policy("api"), "ada", 0), kStart);
  view.decided(allowed(view.policy("api"), "ada", -7), kStart);
  EXPECT_EQ(shot(view).policies.front(), (PolicyCounters{.name = "api", .allowed = {2, 0}}));
  EXPECT_TRUE(shot(view).top_used.empty());
}

TEST(LiveView, ShowsAsManyKeysAsItIsTold) {
  LiveView view({.top_shown = 3});
  for (int i = 1; i <= 9; ++i) view.decided(allowed(view.policy("api"), std::to_string(i), i), kStart);
  EXPECT_EQ(shot(view).top_used, (std::vector<TopKey>{{"9", 9, 0}, {"8", 8, 0}, {"7", 7, 0}}));
  EXPECT_EQ(shot(view).used, (TopScope{.total = 45, .unlisted_at_most = 6}));
  LiveView none({.top_shown = 0});
  none.decided(allowed({}, "ada"), kStart);
  EXPECT_TRUE(shot(none).top_used.empty());
}

TEST(LiveView, CountersStayAndKeysFade) {
  LiveView view({.top_keys = {.halving = 10s}});
  for (int i = 0; i < 8; ++i) view.decided(allowed(view.policy("api"), "ada"), kStart);
  const LimiterLive later = view.snapshot(kStart + 20s, kWall);
  EXPECT_EQ(later.top_used, (std::vector<TopKey>{{"ada", 2, 0}}));
  EXPECT_EQ(later.policies.front().allowed.total(), 8u);
  EXPECT_EQ(later.version, shot(view).version);
}

// --- Policies

TEST(LiveView, OneNameIsOnePolicy) {
  LiveView view;
  EXPECT_EQ(view.policy("api"), view.policy("api"));
  EXPECT_NE(view.policy("api"), view.policy("login"));
  EXPECT_EQ(view.policy(""), view.policy("default"));
  EXPECT_EQ(policy_names(shot(view)), (std::vector<std::string>{"api", "login", "default"}));
}

TEST(LiveView, PoliciesBeyondTheBoundAreCountedTogether) {
  LiveView view({.max_policies = 4});
  for (int i = 0; i < 1000; ++i) view.decided(allowed(view.policy("p" + std::to_string(i)), "ada"), kStart);
  const LimiterLive live = shot(view);
  EXPECT_EQ(policy_names(live), (std::vector<std::string>{"p0", "p1", "p2", "p3", "other"}));
  EXPECT_EQ(live.policies.back().allowed.total(), 996u);
  EXPECT_NE(view.policy("p3"), view.policy("p4"));
  EXPECT_EQ(view.policy("p4"), LiveView::Policy());
}

TEST(LiveView, NamesOverTheBoundAndTheNameOtherAreOther) {
  LiveView view;
  EXPECT_EQ(view.policy(std::string(kMaxLivePolicyNameBytes + 1, 'x')), LiveView::Policy());
  EXPECT_NE(view.policy(std::string(kMaxLivePolicyNameBytes, 'x')), LiveView::Policy());
  EXPECT_EQ(view.policy("other"), LiveView::Policy());
}

TEST(LiveView, BoundsBeyondTheBoundsAreTheNearest) {
  LiveView view({.max_policies = 1'000'000, .top_shown = 1'000'000});
  for (int i = 0; i < 1'100; ++i) view.decided(allowed(view.policy(std::to_string(i)), std::to_string(i)), kStart);
  EXPECT_EQ(shot(view).policies.size(), kMaxLivePolicies + 1);
  EXPECT_EQ(shot(view).top_used.size(), kMaxTopShown);
  LiveView least({.max_policies = 0});
  EXPECT_NE(least.policy("a"), LiveView::Policy());
  EXPECT_EQ(least.policy("b"), LiveView::Policy());
}

TEST(LiveView, ItsMemoryDoesNotGrowWithKeys) {
  LiveView view;
  view.decided(allowed(view.policy("api"), "ada"), kStart);
  const std::size_t bytes = view.bytes();
  for (int i = 0; i < 20'000; ++i) view.decided(denied(view.policy("api"), std::to_string(i)), kStart);
  EXPECT_EQ(view.bytes(), bytes);
  EXPECT_LE(bytes, 700'000u);
}

// --- Version, switching

TEST(LiveView, ItsVersionGrowsWhenSomethingChanged) {
  LiveView view;
  const auto v0 = view.version();
  const auto api = view.policy("api");
  const auto v1 = view.version();
  view.decided(allowed(api, "ada", 0), kStart);
  const auto v2 = view.version();
  view.decided(denied({}, "bob"), kStart);
  const auto v3 = view.version();
  view.set_enabled(false);
  const auto v4 = view.version();
  view.set_enabled(false);
  view.decided(allowed(api, "ada"), kStart);
  EXPECT_TRUE(v0 < v1 && v1 < v2 && v2 < v3 && v3 < v4);
  EXPECT_EQ(view.version(), v4) << "nothing was counted, nothing switched";
  EXPECT_EQ(shot(view).version, v4);
}

TEST(LiveView, SwitchedOffItCountsNothingAndKeepsWhatItHas) {
  LiveView view({.enabled = false});
  view.decided(allowed(view.policy("api"), "ada"), kStart);
  EXPECT_EQ(shot(view).policies.front(), PolicyCounters{.name = "api"});
  EXPECT_FALSE(shot(view).enabled);
  view.set_enabled(true);
  view.decided(allowed(view.policy("api"), "ada"), kStart);
  view.set_enabled(false);
  view.decided(allowed(view.policy("api"), "ada"), kStart);
  EXPECT_EQ(shot(view).policies.front().allowed.total(), 1u);
  EXPECT_EQ(shot(view).top_used, (std::vector<TopKey>{{"ada", 1, 0}}));
}

// --- Threads

TEST(LiveView, NothingIsLostOrCountedTwiceBetweenThreads) {
  constexpr int kThreads = 8;
  constexpr int kEach = 4'000;
  LiveView view({.max_policies = 16, .top_keys = {.halving = 0ms}});
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    std::uint64_t last = 0;
    while (!stop.load()) {
      const LimiterLive live = shot(view);
      EXPECT_GE(live.version, last);
      EXPECT_LE(live.redis.count + live.local.count, std::uint64_t{kThreads * kEach});
      last = live.version;
    }
  });
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&view, t] {
      for (int i = 0; i < kEach; ++i) {
        const auto policy = view.policy("p" + std::to_string((i + t) % 20));
        view.decided(i % 2 == 0 ? allowed(policy, std::to_string(i % 30), 2) : denied(policy, "bob"), kStart);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  stop = true;
  reader.join();
  const LimiterLive live = shot(view);
  PolicyCounters sum;
  for (const PolicyCounters& policy : live.policies) {
    sum.allowed.redis += policy.allowed.redis;
    sum.denied.local += policy.denied.local;
    sum.admitted_units += policy.admitted_units;
  }
  const std::uint64_t half = kThreads * kEach / 2;
  EXPECT_EQ(sum.allowed.redis, half);
  EXPECT_EQ(sum.denied.local, half);
  EXPECT_EQ(sum.admitted_units, 2 * half);
  EXPECT_EQ(live.policies.size(), 17u);
  EXPECT_EQ(live.top_denied, (std::vector<TopKey>{{"bob", half, 0}}));
  EXPECT_EQ(live.used.total, 2 * half);
  EXPECT_EQ(live.version, 2 * half + 16);
}

TEST(LiveView, ManyThreadsThatFirstUseOnePolicyGetOne) {
  LiveView view;
  std::vector<LiveView::Policy> got(8);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < got.size(); ++t) threads.emplace_back([&, t] { got[t] = view.policy("api"); });
  for (std::thread& thread : threads) thread.join();
  for (const LiveView::Policy& policy : got) EXPECT_EQ(policy, got.front());
  EXPECT_EQ(shot(view).policies.size(), 1u);
}

// --- JSON

TEST(LiveJson, SaysAllThatTheSnapshotHolds) {
  LiveView view;
  view.decided(allowed(view.policy("api"), "ada", 5), kStart);
  view.decided(denied(view.policy("api"), "bob"), kStart);
  LimiterLive live = shot(view);
  live.local_share = 1.0 / 3;
  EXPECT_EQ(to_json(live),
            "{\"at\":\"2026-11-23T21:50:07.042Z\",\"enabled\":true,\"halving_ms\":60000,"
            "\"latency_us\":{"
            "\"local\":{\"count\":1,\"max\":2,\"p50\":2,\"p90\":2,\"p99\":2,\"p999\":2,\"sum\":2},"
            "\"redis\":{\"count\":1,\"max\":40,\"p50\":40,\"p90\":40,\"p99\":40,\"p999\":40,\"sum\":40}},"
            "\"local_share\":0.333333,"
            "\"policies\":[{\"allowed\":{\"local\":0,\"redis\":1},\"denied\":{\"local\":1,\"redis\":0},"
            "\"name\":\"api\",\"shadow_denied\":{\"local\":0,\"redis\":0},\"units\":{\"admitted\":5,\"denied\":1}}],"
            "\"top_denied\":{\"keys\":[{\"count\":1,\"key\":\"bob\",\"over_by_at_most\":0}],"
            "\"total\":1,\"unlisted_at_most\":0},"
            "\"top_shadow_denied\":{\"keys\":[],\"total\":0,\"unlisted_at_most\":0},"
            "\"top_used\":{\"keys\":[{\"count\":5,\"key\":\"ada\",\"over_by_at_most\":0}],"
            "\"total\":5,\"unlisted_at_most\":0},"
            "\"version\":3}");
}

TEST(LiveJson, IsValidForAnyBytes) {
  const std::uint64_t seed = base::jitter_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  base::Jitter random(seed);
  for (int i = 0; i < 300; ++i) {
    std::string bytes;
    for (std::uint64_t n = random.next() % 200; n > 0; --n) bytes += static_cast<char>(random.next() & 0xff);
    LiveView view;
    view.decided(allowed(view.policy(bytes), bytes), kStart);
    const LimiterLive live = shot(view);
    const std::string text = to_json(live);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_TRUE(parsed(text).is_object());
    EXPECT_TRUE(parsed(to_event(live, nullptr).substr(to_event(live, nullptr).find('{'))).is_object());
  }
}

TEST(LiveJson, KeysThatAreNoTextArePercentEncodedAndSaySo) {
  LimiterLive live;
  live.top_used = {{"a\xff/\n", 2, 0, false}, {"caf\u00e9 \"x\"\n", 1, 0, true}};
  const Json keys = parsed(to_json(live)).member("top_used").member("keys");
  EXPECT_EQ(keys.element(0).member("key").as_string(), "a%FF%2F%0A");
  EXPECT_EQ(keys.element(0).member("percent_encoded").as_boolean(), true);
  EXPECT_FALSE(keys.element(0).contains("cut"));
  EXPECT_EQ(keys.element(1).member("key").as_string(), "caf\u00e9 \"x\"\n");
  EXPECT_EQ(keys.element(1).member("cut").as_boolean(), true);
  EXPECT_FALSE(keys.element(1).contains("percent_encoded"));
}

TEST(LiveJson, NumbersThatDoNotFitAreTheLargest) {
  LimiterLive live{.version = ~std::uint64_t{0}};
  EXPECT_EQ(parsed(to_json(live)).member("version").as_integer(), std::numeric_limits<std::int64_t>::max());
}

// --- Prometheus

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return lines;
}

bool has_line(const std::string& text, const std::string& line) {
  return std::ranges::count(lines_of(text), line) == 1;
}

TEST(LivePrometheus, SaysCountersLatenciesAndNoKeys) {
  LiveView view;
  view.decided(allowed(view.policy("api"), "ada", 5), kStart);
  view.decided(denied(view.policy("api"), "bob"), kStart);
  const std::string text = to_prometheus(shot(view));
  const std::string name = "envoyou_ratelimit_live_";
  EXPECT_TRUE(has_line(text, "# TYPE " + name + "decisions_total counter"));
  EXPECT_TRUE(has_line(text, name + "decisions_total{policy=\"api\",decision=\"allow\",source=\"redis\"} 1"));
  EXPECT_TRUE(has_line(text, name + "decisions_total{policy=\"api\",decision=\"deny\",source=\"local\"} 1"));
  EXPECT_TRUE(has_line(text, name + "decisions_total{policy=\"api\",decision=\"shadow_deny\",source=\"local\"} 0"));
  EXPECT_TRUE(has_line(text, name + "units_total{policy=\"api\",decision=\"allow\"} 5"));
  EXPECT_TRUE(has_line(text, "# TYPE " + name + "latency_seconds summary"));
  EXPECT_TRUE(has_line(text, name + "latency_seconds{source=\"redis\",quantile=\"0.99\"} 4e-05"));
  EXPECT_TRUE(has_line(text, name + "latency_seconds_sum{source=\"redis\"} 4e-05"));
  EXPECT_TRUE(has_line(text, name + "latency_seconds_count{source=\"local\"} 1"));
  EXPECT_TRUE(has_line(text, name + "latency_max_seconds{source=\"local\"} 2e-06"));
  EXPECT_EQ(text.find("ada"), std::string::npos);
  EXPECT_EQ(text.find("bob"), std::string::npos);
}

TEST(LivePrometheus, NamesAFamilyOnceAndAllWithOnePrefix) {
  LiveView view;
  for (const char* policy : {"a", "b", "c"}) view.decided(allowed(view.policy(policy), "ada"), kStart);
  std::set<std::string> heads;
  for (const std::string& line : lines_of(to_prometheus(shot(view), {.top_keys = true}))) {
    const bool is_head = line.starts_with("# HELP ") || line.starts_with("# TYPE ");
    EXPECT_TRUE(line.find("envoyou_ratelimit_live_") == (is_head ? 7u : 0u)) << line;
    EXPECT_TRUE(!is_head || heads.insert(line.substr(0, line.find(' ', 7))).second) << line;
  }
}

TEST(LivePrometheus, WhatDidNotHappenTookNoTimeThatCouldBeTold) {
  const std::string text = to_prometheus(LimiterLive{});
  EXPECT_TRUE(has_line(text, "envoyou_ratelimit_live_latency_seconds{source=\"redis\",quantile=\"0.5\"} NaN"));
  EXPECT_TRUE(has_line(text, "envoyou_ratelimit_live_latency_seconds_count{source=\"redis\"} 0"));
}

TEST(LivePrometheus, KeysAreLabelsOnlyIfAskedAndWithinTheBound) {
  LimiterLive live;
  for (int i = 0; i < 50; ++i) live.top_denied.push_back({"k" + std::to_string(i), 100, 0});
  const auto keys = [&](const LivePrometheusOptions& options) {
    return std::ranges::count_if(lines_of(to_prometheus(live, options)),
                                 [](const std::string& line) { return line.find("{key=") != std::string::npos; });
  };
  EXPECT_EQ(keys({}), 0);
  EXPECT_EQ(keys({.top_keys = true}), 10);
  EXPECT_EQ(keys({.top_keys = true, .max_top_keys = 25}), 25);
}

TEST(LivePrometheus, LabelsAreEscaped) {
  LimiterLive live;
  live.policies = {{.name = "a\"b\\c\nd"}, {.name = "\xff"}};
  live.top_used = {{"x\"\n", 1, 0}};
  const std::string text = to_prometheus(live, {.top_keys = true});
  EXPECT_TRUE(has_line(text, "envoyou_ratelimit_live_units_total{policy=\"a\\\"b\\\\c\\nd\",decision=\"deny\"} 0"));
  EXPECT_TRUE(has_line(text, "envoyou_ratelimit_live_units_total{policy=\"%FF\",decision=\"deny\"} 0"));
  EXPECT_TRUE(has_line(text, "envoyou_ratelimit_live_top_used{key=\"x\\\"\\n\"} 1"));
}

// --- The feed

// What a browser makes of a frame.
struct Event {
  std::string name = {};
  std::string id = {};
  std::string retry = {};
  std::string data = {};
};

Event read_event(const std::string& text) {
  EXPECT_TRUE(text.ends_with("\n\n"));
  Event event;
  std::map<std::string, std::string*> fields{
      {"event", &event.name}, {"id", &event.id}, {"retry", &event.retry}, {"data", &event.data}};
  for (const std::string& line : lines_of(text)) {
    if (line.empty() || line[0] == ':') continue;
    const std::size_t colon = line.find(": ");
    const auto field = fields.find(line.substr(0, colon));
    EXPECT_TRUE(field != fields.end() && field->second->empty()) << line;
    if (field != fields.end()) *field->second = line.substr(colon + 2);
  }
  return event;
}

TEST(ChangeFeed, BeginsWithTheWhole) {
  LiveView view;
  view.decided(allowed(view.policy("api"), "ada"), kStart);
  const LimiterLive live = shot(view);
  const Event event = read_event(to_event(live, nullptr));
  EXPECT_EQ(event.name, "snapshot");
  EXPECT_EQ(event.id, std::to_string(live.version));
  EXPECT_EQ(event.retry, "2000");
  EXPECT_EQ(event.data, to_json(live));
}

TEST(ChangeFeed, SaysThatItIsThereWhenNothingChanged) {
  LiveView view;
  view.decided(allowed(view.policy("api"), "ada"), kStart);
  const LimiterLive before = shot(view);
  const LimiterLive now = view.snapshot(kStart + 1s, kWall + 1s);
  EXPECT_EQ(to_event(now, &before), ": nothing new\n\n");
}

TEST(ChangeFeed, AChangeHoldsWhatChangedAndNothingElse) {
  LiveView view;
  view.policy("login");
  view.decided(allowed(view.policy("api"), "ada"), kStart);
  view.decided(allowed(view.policy("pages"), "ada"), kStart);
  const LimiterLive before = shot(view);
  for (int i = 0; i < 3; ++i) view.decided(allowed(view.policy("api"), "ada"), kStart);
  view.decided(allowed(view.policy("new"), "ada"), kStart);
  const LimiterLive now = view.snapshot(kStart + 2s, kWall + 2s);
  const Event event = read_event(to_event(now, &before));
  EXPECT_EQ(event.name, "change");
  EXPECT_EQ(event.id, std::to_string(now.version));
  const Json change = parsed(event.data);
  std::set<std::string> members;
  change.for_each_member([&](std::string_view name, const Json&) { members.emplace(name); });
  EXPECT_EQ(members, (std::set<std::string>{"at", "version", "policies", "latency_us", "top_used", "rate"}));
  ASSERT_EQ(change.member("policies").size(), 2u);
  EXPECT_EQ(change.member("policies").element(0), json_of(now.policies[1]));
  EXPECT_EQ(change.member("policies").element(1).member("name").as_string(), "new");
  EXPECT_TRUE(change.member("latency_us").contains("redis"));
  EXPECT_FALSE(change.member("latency_us").contains("local"));
}

TEST(ChangeFeed, AChangeTellsTheRateBetween) {
  LiveView view;
  view.decided(allowed(view.policy("api"), "ada"), kStart);
  const LimiterLive before = shot(view);
  for (int i = 0; i < 30; ++i) view.decided(allowed(view.policy("api"), "ada"), kStart);
  for (int i = 0; i < 10; ++i) view.decided(denied(view.policy("api"), "bob"), kStart);
  const LimiterLive now = view.snapshot(kStart, kWall + 2'500ms);
  const Json rate = parsed(read_event(to_event(now, &before)).data).member("rate");
  EXPECT_EQ(rate.member("seconds").as_number(), 2.5);
  EXPECT_EQ(rate.member("decisions").as_number(), 16);
  EXPECT_EQ(rate.member("allowed").as_number(), 12);
  EXPECT_EQ(rate.member("denied").as_number(), 4);
  EXPECT_EQ(rate.member("local_share").as_number(), 0.25);
}

TEST(ChangeFeed, ACalendarThatStepsBackGivesNoRate) {
  LiveView view;
  const LimiterLive before = shot(view);
  view.decided(allowed(view.policy("api"), "ada"), kStart);
  const LimiterLive now = view.snapshot(kStart, kWall - 1s);
  EXPECT_FALSE(parsed(read_event(to_event(now, &before)).data).contains("rate"));
}

TEST(ChangeFeed, TheAgeingOfKeysIsAChange) {
  LiveView view;
  for (int i = 0; i < 4; ++i) view.decided(allowed(view.policy("api"), "ada"), kStart);
  const LimiterLive before = shot(view);
  const LimiterLive now = view.snapshot(kStart + kDefaultTopHalving, kWall + kDefaultTopHalving);
  EXPECT_EQ(parsed(read_event(to_event(now, &before)).data).member("top_used"), json_of(now.top_used, now.used));
}

TEST(ChangeFeed, AnotherProcessBeginsAnew) {
  LiveView old;
  for (int i = 0; i < 9; ++i) old.decided(allowed(old.policy("api"), "ada"), kStart);
  const LimiterLive before = shot(old);
  LiveView fresh;
  fresh.decided(allowed(fresh.policy("api"), "ada"), kStart);
  EXPECT_EQ(read_event(to_event(shot(fresh), &before)).name, "snapshot") << "a lower version";
  for (int i = 0; i < 20; ++i) fresh.decided(denied(fresh.policy("api"), "ada"), kStart);
  EXPECT_EQ(read_event(to_event(shot(fresh), &before)).name, "snapshot") << "a counter that fell";
  LiveView other;
  for (int i = 0; i < 20; ++i) other.decided(allowed(other.policy("pages"), "ada"), kStart);
  EXPECT_EQ(read_event(to_event(shot(other), &before)).name, "snapshot") << "a policy that is gone";
}

// Replaces policies by name and all else by member, as docs/limiter-live.md says.
class FeedClient {
 public:
  void take(const std::string& text) {
    const Event event = read_event(text);
    if (event.data.empty()) return;
    const Json data = parsed(event.data);
    if (event.name == "snapshot") policies_ = {}, members_ = {}, latencies_ = {};
    data.for_each_member([&](std::string_view name, const Json& value) { apply(name, value); });
  }

  // As in JSON of a snapshot, without the time.
  bool agrees_with(const LimiterLive& live) const {
    const Json whole = json_of(live);
    for (const auto& [name, value] : members_) {
      if (!(whole.member(name) == value)) return false;
    }
    for (const PolicyCounters& policy : live.policies) {
      const auto found = policies_.find(policy.name);
      if (found == policies_.end() || !(found->second == json_of(policy))) return false;
    }
    return policies_.size() == live.policies.size() && latencies_.at("redis") == json_of(live.redis) &&
           latencies_.at("local") == json_of(live.local);
  }

 private:
  void apply(std::string_view name, const Json& value) {
    if (name == "policies") {
      for (std::size_t i = 0; i < value.size(); ++i) {
        policies_[value.element(i).member("name").as_string().value_or("")] = value.element(i);
      }
    } else if (name == "latency_us") {
      value.for_each_member([&](std::string_view source, const Json& of) { latencies_[std::string(source)] = of; });
    } else if (name != "at" && name != "rate") {
      members_[std::string(name)] = value;
    }
  }

  std::map<std::string, Json> policies_;
  std::map<std::string, Json> members_;
  std::map<std::string, Json> latencies_;
};

TEST(ChangeFeed, WhoAppliesTheChangesHasTheWhole) {
  const std::uint64_t seed = base::jitter_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  base::Jitter random(seed);
  LiveView view({.max_policies = 3, .top_shown = 5});
  FeedClient client;
  std::optional<LimiterLive> before;
  for (int step = 0; step < 200; ++step) {
    for (std::uint64_t n = random.next() % 4; n > 0; --n) {
      const std::uint64_t draw = random.next();
      view.decided({.policy = view.policy("p" + std::to_string(draw % 5)),
                    .key = std::to_string(draw / 8 % 20),
                    .cost = static_cast<std::int64_t>(draw / 256 % 4),
                    .allowed = draw / 1024 % 2 == 0,
                    .shadow = draw / 2048 % 8 == 0,
                    .source = draw / 65536 % 2 == 0 ? Source::kRedis : Source::kLocal,
                    .latency = Microseconds(draw / 131072 % 100)},
                   kStart + step * 1s);
    }
    if (random.next() % 20 == 0) view.set_enabled(!view.enabled());
    const LimiterLive now = view.snapshot(kStart + step * 1s, kWall + step * 1s);
    client.take(to_event(now, before ? &*before : nullptr));
    ASSERT_TRUE(client.agrees_with(now)) << "step " << step;
    before = now;
  }
}

}  // namespace
}  // namespace envoyou::limiter::live_test
