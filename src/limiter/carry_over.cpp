#include "limiter/carry_over.hpp"

#include <algorithm>

namespace envoyou::limiter {

namespace {

// Keys whose debts go in one trip.
constexpr std::size_t kKeysPerTrip = 128;
// The epoch outlives what it vouches for by this much.
constexpr Ms kEpochSlack = 500;

Meaning meaning_for_one_server(const Error& error) {
  if (error.is_retryable() || error.is_ambiguous()) return Meaning::kAway;
  switch (error.code()) {
    case Errc::kClosed:
    case Errc::kForked:
    case Errc::kWouldDeadlock: return Meaning::kAway;
    case Errc::kServerMemory:
    case Errc::kReadOnly:
    case Errc::kMisconfigured:
    case Errc::kPermission:
    case Errc::kAuthentication:
    case Errc::kRedirect: return Meaning::kNotNow;
    default: return Meaning::kRefused;
  }
}

}  // namespace

std::size_t CarryOverToRedis::pending() const noexcept {
  const bool vouched = counts_until_.load(std::memory_order_relaxed) <= covered_until_.load(std::memory_order_relaxed);
  return stand_in_.owing() + (vouched ? 0 : 1);
}

void CarryOverToRedis::note(Ms until) noexcept {
  Ms known = counts_until_.load(std::memory_order_relaxed);
  while (known < until && !counts_until_.compare_exchange_weak(known, until, std::memory_order_relaxed)) {
  }
}

Meaning CarryOverToRedis::meaning_of(const Error& error) const {
  const bool is_one_node = error.code() == Errc::kUnavailable && redis_.has_many_nodes();
  return is_one_node ? Meaning::kNotNow : meaning_for_one_server(error);
}

Result<void> CarryOverToRedis::carry_over(Deadline deadline) {
  auto asked = check_epoch(deadline);
  if (!asked && !redis_.has_many_nodes()) return asked;
  auto paid = pay_shards(deadline);
  return asked ? paid : asked;
}

// The first error that says that Redis is away; with one server it is the end.
Result<void> CarryOverToRedis::pay_shards(Deadline deadline) {
  Result<void> outcome;
  const std::size_t shards = stand_in_.shard_count();
  for (std::size_t i = 0; i < shards; ++i) {
    const std::size_t shard = (first_shard_ + i) % shards;
    // Each trip settles what it carried, so a shard is done when it owes nothing or its debts can not be paid now.
    for (bool more = true; more;) {
      if (deadline.expired(clock_.now())) {
        first_shard_ = shard;
        return outcome;
      }
      const Payment paid = pay_some(shard, deadline);
      more = paid.brought_something;
      if (paid.outcome) continue;
      if (!redis_.has_many_nodes()) return paid.outcome;
      if (outcome) outcome = paid.outcome;
    }
  }
  return outcome;
}

Result<void> CarryOverToRedis::check_epoch(Deadline deadline) {
  const Ms now = to_ms(clock_.now());
  const Ms until = counts_until_.load(std::memory_order_relaxed);
  covered_until_.store(until, std::memory_order_relaxed);
  if (until <= now) return {};
  const Ms lifetime = until - now + kEpochSlack;
  const auto found = redis_.epoch(lifetime, deadline);
  if (!found) {
    const Meaning meaning = meaning_of(found.error());
    const bool vouches_later = meaning == Meaning::kAway || redis_.has_many_nodes();
    if (vouches_later) covered_until_.store(kNothing, std::memory_order_relaxed);
    if (meaning == Meaning::kAway) return found.error();
    telemetry_.redis_failed(found.error(), clock_.now());
    return {};
  }
  if (*found != epoch_ && now < epoch_until_) {
    telemetry_.data_was_lost(clock_.now());
    stand_in_.owe_everything(now);
  }
  epoch_ = *found;
  epoch_until_ = now + lifetime;
  return {};
}

CarryOverToRedis::Payment CarryOverToRedis::pay_some(std::size_t shard, Deadline deadline) {
  const Ms now = to_ms(clock_.now());
  const auto merges = stand_in_.owed_by_shard(shard, kKeysPerTrip, now);
  Payment paid;
  if (merges.empty()) return paid;
  const auto results = redis_.merge(merges, deadline);
  paid.outcome = settle(merges, results);
  paid.brought_something = std::ranges::any_of(
      results, [this](const auto& result) { return result || meaning_of(result.error()) == Meaning::kRefused; });
  return paid;
}

// The last one first, so that several batches of one log that were refused become one again.
Result<void> CarryOverToRedis::settle(std::span<const Merge> merges, std::span<const Result<Merged>> results) {
  Result<void> outcome;
  for (std::size_t i = merges.size(); i-- > 0;) {
    if (results[i]) {
      arrived(merges[i], *results[i]);
    } else if (failed(merges[i], results[i].error()) == Meaning::kAway) {
      outcome = results[i].error();
    }
  }
  return outcome;
}

void CarryOverToRedis::arrived(const Merge& merge, const Merged& merged) {
  const Ms now = to_ms(clock_.now());
  telemetry_.carried_over(stand_in_.settle(merge, now), merged.as_of_now);
  note(now + 2 * merge.meter.window);
}

Meaning CarryOverToRedis::failed(const Merge& merge, const Error& error) {
  const TimePoint now = clock_.now();
  const Meaning meaning = meaning_of(error);
  if (meaning == Meaning::kRefused) {
    telemetry_.carry_over_refused(stand_in_.settle(merge, to_ms(now)), error, now);
    return meaning;
  }
  stand_in_.put_off(merge, error.is_ambiguous());
  if (meaning == Meaning::kNotNow) telemetry_.redis_failed(error, now);
  return meaning;
}

}  // namespace envoyou::limiter
