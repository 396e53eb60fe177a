#include "base/json.hpp"
#include "limiter/policies/duration_text.hpp"
#include "limiter/policies/reader.hpp"

namespace envoyou::limiter::policies {

namespace {

using base::Json;

// A duration below zero, which only code can ask for, is written as one that is refused.
Json written(Milliseconds duration) {
  return duration.count() < 0 ? Json::string(std::to_string(duration.count()) + "ms")
                              : Json::string(duration_text(duration));
}

Json written(const PolicyRule& rule) {
  Json made = Json::object();
  made.set("limit", Json::integer(rule.rule.limit)).set("window", written(rule.rule.window));
  if (rule.rule.algorithm != Algorithm::kSlidingLog) {
    made.set("algorithm", Json::string(to_string(rule.rule.algorithm)));
  }
  if (rule.rule.burst != 0) made.set("burst", Json::integer(rule.rule.burst));
  if (!rule.rule.name.empty()) made.set("name", Json::string(rule.rule.name));
  if (rule.subject != PolicyRule().subject) made.set("subject", Json::string(rule.subject));
  return made;
}

Json written(const std::vector<PolicyRule>& rules) {
  Json made = Json::array();
  for (const PolicyRule& rule : rules) made.push(written(rule));
  return made;
}

Json written(const SubjectList& list) {
  Json made = Json::object();
  for (const auto& [subject, texts] : list.entries()) {
    Json entries = Json::array();
    for (const std::string& text : texts) entries.push(Json::string(text));
    made.set(subject, std::move(entries));
  }
  return made;
}

Json written(const HotKeyLease& lease) {
  return std::move(Json::object().set("units", Json::integer(lease.units)).set("life", written(lease.life)));
}

// A policy with a default tier has the rules of that tier, and does not repeat them.
bool has_rules_of_its_own(const RatePolicy& policy) {
  const auto found = policy.tiers.find(policy.default_tier);
  return policy.default_tier.empty() ||
         (!policy.rules.empty() && (found == policy.tiers.end() || found->second != policy.rules));
}

void write_rules(const RatePolicy& policy, Json& to) {
  if (has_rules_of_its_own(policy)) to.set("rules", written(policy.rules));
  if (!policy.default_tier.empty()) to.set("default_tier", Json::string(policy.default_tier));
  if (policy.tiers.empty()) return;
  Json tiers = Json::object();
  for (const auto& [name, rules] : policy.tiers) tiers.set(name, written(rules));
  to.set("tiers", std::move(tiers));
}

Json written(const RatePolicy& policy) {
  Json made = Json::object();
  write_rules(policy, made);
  if (policy.outage != OutageMode::kLocal) made.set("outage", Json::string(to_string(policy.outage)));
  if (policy.instances != 0) made.set("instances", Json::integer(policy.instances));
  if (policy.shadow) made.set("shadow", Json::boolean(true));
  if (!policy.allow.empty()) made.set("allow", written(policy.allow));
  if (!policy.deny.empty()) made.set("deny", written(policy.deny));
  if (policy.lease) made.set("lease", written(*policy.lease));
  if (policy.retry_jitter_share != 0) made.set("retry_jitter_share", Json::number(policy.retry_jitter_share));
  if (policy.retry_jitter.count() != 0) made.set("retry_jitter", written(policy.retry_jitter));
  return made;
}

}  // namespace

std::string write_policies(const PolicyMap& policies) {
  Json all = Json::object();
  for (const auto& [name, policy] : policies) all.set(name, written(policy));
  return Json::object().set("version", Json::integer(1)).set("policies", std::move(all)).dump();
}

}  // namespace envoyou::limiter::policies
