// Decision::headers: the header fields of draft-ietf-httpapi-ratelimit-headers-11, structured fields by RFC 9651:
//
//   RateLimit-Policy: "burst";q=100;w=60, "daily";q=1000;w=86400
//   RateLimit: "burst";r=50;t=30, "daily";r=990;t=7300
//   Retry-After: 12
//
// All times are whole seconds, rounded up: a client that waits as long as it was told is never too early. `t` is the
// time until the whole quota is back. A window below a second has no `w`, since the draft knows no fractions.
#include <envoyou/limiter.hpp>

#include <algorithm>

namespace envoyou {

namespace {

std::int64_t seconds_up(Milliseconds time) { return std::chrono::ceil<std::chrono::seconds>(time).count(); }

void append_number(std::string& to, std::string_view parameter, std::int64_t value) {
  to += ';';
  to += parameter;
  to += '=';
  to += std::to_string(value);
}

// A structured field's String. The name is printable ASCII (validate.hpp).
void append_string(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') to += '\\';
    to += c;
  }
  to += '"';
}

// "default", "default2", … by the rule's place among those without a name.
void append_name(std::string& to, const RateRule& rule, int& unnamed) {
  if (!to.empty()) to += ", ";
  if (!rule.name.empty()) return append_string(to, rule.name);
  ++unnamed;
  append_string(to, unnamed == 1 ? "default" : "default" + std::to_string(unnamed));
}

std::string rate_limit(const std::vector<Decision::RuleState>& rules) {
  std::string text;
  int unnamed = 0;
  for (const auto& each : rules) {
    append_name(text, each.rule, unnamed);
    append_number(text, "r", each.remaining);
    append_number(text, "t", seconds_up(each.reset_after));
  }
  return text;
}

std::string policy(const std::vector<Decision::RuleState>& rules) {
  std::string text;
  int unnamed = 0;
  for (const auto& each : rules) {
    append_name(text, each.rule, unnamed);
    append_number(text, "q", each.rule.limit);
    if (each.rule.window >= std::chrono::seconds(1)) append_number(text, "w", seconds_up(each.rule.window));
  }
  return text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> Decision::headers() const {
  std::vector<std::pair<std::string, std::string>> made;
  if (!rules.empty()) {
    made.emplace_back("RateLimit", rate_limit(rules));
    made.emplace_back("RateLimit-Policy", policy(rules));
  }
  if (!allowed && retry_after) {
    made.emplace_back("Retry-After", std::to_string(std::max<std::int64_t>(1, seconds_up(*retry_after))));
  }
  return made;
}

}  // namespace envoyou
