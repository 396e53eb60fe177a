// The header fields of draft-ietf-httpapi-ratelimit-headers-11, structured fields by RFC 9651:
//
//   RateLimit-Policy: "burst";q=100;w=60, "daily";q=1000;w=86400
//   RateLimit: "burst";r=50;t=30, "daily";r=990;t=7300
//   Retry-After: 12
//
// and the older ones, which know one rule alone. All times are whole seconds, rounded up: a client that waits as long
// as it was told is never too early. A window below a second has no `w`, since the draft knows no fractions.
#include <envoyou/limiter/headers.hpp>

#include "base/bytes.hpp"
#include "base/json.hpp"

#include <algorithm>
#include <cmath>

namespace envoyou {

namespace {

using Rules = std::vector<Decision::RuleState>;

constexpr std::int64_t kMaxFieldInteger = 999'999'999'999'999;

std::int64_t seconds_up(Milliseconds time) {
  return std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::seconds>(time).count());
}

std::string number_text(std::int64_t value) {
  return std::to_string(std::clamp<std::int64_t>(value, 0, kMaxFieldInteger));
}

void append_number(std::string& to, std::string_view parameter, std::int64_t value) {
  to += ';';
  to += parameter;
  to += '=';
  to += number_text(value);
}

// A structured field's String.
void append_string(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') to += '\\';
    to += c;
  }
  to += '"';
}

// A structured field's Byte Sequence.
void append_bytes(std::string& to, std::string_view parameter, std::string_view bytes) {
  std::string base64 = base::to_base64url(bytes);
  std::ranges::replace(base64, '-', '+');
  std::ranges::replace(base64, '_', '/');
  base64.resize((base64.size() + 3) / 4 * 4, '=');
  to += ';';
  to += parameter;
  to += "=:" + base64 + ':';
}

// The limiter takes only printable names; a decision that was made by hand may hold others, which must not end a line.
std::string printable_name(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return name;
}

// "default", "default2", … by the rule's place among those without a name.
std::vector<std::string> names_of(const Rules& rules) {
  std::vector<std::string> names;
  int unnamed = 0;
  for (const auto& each : rules) {
    if (!each.rule.name.empty()) {
      names.push_back(printable_name(each.rule.name));
      continue;
    }
    ++unnamed;
    names.push_back(unnamed == 1 ? "default" : "default" + std::to_string(unnamed));
  }
  return names;
}

// Whether this rule is one of those that denied.
bool is_violated(const Decision& decision, const Decision::RuleState& state) {
  return !decision.allowed && state.denied;
}

Milliseconds reset_of(const Decision& decision, const Decision::RuleState& state, const HeaderOptions& options) {
  const bool sooner = options.reset == ResetMeaning::kNextAdmission && decision.retry_after;
  return sooner && is_violated(decision, state) ? std::min(*decision.retry_after, state.reset_after)
                                                : state.reset_after;
}

// In what time the whole quota comes: the window, or what fills the bucket.
Milliseconds quota_window(const RateRule& rule) {
  if (rule.capacity() == rule.limit || rule.limit < 1) return rule.window;
  const double per_unit = static_cast<double>(rule.window.count()) * static_cast<double>(rule.capacity());
  const double whole = std::ceil(per_unit / static_cast<double>(rule.limit));
  return Milliseconds(static_cast<std::int64_t>(std::min(whole, 1e18)));
}

void append_partition(std::string& to, const HeaderOptions& options) {
  const std::string& key = options.partition_key;
  if (!key.empty() && key.size() <= kMaxPartitionKeyBytes) append_bytes(to, "pk", key);
}

void append_quota(std::string& to, const RateRule& rule) {
  append_number(to, "q", rule.capacity());
  if (rule.algorithm == Algorithm::kConcurrency) {
    to += ";qu=\"concurrent-requests\"";
    return;
  }
  const Milliseconds window = quota_window(rule);
  if (window >= std::chrono::seconds(1)) append_number(to, "w", seconds_up(window));
}

// A list of the rules, each with what `append_parameters` says of it.
template <class F>
std::string list_of(const Decision& decision, const HeaderOptions& options, F&& append_parameters) {
  const auto names = names_of(decision.rules);
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += ", ";
    append_string(text, names[i]);
    append_parameters(text, decision.rules[i]);
    append_partition(text, options);
  }
  return text;
}

using Fields = std::vector<std::pair<std::string, std::string>>;

void add_rate_limit(Fields& to, const Decision& decision, const HeaderOptions& options) {
  to.emplace_back("RateLimit", list_of(decision, options, [&](std::string& text, const Decision::RuleState& state) {
                    append_number(text, "r", state.remaining);
                    append_number(text, "t", seconds_up(reset_of(decision, state, options)));
                  }));
  to.emplace_back("RateLimit-Policy",
                  list_of(decision, options,
                          [](std::string& text, const Decision::RuleState& state) { append_quota(text, state.rule); }));
}

// The rule that leaves least; of several, the one that takes longest. REQUIRES: there are rules
const Decision::RuleState& tightest(const Rules& rules) {
  return *std::ranges::min_element(rules, [](const auto& a, const auto& b) {
    return a.remaining != b.remaining ? a.remaining < b.remaining : a.reset_after > b.reset_after;
  });
}

void add_trio(Fields& to, std::string_view prefix, const Decision::RuleState& state, std::int64_t reset) {
  const auto add = [&](std::string_view name, std::int64_t value) {
    to.emplace_back(std::string(prefix) + std::string(name), number_text(value));
  };
  add("Limit", state.rule.capacity());
  add("Remaining", state.remaining);
  add("Reset", reset);
}

void add_trios(Fields& to, const Decision& decision, const HeaderOptions& options) {
  const auto& state = tightest(decision.rules);
  const Milliseconds reset = reset_of(decision, state, options);
  if (options.draft_06) add_trio(to, "RateLimit-", state, seconds_up(reset));
  if (!options.x_rate_limit) return;
  const bool epoch = options.x_reset == LegacyReset::kEpochSeconds;
  add_trio(to, "X-RateLimit-", state, seconds_up(epoch ? options.now.time_since_epoch() + reset : reset));
}

// Whole seconds that are added to a wait.
std::int64_t jitter_of(Milliseconds wait, const HeaderOptions& options) {
  const double share = options.retry_jitter_share > 0 ? std::min(options.retry_jitter_share, 1.0) : 0.0;
  const Milliseconds base = std::clamp<Milliseconds>(wait, Milliseconds(0), kMaxRateWindow);
  const auto by_share = static_cast<std::int64_t>(share * static_cast<double>(base.count()));
  const Milliseconds most = std::min(std::max(Milliseconds(by_share), options.retry_jitter), kMaxRetryJitter);
  const std::int64_t seconds = std::max<std::int64_t>(0, most.count() / 1000);
  return static_cast<std::int64_t>(options.random % (static_cast<std::uint64_t>(seconds) + 1));
}

std::string retry_after_text(Milliseconds wait, const HeaderOptions& options) {
  return number_text(std::max<std::int64_t>(1, seconds_up(wait)) + jitter_of(wait, options));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> rate_limit_headers(const Decision& decision,
                                                                    const HeaderOptions& options) {
  Fields made;
  if (!decision.rules.empty()) {
    if (options.rate_limit) add_rate_limit(made, decision, options);
    if (options.draft_06 || options.x_rate_limit) add_trios(made, decision, options);
  }
  if (options.retry_after && !decision.allowed && decision.retry_after) {
    made.emplace_back("Retry-After", retry_after_text(*decision.retry_after, options));
  }
  return made;
}

std::vector<std::pair<std::string, std::string>> Decision::headers() const { return rate_limit_headers(*this); }

// --- The body of a denial

namespace {

constexpr std::string_view kProblemTypes = "https://iana.org/assignments/http-problem-types#";

bool is_our_lack(const Decision& decision, const ProblemOptions& options) noexcept {
  return options.reduced_share && decision.source == Source::kLocal;
}

std::string window_text(Milliseconds time) {
  const std::int64_t ms = time.count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

// "burst (10 in 1 s)".
std::string describe_rule(const std::string& name, const RateRule& rule) {
  const std::string quota = name + " (" + std::to_string(rule.capacity());
  if (rule.algorithm == Algorithm::kConcurrency) return quota + " at a time)";
  return quota + " in " + window_text(quota_window(rule)) + ")";
}

std::string describe_violated(const Decision& decision) {
  const auto names = names_of(decision.rules);
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!is_violated(decision, decision.rules[i])) continue;
    if (!text.empty()) text += ", ";
    text += describe_rule(names[i], decision.rules[i].rule);
  }
  return text;
}

std::string describe_denial(const Decision& decision, bool our_lack) {
  std::string text = our_lack ? "capacity is reduced for now" : "the request exceeds the quota";
  const std::string rules = describe_violated(decision);
  if (!rules.empty()) text += (our_lack ? ": " : " of ") + rules;
  if (!decision.retry_after) return text + "; it asks for more than there ever is";
  return text + "; try again in " + std::to_string(std::max<std::int64_t>(1, seconds_up(*decision.retry_after))) + " s";
}

}  // namespace

std::vector<std::string> violated_policies(const Decision& decision) {
  const auto names = names_of(decision.rules);
  std::vector<std::string> violated;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (is_violated(decision, decision.rules[i])) violated.push_back(names[i]);
  }
  return violated;
}

int rate_limit_status(const Decision& decision, const ProblemOptions& options) noexcept {
  if (decision.allowed) return 200;
  return is_our_lack(decision, options) ? 503 : 429;
}

std::string rate_limit_problem(const Decision& decision, const ProblemOptions& options) {
  const bool our_lack = is_our_lack(decision, options);
  const auto type = std::string(kProblemTypes) + (our_lack ? "temporary-reduced-capacity" : "quota-exceeded");
  auto policies = base::Json::array();
  for (const auto& name : violated_policies(decision)) policies.push(base::Json::string(name));
  auto problem = base::Json::object();
  problem.set("type", base::Json::string(type))
      .set("title", base::Json::string(our_lack ? "Temporary Reduced Capacity" : "Quota Exceeded"))
      .set("status", base::Json::integer(rate_limit_status(decision, options)))
      .set("detail", base::Json::string(describe_denial(decision, our_lack)))
      .set("violated-policies", std::move(policies));
  if (!options.instance.empty()) problem.set("instance", base::Json::string(options.instance));
  if (decision.retry_after) problem.set("retry_after_ms", base::Json::integer(decision.retry_after->count()));
  return problem.dump();
}

}  // namespace envoyou
