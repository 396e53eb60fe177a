// The counters of a policy are in stripes, one cache line each, and a thread adds in its own: 8 numbers, so that a
// decision touches one line of counters. A snapshot adds the stripes up.
//
//     policy "api"    stripe 0 | allow/redis allow/local deny/redis deny/local shadow/redis shadow/local extra extra |
//                     stripe 1 | …
//
// Nearly every cost is 1. So what is kept of units is only by how much they exceed the decisions (`extra`, which is
// negative for a cost of 0), and a decision of cost 1 adds nothing there.
#include "limiter/live/live_view.hpp"

#include "base/hash.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

namespace envoyou::limiter {

namespace {

enum LiveOutcome : std::size_t { kLiveAllowed, kLiveDenied, kLiveShadowDenied };

constexpr std::size_t kLiveOutcomeCells = 6;  // an outcome and a source each
constexpr std::size_t kExtraAdmitted = 6;
constexpr std::size_t kExtraDenied = 7;

using CellSums = std::array<std::uint64_t, 8>;

std::size_t outcome_cell(LiveOutcome outcome, Source source) noexcept {
  return outcome * 2 + (source == Source::kRedis ? 0 : 1);
}

LiveOutcome outcome_of(const LiveView::Decided& decision) noexcept {
  if (decision.allowed) return kLiveAllowed;
  return decision.shadow ? kLiveShadowDenied : kLiveDenied;
}

LiveCount live_count_of(const CellSums& sums, LiveOutcome outcome) noexcept {
  return {sums[outcome_cell(outcome, Source::kRedis)], sums[outcome_cell(outcome, Source::kLocal)]};
}

std::uint64_t decisions_in(const CellSums& sums) noexcept {
  std::uint64_t decisions = 0;
  for (std::size_t i = 0; i < kLiveOutcomeCells; ++i) decisions += sums[i];
  return decisions;
}

// A snapshot may see the extra of a decision of cost 0 and not yet the decision.
std::uint64_t units_of(std::uint64_t decisions, std::uint64_t extra) noexcept {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, static_cast<std::int64_t>(decisions + extra)));
}

PolicyCounters counters_of(std::string_view name, const CellSums& sums) {
  PolicyCounters counters{.name = std::string(name),
                          .allowed = live_count_of(sums, kLiveAllowed),
                          .denied = live_count_of(sums, kLiveDenied),
                          .shadow_denied = live_count_of(sums, kLiveShadowDenied)};
  counters.admitted_units = units_of(counters.allowed.total(), sums[kExtraAdmitted]);
  counters.denied_units = units_of(counters.denied.total(), sums[kExtraDenied]);
  return counters;
}

double local_share_of(const std::vector<PolicyCounters>& policies) noexcept {
  LiveCount all;
  for (const PolicyCounters& policy : policies) {
    for (const LiveCount& count : {policy.allowed, policy.denied, policy.shadow_denied}) {
      all.redis += count.redis;
      all.local += count.local;
    }
  }
  return all.total() == 0 ? 0 : static_cast<double>(all.local) / static_cast<double>(all.total());
}

LiveOptions within_bounds(LiveOptions options) noexcept {
  options.max_policies = std::clamp<std::size_t>(options.max_policies, 1, kMaxLivePolicies);
  options.top_shown = std::min(options.top_shown, kMaxTopShown);
  return options;
}

}  // namespace

struct LiveView::PolicyCells {
  struct alignas(64) Stripe {
    std::array<std::atomic<std::uint64_t>, 8> cells{};
  };

  void add(std::size_t cell, std::uint64_t n) noexcept {
    stripes[live_stripe()].cells[cell].fetch_add(n, std::memory_order_relaxed);
  }
  CellSums sums() const noexcept {
    CellSums sums{};
    for (const Stripe& stripe : stripes) {
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += stripe.cells[i].load(std::memory_order_relaxed);
    }
    return sums;
  }

  std::array<Stripe, kLiveStripes> stripes;
  std::uint64_t hash = 0;
  std::string name;
};

LiveView::LiveView(LiveOptions options)
    : enabled_(options.enabled),
      options_(within_bounds(options)),
      slots_mask_(std::bit_ceil(options_.max_policies * 2) - 1),
      slots_(std::make_unique<std::atomic<PolicyCells*>[]>(slots_mask_ + 1)),
      other_(std::make_unique<PolicyCells>()),
      used_(options_.top_keys),
      denied_(options_.top_keys),
      shadow_denied_(options_.top_keys) {
  other_->name = kOtherPolicies;
}

LiveView::~LiveView() = default;

LiveView::Policy LiveView::policy(std::string_view name) {
  if (name.empty()) name = kDefaultLivePolicy;
  if (name == kOtherPolicies || name.size() > kMaxLivePolicyNameBytes) return {};
  const std::uint64_t hash = base::hash64(name, options_.top_keys.hash_seed);
  if (PolicyCells* found = find(hash, name)) return Policy(found);
  if (full_.load(std::memory_order_acquire)) return {};
  return Policy(add_policy(hash, name));
}

LiveView::PolicyCells* LiveView::find(std::uint64_t hash, std::string_view name) const noexcept {
  for (std::size_t i = hash & slots_mask_;; i = (i + 1) & slots_mask_) {
    PolicyCells* cells = slots_[i].load(std::memory_order_acquire);
    if (cells == nullptr || (cells->hash == hash && cells->name == name)) return cells;
  }
}

// nullptr where there is no more room: "other".
LiveView::PolicyCells* LiveView::add_policy(std::uint64_t hash, std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (PolicyCells* found = find(hash, name)) return found;
  if (policies_.size() == options_.max_policies) return nullptr;
  PolicyCells* cells = policies_.emplace_back(std::make_unique<PolicyCells>()).get();
  cells->hash = hash;
  cells->name = name;
  std::size_t i = hash & slots_mask_;
  while (slots_[i].load(std::memory_order_relaxed) != nullptr) i = (i + 1) & slots_mask_;
  slots_[i].store(cells, std::memory_order_release);
  full_.store(policies_.size() == options_.max_policies, std::memory_order_release);
  return cells;
}

void LiveView::decided(const Decided& decision, TimePoint now) noexcept {
  if (!enabled()) return;
  const LiveOutcome outcome = outcome_of(decision);
  PolicyCells& cells = decision.policy.cells_ != nullptr ? *decision.policy.cells_ : *other_;
  cells.add(outcome_cell(outcome, decision.source), 1);
  latency_of(decision.source).record(decision.latency);
  const std::int64_t cost = std::max<std::int64_t>(decision.cost, 0);
  if (cost != 1 && outcome != kLiveShadowDenied) {
    cells.add(outcome == kLiveAllowed ? kExtraAdmitted : kExtraDenied, static_cast<std::uint64_t>(cost - 1));
  }
  if (cost == 0) return;
  switch (outcome) {
    case kLiveAllowed: return used_.add(decision.key, cost, now);
    case kLiveDenied: return denied_.add(decision.key, 1, now);
    case kLiveShadowDenied: return shadow_denied_.add(decision.key, 1, now);
  }
}

LimiterLive LiveView::snapshot(TimePoint now, WallTime wall_now) const {
  LimiterLive live{.at = wall_now, .version = version(), .enabled = enabled(), .halving = used_.halving()};
  {
    const std::lock_guard lock(mutex_);
    live.policies.reserve(policies_.size() + 1);
    for (const auto& policy : policies_) live.policies.push_back(counters_of(policy->name, policy->sums()));
  }
  const CellSums other = other_->sums();
  if (decisions_in(other) > 0) live.policies.push_back(counters_of(kOtherPolicies, other));
  live.local_share = local_share_of(live.policies);
  live.redis = redis_.counts().summary();
  live.local = local_.counts().summary();
  const auto show = [&](const TopKeys& from, std::vector<TopKey>& keys, TopScope& scope) {
    TopList list = from.top(options_.top_shown, now);
    keys = std::move(list.keys);
    scope = list.scope;
  };
  show(used_, live.top_used, live.used);
  show(denied_, live.top_denied, live.denied);
  show(shadow_denied_, live.top_shadow_denied, live.shadow_denied);
  return live;
}

std::uint64_t LiveView::version() const {
  std::uint64_t version = switches_.load(std::memory_order_relaxed) + decisions_in(other_->sums());
  const std::lock_guard lock(mutex_);
  for (const auto& policy : policies_) version += decisions_in(policy->sums());
  return version + policies_.size();
}

void LiveView::set_enabled(bool enabled) noexcept {
  if (enabled_.exchange(enabled, std::memory_order_relaxed) != enabled) {
    switches_.fetch_add(1, std::memory_order_relaxed);
  }
}

std::size_t LiveView::bytes() const {
  const std::lock_guard lock(mutex_);
  return sizeof *this + (slots_mask_ + 1) * sizeof slots_[0] + (policies_.size() + 1) * sizeof(PolicyCells) +
         2 * LatencyHistogram::bytes() + used_.bytes() + denied_.bytes() + shadow_denied_.bytes();
}

}  // namespace envoyou::limiter
