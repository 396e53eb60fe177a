#include "limiter/policies/reader.hpp"

#include <envoyou/limiter/headers.hpp>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "limiter/policies/duration_text.hpp"
#include "limiter/policies/list_entry.hpp"
#include "limiter/policies/place.hpp"
#include "limiter/policies/repeated_members.hpp"
#include "limiter/policies/site.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace envoyou::limiter::policies {

namespace {

using Names = std::span<const std::string_view>;
using Rules = std::vector<PolicyRule>;

constexpr std::int64_t kSchemaVersion = 1;
constexpr std::size_t kMaxRuleNameBytes = 64;

constexpr std::array<std::string_view, 2> kDocumentMembers{"policies", "version"};
constexpr std::array<std::string_view, 11> kPolicyMembers{"allow", "default_tier", "deny",         "instances",
                                                          "lease", "outage",       "retry_jitter", "retry_jitter_share",
                                                          "rules", "shadow",       "tiers"};
constexpr std::array<std::string_view, 6> kRuleMembers{"algorithm", "burst", "limit", "name", "subject", "window"};
constexpr std::array<std::string_view, 2> kLeaseMembers{"life", "units"};

constexpr std::array<std::string_view, 3> kOutageModes{"local", "allow", "deny"};  // in the order of the enumeration

std::vector<std::string_view> algorithm_names() {
  std::vector<std::string_view> names;
  for (auto i = std::uint8_t{0}; i <= static_cast<std::uint8_t>(Algorithm::kConcurrency); ++i) {
    names.push_back(to_string(static_cast<Algorithm>(i)));
  }
  return names;
}

std::string many_of(std::size_t most, std::string_view what, std::size_t got) {
  return "must be 1 to " + std::to_string(most) + " " + std::string(what) + ", got " + std::to_string(got);
}

// --- Rules

std::optional<std::string> read_name(const Site& site) {
  auto name = site.text();
  const auto fault = name ? fault_of_name(*name) : std::nullopt;
  if (!fault) return name;
  site.fault_got(*fault);
  return std::nullopt;
}

// "" is a name, the one of rules that have none.
std::string read_rule_name(const Site& site) {
  auto name = site.text();
  static_assert(kMaxRuleNameBytes == kMaxPolicyNameBytes);
  return name && name->empty() ? "" : read_name(site).value_or("");
}

void read_burst(const Site& rule_site, bool is_gcra, RateRule& rule) {
  const auto site = rule_site.find("burst");
  if (!site) return;
  rule.burst = site->integer(1, kMaxRateLimit).value_or(0);
  if (!is_gcra) site->fault("is for the algorithm gcra alone");
}

PolicyRule read_rule(const Site& site) {
  PolicyRule made;
  RateRule& rule = made.rule;
  if (!site.is_object_of(kRuleMembers)) return made;
  bool may_have_burst = false;
  if (const auto member = site.find("algorithm")) {
    const auto index = member->one_of(algorithm_names());
    rule.algorithm = static_cast<Algorithm>(index.value_or(0));
    may_have_burst = !index || rule.algorithm == Algorithm::kGcra;
  }
  if (const auto member = site.need("limit")) rule.limit = member->integer(1, kMaxRateLimit).value_or(0);
  if (const auto member = site.need("window")) {
    rule.window = member->duration(Milliseconds(1), kMaxRateWindow).value_or(Milliseconds(0));
  }
  if (const auto member = site.find("name")) rule.name = read_rule_name(*member);
  if (const auto member = site.find("subject")) made.subject = read_name(*member).value_or("");
  read_burst(site, may_have_burst, rule);
  return made;
}

void tell_repeated_names(const Site& list, const Rules& rules) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string& name = rules[i].rule.name;
    const auto first = std::ranges::find(rules, name, [](const PolicyRule& rule) { return rule.rule.name; });
    const auto index = static_cast<std::size_t>(first - rules.begin());
    if (name.empty() || index == i) continue;
    list.faults().add(place_of_member(place_of_element(list.place(), i), "name"),
                      "must differ from that of rules[" + std::to_string(index) + "], got " + base::printable(name));
  }
}

Rules read_rules(const Site& site) {
  Rules rules;
  const auto elements = site.elements();
  if (!elements) return rules;
  if (elements->empty() || elements->size() > kMaxRulesPerCheck) {
    site.fault(many_of(kMaxRulesPerCheck, "rules", elements->size()));
  }
  for (std::size_t i = 0; i < std::min(elements->size(), kMaxRulesPerCheck); ++i) {
    rules.push_back(read_rule((*elements)[i]));
  }
  tell_repeated_names(site, rules);
  return rules;
}

// --- Tiers

void read_tiers(const Site& site, RatePolicy& policy) {
  const auto members = site.members();
  if (!members) return;
  if (members->size() > kMaxPolicyTiers) site.fault(many_of(kMaxPolicyTiers, "tiers", members->size()));
  for (const Site::Member& tier : *members) {
    if (const auto fault = fault_of_name(tier.name)) tier.value.fault(*fault);
    policy.tiers.emplace(tier.name, read_rules(tier.value));
  }
}

std::string named_tiers(const RatePolicy& policy) {
  std::string text;
  for (const auto& [name, rules] : policy.tiers) text += (text.empty() ? "" : ", ") + base::printable(name);
  return text.empty() ? "of which there are none" : "(" + text + ")";
}

void read_default_tier(const Site& site, RatePolicy& policy) {
  const auto name = site.text();
  if (!name) return;
  policy.default_tier = *name;
  if (!policy.tiers.contains(*name)) site.fault_got("must be one of the tiers " + named_tiers(policy));
}

// The rules of a policy with a default tier are that tier's; so there is nothing for rules of its own to apply to.
void read_all_rules(const Site& site, RatePolicy& policy) {
  if (const auto member = site.find("tiers")) read_tiers(*member, policy);
  const auto own = site.find("rules");
  if (own) policy.rules = read_rules(*own);
  const auto default_tier = site.find("default_tier");
  if (!default_tier) return void(site.need("rules"));
  read_default_tier(*default_tier, policy);
  const auto found = policy.tiers.find(policy.default_tier);
  if (found == policy.tiers.end()) return;
  if (own) own->fault("would apply to nobody, as there is a default_tier");
  policy.rules = found->second;
}

// --- Lists

void read_entries(const Site& list, std::string_view subject, std::vector<std::string>& texts) {
  const auto elements = list.elements();
  if (!elements) return;
  for (const Site& element : *elements) {
    const auto text = element.text();
    const auto entry = text ? read_list_entry(subject, *text) : ListEntry();
    if (!entry) element.fault_got(entry.error().message());
    texts.push_back(text.value_or(""));
  }
}

SubjectList::Entries read_list(const Site& policy_site, std::string_view name, SubjectList& list) {
  SubjectList::Entries entries;
  const auto site = policy_site.find(name);
  const auto members = site ? site->members() : std::nullopt;
  if (!members) return entries;
  const std::size_t before = site->faults().count();
  for (const Site::Member& member : *members) read_entries(member.value, member.name, entries[member.name]);
  tell_list_faults(entries, site->place(), site->faults());
  if (site->faults().count() == before) list = SubjectList::of(entries).value();
  return entries;
}

// Who is both allowed and denied is denied; so the entry says nothing, and its writer believes that it does.
void tell_allowed_and_denied(const Site& policy_site, const SubjectList::Entries& allowed, const SubjectList& denied) {
  const std::string place = place_of_member(policy_site.place(), "allow");
  for (const auto& [subject, texts] : allowed) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (!denied.covers(subject, texts[i])) continue;
      policy_site.faults().add(place_of_element(place_of_member(place, subject), i),
                               "is denied, too, and deny wins, got " + base::printable(texts[i]));
    }
  }
}

void read_lists(const Site& site, RatePolicy& policy) {
  const SubjectList::Entries allowed = read_list(site, "allow", policy.allow);
  read_list(site, "deny", policy.deny);
  if (!policy.deny.empty()) tell_allowed_and_denied(site, allowed, policy.deny);
}

// --- What else a policy has

void read_outage(const Site& site, RatePolicy& policy) {
  if (const auto member = site.find("outage")) {
    policy.outage = static_cast<OutageMode>(member->one_of(kOutageModes).value_or(0));
  }
  if (const auto member = site.find("instances")) {
    policy.instances = member->integer(1, kMaxInstances).value_or(0);
  }
}

void read_jitter(const Site& site, RatePolicy& policy) {
  if (const auto member = site.find("retry_jitter_share")) {
    policy.retry_jitter_share = member->number(0, 1).value_or(0);
  }
  if (const auto member = site.find("retry_jitter")) {
    policy.retry_jitter = member->duration(Milliseconds(0), kMaxRetryJitter).value_or(Milliseconds(0));
  }
}

void tell_lease_faults(const Site& site, const HotKeyLease& lease, const Rules& rules, std::string_view place) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const RateRule& rule = rules[i].rule;
    const std::string of = " of " + place_of_element(place, i);
    if (rule.algorithm == Algorithm::kConcurrency) site.fault("is not for concurrency, the algorithm" + of);
    if (lease.units > rule.capacity()) {
      site.faults().add(place_of_member(site.place(), "units"), "must be at most " + std::to_string(rule.capacity()) +
                                                                    ", the capacity" + of + ", got " +
                                                                    std::to_string(lease.units));
    }
    if (lease.life >= rule.window) {
      site.faults().add(place_of_member(site.place(), "life"), "must be shorter than " + duration_text(rule.window) +
                                                                   ", the window" + of + ", got " +
                                                                   duration_text(lease.life));
    }
  }
}

void read_lease(const Site& policy_site, bool rules_are_good, RatePolicy& policy) {
  const auto site = policy_site.find("lease");
  if (!site || !site->is_object_of(kLeaseMembers)) return;
  const auto units_site = site->need("units");
  const auto life_site = site->need("life");
  const auto units = units_site ? units_site->integer(1, kMaxRateLimit) : std::nullopt;
  const auto life = life_site ? life_site->duration(Milliseconds(1), kMaxRateWindow) : std::nullopt;
  if (!units || !life) return;
  policy.lease = HotKeyLease{*units, *life};
  if (!rules_are_good) return;
  if (policy.default_tier.empty()) tell_lease_faults(*site, *policy.lease, policy.rules, "rules");
  for (const auto& [tier, rules] : policy.tiers) {
    tell_lease_faults(*site, *policy.lease, rules, place_of_member("tiers", tier));
  }
}

RatePolicy read_policy(const Site& site, std::string_view name) {
  RatePolicy policy;
  policy.name = name;
  if (const auto fault = fault_of_name(name)) site.fault(*fault);
  if (!site.is_object_of(kPolicyMembers)) return policy;
  const std::size_t before = site.faults().count();
  read_all_rules(site, policy);
  const bool rules_are_good = site.faults().count() == before;
  read_outage(site, policy);
  if (const auto member = site.find("shadow")) policy.shadow = member->boolean().value_or(false);
  read_lists(site, policy);
  read_lease(site, rules_are_good, policy);
  read_jitter(site, policy);
  return policy;
}

PolicyMap read_document(const Site& document) {
  PolicyMap policies;
  if (!document.is_object_of(kDocumentMembers)) return policies;
  if (const auto site = document.need("version")) site->integer(kSchemaVersion, kSchemaVersion);
  const auto site = document.need("policies");
  const auto members = site ? site->members() : std::nullopt;
  if (!members) return policies;
  if (members->empty() || members->size() > kMaxPolicies) {
    site->fault(many_of(kMaxPolicies, "policies", members->size()));
  }
  for (const Site::Member& member : *members) {
    policies.emplace(member.name, read_policy(member.value, member.name));
  }
  return policies;
}

}  // namespace

Result<PolicyMap> read_policies(std::string_view json) {
  auto parsed = base::Json::parse("policies", json, kMaxPoliciesBytes);
  if (!parsed) return parsed.error();
  Faults faults;
  tell_repeated_members(json, faults);
  PolicyMap policies = read_document(Site(std::move(*parsed), "", faults));
  if (!faults.empty()) return faults.result().error();
  return policies;
}

}  // namespace envoyou::limiter::policies
