// Pays Redis what the stand-in owes it, when the switch says that it is time: after an outage, and while Redis is in
// use for what single failed calls left behind.
//
// What an error of a merge means:
//
//   away (timeout, lost, loading, …)           the debt stays, the pass fails: the switch tries again
//   can not now (out of memory, replica, …)    the debt stays, the pass ends well: nobody else is held up
//   never (wrong type, unknown script, …)      the debt is given up and counted
//
// In a cluster one node may be away while the others are not. A pass goes on behind its keys, and "unavailable" is "can
// not now" there: what is known to be away holds up neither the other nodes' debts nor the switch. Its keys pay when
// they next ask, or in a sweep. The epoch below is one key, so it vouches for the data of its own node only.
//
// A Redis that comes back without its data (restarted without a file, flushed, restored) is noticed by its epoch: a key
// that lives for as long as anything of this process counts in Redis. If it has another name than it had, everything
// that still counts here is owed anew. One that was flushed in use is noticed at the next sweep.
//
// carry_over by one thread at a time; all else by any.
#pragma once

#include "limiter/redis_backend.hpp"
#include "limiter/stand_in.hpp"
#include "limiter/telemetry.hpp"

#include <envoyou/fallback.hpp>

#include <atomic>
#include <limits>
#include <string>

namespace envoyou::limiter {

// What an error says of the debt (above).
enum class Meaning : std::uint8_t { kAway, kNotNow, kRefused };

class CarryOverToRedis final : public CarryOver {
 public:
  // REQUIRES: all outlive this.
  CarryOverToRedis(StandIn& stand_in, RedisBackend& redis, Telemetry& telemetry, const Clock& clock)
      : stand_in_(stand_in), redis_(redis), telemetry_(telemetry), clock_(clock) {}

  std::string_view name() const noexcept override { return "limiter"; }
  std::size_t pending() const noexcept override;
  Result<void> carry_over(Deadline deadline) override;

  // Something of ours counts in Redis until then, on this process' clock.
  void note(Ms until) noexcept;
  // Redis answered these merges: settles what has arrived or never will. The first error that says that Redis is away.
  Result<void> settle(std::span<const Merge> merges, std::span<const Result<Merged>> results);

 private:
  static constexpr Ms kNothing = std::numeric_limits<Ms>::min();

  // What became of a trip.
  struct Payment {
    bool brought_something = false;
    Result<void> outcome;  // as of settle
  };

  Result<void> check_epoch(Deadline deadline);
  Result<void> pay_shards(Deadline deadline);
  Payment pay_some(std::size_t shard, Deadline deadline);
  Meaning meaning_of(const Error& error) const;
  void arrived(const Merge& merge, const Merged& merged);
  Meaning failed(const Merge& merge, const Error& error);

  StandIn& stand_in_;
  RedisBackend& redis_;
  Telemetry& telemetry_;
  const Clock& clock_;
  std::atomic<Ms> counts_until_{kNothing};   // the latest of note()
  std::atomic<Ms> covered_until_{kNothing};  // what the epoch vouches for
  std::string epoch_;                        // the keeper's; what it was called
  Ms epoch_until_ = kNothing;                // the keeper's; it can not have expired before
  std::size_t first_shard_ = 0;              // the keeper's; where the last pass ran out of time
};

}  // namespace envoyou::limiter
