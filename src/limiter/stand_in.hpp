// Keeps the local store ready to take over from Redis, and pays back what it took while it stood in.
//
// While Redis is in use every answer of it is mirrored: what this process was admitted, exactly, and what others used,
// as a lump that lapses when Redis said the quota would be back. While it is away the memory backend answers from that,
// and what it admits is owed. When it is back the debts are collected as merges, and each is settled once it is known
// to have arrived.
//
// A Redis that came back without its data (another epoch, redis_backend.hpp) is owed everything that still counts.
//
// Thread-safe.
#pragma once

#include "limiter/backend.hpp"
#include "limiter/key_store.hpp"
#include "limiter/tokens.hpp"

#include <vector>

namespace envoyou::limiter {

class StandIn {
 public:
  // REQUIRES: both outlive this.
  StandIn(KeyStore& store, Tokens& tokens) : store_(store), tokens_(tokens) {}

  // Redis gave `answer` to that. REQUIRES: request.now is set.
  void mirror(const Request& request, Ask what, const Answer& answer);

  // Keys that owe something. One atomic load.
  std::size_t owing() const noexcept { return store_.owing(); }
  // What the meters of one request owe.
  std::vector<Merge> owed_by(const Request& request);  // REQUIRES: request.now is set
  // What the shard owes, of its first `at_most` keys. REQUIRES: index < shard_count().
  std::vector<Merge> owed_by_shard(std::size_t index, std::size_t at_most, Ms now);
  std::size_t shard_count() const noexcept { return store_.shard_count(); }

  // The merge has arrived, or will never be taken: it is owed no longer. Returns the number of its entries, 0 if
  // somebody else settled it before.
  std::size_t settle(const Merge& merge, Ms now);
  // The merge could not be told: others of its shard are told first. If it has certainly not arrived, it may be told
  // together with what is new.
  void put_off(const Merge& merge, bool may_have_arrived);
  void owe_everything(Ms now);

 private:
  void collect_leases(KeyRecord& record, KeyMeter& meter, Ms now, std::vector<Merge>& to);
  void collect(KeyRecord& record, KeyMeter& meter, Ms now, std::vector<Merge>& to);

  KeyStore& store_;
  Tokens& tokens_;
};

}  // namespace envoyou::limiter
