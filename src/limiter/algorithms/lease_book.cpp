#include "limiter/algorithms/lease_book.hpp"

#include <algorithm>

namespace envoyou::limiter {

Look LeaseBook::look(Moment moment) const noexcept {
  Look seen;
  seen.now = moment.now;
  seen.afresh = newest_ > moment.now + ttl_ + kClockTolerance;
  seen.at = seen.afresh ? moment.now : std::max(moment.now, newest_);
  seen.heard = heard_until_ > seen.at ? heard_ : 0;
  seen.used = seen.heard;
  Ms until = seen.heard > 0 ? heard_until_ : seen.now;
  if (!seen.afresh && !by_expiry_.empty()) {
    seen.used += total_;
    for (auto each = by_expiry_.begin(); each != by_expiry_.end() && each->first <= seen.at; ++each) {
      seen.used -= leases_.find(each->second)->second.cost;
    }
    if (by_expiry_.rbegin()->first > seen.at) until = std::max(until, by_expiry_.rbegin()->first);
  }
  seen.reset_after = until - seen.now;
  return seen;
}

std::optional<LeaseBook::Lease> LeaseBook::find(const Look& look, std::string_view id) const noexcept {
  const auto found = leases_.find(id);
  if (look.afresh || found == leases_.end() || found->second.until <= look.at) return std::nullopt;
  return found->second;
}

Ms LeaseBook::retry_after(const Look& look, const RateRule& rule, std::int64_t cost,
                          std::string_view id) const noexcept {
  if (holds(look, id)) return 0;
  if (cost > rule.limit) return kNever;
  std::int64_t needed = look.used + cost - rule.limit;
  if (leases_.size() >= kMaxLeases) needed = std::max<std::int64_t>(needed, 1);
  if (cost == 0 || needed <= 0) return 0;
  const auto live = by_expiry_.lower_bound({look.at + 1, std::string_view()});
  bool heard_expired = look.heard == 0;
  Ms freed = look.now;
  for (auto each = look.afresh ? by_expiry_.end() : live; needed > 0; ++each) {
    const bool none_left = each == by_expiry_.end();
    if (!heard_expired && (none_left || heard_until_ <= each->first)) {
      heard_expired = true;
      needed -= look.heard;
      freed = heard_until_;
      if (needed <= 0) break;
    }
    if (none_left) break;
    needed -= leases_.find(each->second)->second.cost;
    freed = each->first;
  }
  return freed - look.now;
}

Ms LeaseBook::forget_at() const noexcept {
  // Also without a lease: how far the clock has been is remembered for as long as one taken then could live.
  const Ms own = newest_ == kLongAgo ? kLongAgo : newest_ + ttl_;
  return heard_ > 0 ? std::max(own, heard_until_) : own;
}

void LeaseBook::acquire(const Look& look, std::string_view id, std::int64_t cost) {
  if (look.afresh) clear();
  drop_expired(look.at);
  newest_ = look.at;
  const Ms until = look.at + ttl_;
  auto found = leases_.find(id);
  if (found == leases_.end()) {
    found = leases_.emplace(std::string(id), Lease{until, cost}).first;
    total_ += cost;
  } else {
    by_expiry_.erase({found->second.until, found->first});
    found->second.until = until;
  }
  by_expiry_.emplace(until, found->first);
}

void LeaseBook::release(std::string_view id) {
  const auto found = leases_.find(id);
  if (found != leases_.end()) drop(found);
}

void LeaseBook::drop(std::map<std::string, Lease, std::less<>>::iterator lease) noexcept {
  total_ -= lease->second.cost;
  by_expiry_.erase({lease->second.until, lease->first});
  leases_.erase(lease);
}

void LeaseBook::drop_expired(Ms at) noexcept {
  while (!by_expiry_.empty() && by_expiry_.begin()->first <= at) drop(leases_.find(by_expiry_.begin()->second));
}

void LeaseBook::hear(Moment moment, const MeterAnswer& answer, std::int64_t unknown_to_redis) noexcept {
  const Look seen = look(moment);
  const std::int64_t known = seen.used - seen.heard - unknown_to_redis;
  heard_ = std::max<std::int64_t>(0, answer.used - std::max<std::int64_t>(0, known));
  heard_until_ = moment.now + answer.reset_after;
}

void LeaseBook::clear() noexcept {
  by_expiry_.clear();
  leases_.clear();
  total_ = 0;
  newest_ = kLongAgo;
  heard_ = 0;
  heard_until_ = kLongAgo;
}

}  // namespace envoyou::limiter
