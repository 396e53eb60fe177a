#include <envoyou/limiter.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "capi/arguments.hpp"
#include "capi/grow.hpp"
#include "capi/guard.hpp"
#include "capi/handles.hpp"

namespace envoyou::capi {

template <>
inline constexpr std::size_t kFirstSize<envoyou_rate_rule> = ENVOYOU_END_OF(envoyou_rate_rule, name);
template <>
inline constexpr std::size_t kFirstSize<envoyou_rate_options> = ENVOYOU_END_OF(envoyou_rate_options, deadline);
template <>
inline constexpr std::size_t kFirstSize<envoyou_rate_decision> = ENVOYOU_END_OF(envoyou_rate_decision, reserved);

namespace {

using Rules = std::vector<RateRule>;

Result<RateRule> read_rule(const std::string& field, const envoyou_rate_rule* given) {
  envoyou_rate_rule defaults;
  init_struct(&defaults, sizeof defaults);
  const auto read = read_struct(field, given, defaults);
  if (!read) return read.error();
  Arguments arguments;
  const auto name = arguments.view(field + ".name", read->name);
  if (auto checked = arguments.result(); !checked) return checked.error();
  // The window is bounded here, since C++ would take a number that a duration of milliseconds can not be multiplied by.
  if (read->window_ms < 1 || read->window_ms > kMaxRateWindow.count()) {
    return invalid_argument(field + ".window_ms", "must be from 1 to " + std::to_string(kMaxRateWindow.count()) +
                                                      ", got " + std::to_string(read->window_ms));
  }
  return RateRule{.limit = read->limit, .window = Milliseconds(read->window_ms), .name = std::string(name)};
}

// One behind the other, as far apart as the first says: the caller's struct may be larger than ours.
Result<Rules> read_rules(const envoyou_rate_rule* rules, std::size_t count) {
  if (rules == nullptr) return invalid_argument("rules", "must not be NULL");
  if (count < 1 || count > kMaxRulesPerCheck) {
    return invalid_argument(
        "rule_count", "must be from 1 to " + std::to_string(kMaxRulesPerCheck) + ", got " + std::to_string(count));
  }
  const std::size_t stride = rules->struct_size;
  if (stride < kFirstSize<envoyou_rate_rule> || stride % alignof(envoyou_rate_rule) != 0) {
    return uninitialised("rules[0]");
  }
  Rules read;
  for (std::size_t i = 0; i < count; ++i) {
    const auto field = "rules[" + std::to_string(i) + "]";
    const auto* bytes = reinterpret_cast<const unsigned char*>(rules) + i * stride;
    const auto* rule = static_cast<const envoyou_rate_rule*>(static_cast<const void*>(bytes));
    if (rule->struct_size != stride) return invalid_argument(field, "struct_size: must be that of rules[0]");
    auto one = read_rule(field, rule);
    if (!one) return one.error();
    read.push_back(*std::move(one));
  }
  return read;
}

Result<CheckOptions> read_options(const envoyou_rate_options* options) {
  if (options == nullptr) return CheckOptions{};
  envoyou_rate_options defaults;
  envoyou_rate_options_init(&defaults, sizeof defaults);
  const auto read = read_struct("options", options, defaults);
  if (!read) return read.error();
  Arguments arguments;
  CheckOptions made{.cost = read->cost, .deadline = arguments.deadline(read->deadline)};
  if (auto checked = arguments.result(); !checked) return checked.error();
  return made;
}

envoyou_rate_decision decision_for_c(const Decision& decision) {
  envoyou_rate_decision made;
  init_struct(&made, sizeof made);
  made.limit = decision.limit;
  made.remaining = decision.remaining;
  made.retry_after_ms = decision.retry_after ? decision.retry_after->count() : int64_t{ENVOYOU_RETRY_NEVER};
  made.reset_after_ms = decision.reset_after.count();
  made.source = to_c(decision.source);
  made.allowed = decision.allowed ? 1 : 0;
  return made;
}

using Verb = Result<Decision> (RateLimiter::*)(std::string_view, std::span<const RateRule>, CheckOptions);

envoyou_status ask(Verb verb, envoyou_services* services, envoyou_bytes key, const envoyou_rate_rule* rules,
                   std::size_t rule_count, const envoyou_rate_options* options, envoyou_rate_decision* decision_out,
                   envoyou_error** error_out) noexcept {
  return guarded(error_out, [&]() -> Result<void> {
    Arguments arguments;
    arguments.require("services", services);
    const auto key_view = arguments.view("key", key);
    if (auto checked = arguments.result(); !checked) return checked;
    if (auto checked = check_out_struct("decision_out", decision_out); !checked) return checked;
    const auto read_rules_or = read_rules(rules, rule_count);
    if (!read_rules_or) return read_rules_or.error();
    const auto read_options_or = read_options(options);
    if (!read_options_or) return read_options_or.error();
    const auto decision = (services->value.limiter().*verb)(key_view, *read_rules_or, *read_options_or);
    if (!decision) return decision.error();
    write_struct(decision_out, decision_for_c(*decision));
    return {};
  });
}

}  // namespace
}  // namespace envoyou::capi

namespace capi = envoyou::capi;
using envoyou::RateLimiter;

extern "C" {

void envoyou_rate_rule_init(envoyou_rate_rule* rule, size_t struct_size) noexcept {
  capi::init_struct(rule, struct_size);
}

void envoyou_rate_options_init(envoyou_rate_options* options, size_t struct_size) noexcept {
  capi::init_struct(options, struct_size);
  if (options != nullptr && struct_size >= capi::kFirstSize<envoyou_rate_options>) options->cost = 1;
}

void envoyou_rate_decision_init(envoyou_rate_decision* decision, size_t struct_size) noexcept {
  capi::init_struct(decision, struct_size);
}

envoyou_status envoyou_rate_check(envoyou_services* services, envoyou_bytes key, const envoyou_rate_rule* rules,
                                  size_t rule_count, const envoyou_rate_options* options,
                                  envoyou_rate_decision* decision_out, envoyou_error** error_out) noexcept {
  return capi::ask(&RateLimiter::check, services, key, rules, rule_count, options, decision_out, error_out);
}

envoyou_status envoyou_rate_peek(envoyou_services* services, envoyou_bytes key, const envoyou_rate_rule* rules,
                                 size_t rule_count, const envoyou_rate_options* options,
                                 envoyou_rate_decision* decision_out, envoyou_error** error_out) noexcept {
  return capi::ask(&RateLimiter::peek, services, key, rules, rule_count, options, decision_out, error_out);
}

envoyou_status envoyou_rate_reset(envoyou_services* services, envoyou_bytes key, const envoyou_rate_rule* rules,
                                  size_t rule_count, const envoyou_rate_options* options,
                                  envoyou_rate_decision* decision_out, envoyou_error** error_out) noexcept {
  return capi::ask(&RateLimiter::reset, services, key, rules, rule_count, options, decision_out, error_out);
}

}  // extern "C"
