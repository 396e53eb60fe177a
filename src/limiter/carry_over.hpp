// Pays Redis what the stand-in owes it, when the switch says that it is time: after an outage, and while Redis is in use for what
// single failed calls left behind.
//
// What an error of a merge means:
//
//   away (timeout, lost, loading, …)           the debt stays, the pass fails: the switch tries again
//   can not now (out of memory, replica, …)    the debt stays, the pass ends well: nobody else is held up, and it lapses by itself
//   never (wrong type, unknown script, …)      the debt is given up and counted
//
// Called by one thread at a time; pending() by any.
#pragma once

#include "limiter/redis_backend.hpp"
#include "limiter/stand_in.hpp"
#include "limiter/telemetry.hpp"

#include <envoyou/fallback.hpp>

#include <atomic>
#include <string>

namespace envoyou::limiter {

class CarryOverToRedis final : public CarryOver {
 public:
  // REQUIRES: all outlive this.
  CarryOverToRedis(StandIn& stand_in, RedisBackend& redis, Telemetry& telemetry, const Clock& clock)
      : stand_in_(stand_in), redis_(redis), telemetry_(telemetry), clock_(clock) {}

  std::string_view name() const noexcept override { return "limiter"; }
  std::size_t pending() const noexcept override;
  Result<void> carry_over(Deadline deadline) override;

  // Redis answered these merges: settles what has arrived or never will. The first error that says that Redis is away.
  Result<void> settle(std::span<const Merge> merges, std::span<const Result<Merged>> results);

 private:
  Result<void> check_epoch(Deadline deadline);
  Result<bool> pay_shard(std::size_t shard, Deadline deadline);

  StandIn& stand_in_;
  RedisBackend& redis_;
  Telemetry& telemetry_;
  const Clock& clock_;
  std::atomic<bool> epoch_asked_{false};
  std::string epoch_;  // empty: not known
};

}  // namespace envoyou::limiter
