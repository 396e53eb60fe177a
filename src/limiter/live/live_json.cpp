#include "limiter/live/live_json.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace envoyou::limiter {

namespace {

base::Json json_by_source(const LiveCount& count) {
  auto json = base::Json::object();
  json.set("redis", json_count(count.redis)).set("local", json_count(count.local));
  return json;
}

base::Json json_of_key(const TopKey& key) {
  auto json = base::Json::object();
  json.set("key", base::Json::string(text_or_percent(key.key)));
  json.set("count", json_count(key.count)).set("over_by_at_most", json_count(key.over_by_at_most));
  if (key.cut) json.set("cut", base::Json::boolean(true));
  if (!base::is_valid_utf8(key.key)) json.set("percent_encoded", base::Json::boolean(true));
  return json;
}

}  // namespace

std::string text_or_percent(std::string_view bytes) {
  return base::is_valid_utf8(bytes) ? std::string(bytes) : base::percent_encode(bytes);
}

base::Json json_count(std::uint64_t n) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return base::Json::integer(static_cast<std::int64_t>(std::min(n, kMost)));
}

base::Json json_share(double share) { return base::Json::number(std::round(share * 1e6) / 1e6); }

base::Json json_of(const PolicyCounters& policy) {
  auto units = base::Json::object();
  units.set("admitted", json_count(policy.admitted_units)).set("denied", json_count(policy.denied_units));
  auto json = base::Json::object();
  json.set("name", base::Json::string(text_or_percent(policy.name)));
  json.set("allowed", json_by_source(policy.allowed)).set("denied", json_by_source(policy.denied));
  json.set("shadow_denied", json_by_source(policy.shadow_denied)).set("units", std::move(units));
  return json;
}

base::Json json_of(const LatencySummary& latency) {
  auto json = base::Json::object();
  json.set("count", json_count(latency.count)).set("sum", json_count(latency.sum_us));
  json.set("p50", json_count(latency.p50_us)).set("p90", json_count(latency.p90_us));
  json.set("p99", json_count(latency.p99_us)).set("p999", json_count(latency.p999_us));
  json.set("max", json_count(latency.max_us));
  return json;
}

base::Json json_of(const std::vector<TopKey>& keys, const TopScope& scope) {
  auto list = base::Json::array();
  for (const TopKey& key : keys) list.push(json_of_key(key));
  auto json = base::Json::object();
  json.set("total", json_count(scope.total)).set("unlisted_at_most", json_count(scope.unlisted_at_most));
  json.set("keys", std::move(list));
  return json;
}

base::Json json_of(const LimiterLive& live) {
  auto policies = base::Json::array();
  for (const PolicyCounters& policy : live.policies) policies.push(json_of(policy));
  auto latency = base::Json::object();
  latency.set("redis", json_of(live.redis)).set("local", json_of(live.local));
  auto json = base::Json::object();
  json.set("at", base::Json::string(to_rfc3339(live.at))).set("version", json_count(live.version));
  json.set("enabled", base::Json::boolean(live.enabled));
  json.set("halving_ms", base::Json::integer(live.halving.count()));
  json.set("policies", std::move(policies)).set("local_share", json_share(live.local_share));
  json.set("latency_us", std::move(latency));
  json.set("top_used", json_of(live.top_used, live.used));
  json.set("top_denied", json_of(live.top_denied, live.denied));
  json.set("top_shadow_denied", json_of(live.top_shadow_denied, live.shadow_denied));
  return json;
}

}  // namespace envoyou::limiter

namespace envoyou {

std::string to_json(const LimiterLive& live) { return limiter::json_of(live).dump(); }

}  // namespace envoyou
