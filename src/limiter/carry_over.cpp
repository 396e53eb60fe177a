#include "limiter/carry_over.hpp"

#include "limiter/memory_backend.hpp"

namespace envoyou::limiter {

namespace {

// Keys whose debts go in one trip.
constexpr std::size_t kKeysPerTrip = 128;

enum class Meaning : std::uint8_t { kAway, kNotNow, kNever };

Meaning meaning_of(const Error& error) {
  if (error.is_retryable() || error.is_ambiguous()) return Meaning::kAway;
  switch (error.code()) {
    case Errc::kClosed:
    case Errc::kForked:
    case Errc::kWouldDeadlock:
      return Meaning::kAway;
    case Errc::kServerMemory:
    case Errc::kReadOnly:
    case Errc::kMisconfigured:
    case Errc::kPermission:
    case Errc::kAuthentication:
    case Errc::kRedirect:
      return Meaning::kNotNow;
    default:
      return Meaning::kNever;
  }
}

}  // namespace

std::size_t CarryOverToRedis::pending() const noexcept {
  return stand_in_.owing() + (epoch_asked_.load(std::memory_order_relaxed) ? 0 : 1);
}

Result<void> CarryOverToRedis::carry_over(Deadline deadline) {
  if (auto asked = check_epoch(deadline); !asked) return asked;
  for (std::size_t shard = 0; shard < stand_in_.shard_count(); ++shard) {
    // Each trip settles what it carried, so a shard is done when it owes nothing or its debts can not be paid now.
    bool more = true;
    while (more && !deadline.expired(clock_.now())) {
      auto paid = pay_shard(shard, deadline);
      if (!paid) return paid.error();
      more = *paid;
    }
  }
  return {};
}

Result<void> CarryOverToRedis::check_epoch(Deadline deadline) {
  const auto found = redis_.epoch(deadline);
  if (!found && meaning_of(found.error()) == Meaning::kAway) return found.error();
  epoch_asked_.store(true, std::memory_order_relaxed);
  if (!found) {
    telemetry_.redis_failed(found.error(), clock_.now());
    return {};
  }
  if (!epoch_.empty() && epoch_ != *found) {
    const TimePoint now = clock_.now();
    telemetry_.data_was_lost(now);
    stand_in_.owe_everything(to_ms(now));
  }
  epoch_ = *found;
  return {};
}

// True: there may be more to pay in this shard.
Result<bool> CarryOverToRedis::pay_shard(std::size_t shard, Deadline deadline) {
  const Ms now = to_ms(clock_.now());
  const auto merges = stand_in_.owed_by_shard(shard, kKeysPerTrip, now);
  if (merges.empty()) return false;
  const auto results = redis_.merge(merges, now, deadline);
  auto settled = settle(merges, results);
  if (!settled) return settled.error();
  for (const auto& result : results) {
    if (!result && meaning_of(result.error()) == Meaning::kNotNow) return false;
  }
  return true;
}

Result<void> CarryOverToRedis::settle(std::span<const Merge> merges, std::span<const Result<Merged>> results) {
  Result<void> outcome;
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const TimePoint now = clock_.now();
    if (results[i]) {
      telemetry_.carried_over(stand_in_.settle(merges[i], to_ms(now)), results[i]->as_of_now);
      continue;
    }
    switch (meaning_of(results[i].error())) {
      case Meaning::kAway:
        if (outcome) outcome = results[i].error();
        break;
      case Meaning::kNotNow:
        telemetry_.redis_failed(results[i].error(), now);
        break;
      case Meaning::kNever:
        telemetry_.carry_over_refused(stand_in_.settle(merges[i], to_ms(now)), results[i].error(), now);
        break;
    }
  }
  return outcome;
}

}  // namespace envoyou::limiter
