// A change has the members of a snapshot that differ, in their new form: of the policies those whose counters moved,
// and of a list of keys the whole list, since one key that rises moves the others. Who applies it replaces policies by
// name and everything else by member; so a change that is applied twice does no harm.
//
// `rate` is there in a change alone: what the difference of the two snapshots says of the time between them.
#include "limiter/live/live_json.hpp"

#include <envoyou/limiter/live.hpp>

#include <algorithm>
#include <cmath>

namespace envoyou {

namespace {

using limiter::json_count;
using limiter::json_of;
using limiter::json_share;

constexpr std::string_view kNothingNew = ": nothing new\n\n";

std::string event_text(std::string_view event, const LimiterLive& now, const base::Json& data) {
  std::string text = "id: " + std::to_string(now.version) + "\nevent: ";
  text += event;
  text += "\ndata: " + data.dump() + "\n\n";
  return text;
}

std::string snapshot_event(const LimiterLive& now) {
  return "retry: " + std::to_string(kLiveFeedRetry.count()) + '\n' + event_text("snapshot", now, json_of(now));
}

bool same_but_for_time(const LimiterLive& now, const LimiterLive& before) {
  LimiterLive then = before;
  then.at = now.at;
  return then == now;
}

const PolicyCounters* counters_named(const LimiterLive& live, std::string_view name) noexcept {
  const auto found = std::ranges::find(live.policies, name, &PolicyCounters::name);
  return found == live.policies.end() ? nullptr : &*found;
}

bool has_not_fallen(const LiveCount& now, const LiveCount& before) noexcept {
  return now.redis >= before.redis && now.local >= before.local;
}

bool has_not_fallen(const PolicyCounters& now, const PolicyCounters& before) noexcept {
  return has_not_fallen(now.allowed, before.allowed) && has_not_fallen(now.denied, before.denied) &&
         has_not_fallen(now.shadow_denied, before.shadow_denied);
}

bool may_follow(const LimiterLive& now, const LimiterLive& before) noexcept {
  return now.version >= before.version && std::ranges::all_of(before.policies, [&](const PolicyCounters& policy) {
           const PolicyCounters* then = counters_named(now, policy.name);
           return then != nullptr && has_not_fallen(*then, policy);
         });
}

struct OutcomeSums {
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t shadow_denied = 0;
  std::uint64_t local = 0;
};

OutcomeSums outcome_sums_of(const LimiterLive& live) noexcept {
  OutcomeSums sum;
  for (const PolicyCounters& policy : live.policies) {
    sum.allowed += policy.allowed.total();
    sum.denied += policy.denied.total();
    sum.shadow_denied += policy.shadow_denied.total();
    sum.local += policy.allowed.local + policy.denied.local + policy.shadow_denied.local;
  }
  return sum;
}

// A second, to a tenth.
base::Json json_per_second(std::uint64_t n, double seconds) {
  return base::Json::number(std::round(static_cast<double>(n) / seconds * 10) / 10);
}

// REQUIRES: now.at > before.at
base::Json rate_between(const LimiterLive& now, const LimiterLive& before) {
  const double seconds = std::chrono::duration<double>(now.at - before.at).count();
  const OutcomeSums a = outcome_sums_of(before);
  const OutcomeSums b = outcome_sums_of(now);
  const std::uint64_t decisions = (b.allowed - a.allowed) + (b.denied - a.denied) + (b.shadow_denied - a.shadow_denied);
  auto json = base::Json::object();
  json.set("seconds", base::Json::number(seconds)).set("decisions", json_per_second(decisions, seconds));
  json.set("allowed", json_per_second(b.allowed - a.allowed, seconds))
      .set("denied", json_per_second(b.denied - a.denied, seconds));
  json.set("shadow_denied", json_per_second(b.shadow_denied - a.shadow_denied, seconds));
  if (decisions > 0) {
    json.set("local_share", json_share(static_cast<double>(b.local - a.local) / static_cast<double>(decisions)));
  }
  return json;
}

void set_changed_policies(base::Json& json, const LimiterLive& now, const LimiterLive& before) {
  auto changed = base::Json::array();
  for (const PolicyCounters& policy : now.policies) {
    const PolicyCounters* then = counters_named(before, policy.name);
    if (then == nullptr || *then != policy) changed.push(json_of(policy));
  }
  if (changed.size() > 0) json.set("policies", std::move(changed));
}

void set_changed_latency(base::Json& json, const LimiterLive& now, const LimiterLive& before) {
  auto changed = base::Json::object();
  if (now.redis != before.redis) changed.set("redis", json_of(now.redis));
  if (now.local != before.local) changed.set("local", json_of(now.local));
  if (changed.size() > 0) json.set("latency_us", std::move(changed));
}

void set_changed_keys(base::Json& json, const LimiterLive& now, const LimiterLive& before) {
  if (now.top_used != before.top_used || now.used != before.used) {
    json.set("top_used", json_of(now.top_used, now.used));
  }
  if (now.top_denied != before.top_denied || now.denied != before.denied) {
    json.set("top_denied", json_of(now.top_denied, now.denied));
  }
  if (now.top_shadow_denied != before.top_shadow_denied || now.shadow_denied != before.shadow_denied) {
    json.set("top_shadow_denied", json_of(now.top_shadow_denied, now.shadow_denied));
  }
}

base::Json change_from(const LimiterLive& now, const LimiterLive& before) {
  auto json = base::Json::object();
  json.set("at", base::Json::string(to_rfc3339(now.at))).set("version", json_count(now.version));
  if (now.enabled != before.enabled) json.set("enabled", base::Json::boolean(now.enabled));
  if (now.halving != before.halving) json.set("halving_ms", base::Json::integer(now.halving.count()));
  if (now.local_share != before.local_share) json.set("local_share", json_share(now.local_share));
  set_changed_policies(json, now, before);
  set_changed_latency(json, now, before);
  set_changed_keys(json, now, before);
  if (now.at > before.at) json.set("rate", rate_between(now, before));
  return json;
}

}  // namespace

std::string to_event(const LimiterLive& now, const LimiterLive* before) {
  if (before == nullptr || !may_follow(now, *before)) return snapshot_event(now);
  if (same_but_for_time(now, *before)) return std::string(kNothingNew);
  return event_text("change", now, change_from(now, *before));
}

}  // namespace envoyou
