// A snapshot as Prometheus text, exposition format 0.0.4.
#include "limiter/live/live_json.hpp"

#include <algorithm>
#include <charconv>

namespace envoyou {

namespace {

using LiveLabel = std::pair<std::string_view, std::string_view>;

void append_label_value(std::string& text, std::string_view value) {
  for (const char c : limiter::text_or_percent(value)) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
}

std::string seconds_text(std::uint64_t us) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, static_cast<double>(us) / 1e6).ptr;
  return {digits, end};
}

// The names and values of one page.
class LivePage {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    family_ = name;
    text_ += "# HELP " + family_ + ' ';
    text_ += help;
    text_ += "\n# TYPE " + family_ + ' ';
    text_ += type;
    text_ += '\n';
  }

  void sample(std::string_view suffix, std::initializer_list<LiveLabel> labels, std::string_view value) {
    text_ += family_;
    text_ += suffix;
    char before = '{';
    for (const auto& [name, label_value] : labels) {
      text_ += before;
      text_ += name;
      text_ += "=\"";
      append_label_value(text_, label_value);
      text_ += '"';
      before = ',';
    }
    if (labels.size() > 0) text_ += '}';
    text_ += ' ';
    text_ += value;
    text_ += '\n';
  }

  std::string take() { return std::move(text_); }

 private:
  std::string family_;
  std::string text_;
};

void append_live_decisions(LivePage& page, const LimiterLive& live) {
  page.family("envoyou_ratelimit_live_decisions_total", "counter", "Decisions, by policy, outcome and who took them.");
  for (const PolicyCounters& policy : live.policies) {
    const auto outcome = [&](std::string_view name, const LiveCount& count) {
      page.sample("", {{"policy", policy.name}, {"decision", name}, {"source", "redis"}}, std::to_string(count.redis));
      page.sample("", {{"policy", policy.name}, {"decision", name}, {"source", "local"}}, std::to_string(count.local));
    };
    outcome("allow", policy.allowed);
    outcome("deny", policy.denied);
    outcome("shadow_deny", policy.shadow_denied);
  }
}

void append_live_units(LivePage& page, const LimiterLive& live) {
  page.family("envoyou_ratelimit_live_units_total", "counter", "The costs of those decisions, added up.");
  for (const PolicyCounters& policy : live.policies) {
    page.sample("", {{"policy", policy.name}, {"decision", "allow"}}, std::to_string(policy.admitted_units));
    page.sample("", {{"policy", policy.name}, {"decision", "deny"}}, std::to_string(policy.denied_units));
  }
}

void append_live_latency(LivePage& page, std::string_view source, const LatencySummary& latency) {
  const auto quantile = [&](std::string_view q, std::uint64_t us) {
    page.sample("", {{"source", source}, {"quantile", q}}, latency.count == 0 ? "NaN" : seconds_text(us));
  };
  quantile("0.5", latency.p50_us);
  quantile("0.9", latency.p90_us);
  quantile("0.99", latency.p99_us);
  quantile("0.999", latency.p999_us);
  page.sample("_sum", {{"source", source}}, seconds_text(latency.sum_us));
  page.sample("_count", {{"source", source}}, std::to_string(latency.count));
}

void append_live_top(LivePage& page, std::string_view name, std::string_view help, const std::vector<TopKey>& keys,
                     std::size_t most) {
  page.family(name, "gauge", help);
  for (std::size_t i = 0; i < std::min(keys.size(), most); ++i) {
    page.sample("", {{"key", keys[i].key}}, std::to_string(keys[i].count));
  }
}

}  // namespace

std::string to_prometheus(const LimiterLive& live, const LivePrometheusOptions& options) {
  LivePage page;
  append_live_decisions(page, live);
  append_live_units(page, live);
  page.family("envoyou_ratelimit_live_latency_seconds", "summary",
              "How long decisions took since the start, by who took them.");
  append_live_latency(page, "redis", live.redis);
  append_live_latency(page, "local", live.local);
  page.family("envoyou_ratelimit_live_latency_max_seconds", "gauge", "The longest since the start.");
  page.sample("", {{"source", "redis"}}, seconds_text(live.redis.max_us));
  page.sample("", {{"source", "local"}}, seconds_text(live.local.max_us));
  if (!options.top_keys) return page.take();
  const std::size_t most = std::min(options.max_top_keys, kMaxTopShown);
  append_live_top(page, "envoyou_ratelimit_live_top_used", "Recent units of the keys that use most, halving with age.",
                  live.top_used, most);
  append_live_top(page, "envoyou_ratelimit_live_top_denied", "Recent denials of the keys that are denied most.",
                  live.top_denied, most);
  append_live_top(page, "envoyou_ratelimit_live_top_shadow_denied", "The same of policies that only watch.",
                  live.top_shadow_denied, most);
  return page.take();
}

}  // namespace envoyou
