// Redis as the stand-in sees it: the verbs, and taking over what happened while it was away.
#pragma once

#include "session/backend.hpp"
#include "session/local_backend.hpp"

#include <envoyou/result.hpp>

#include <vector>

namespace envoyou::session {

// What became of a batch. An entry that is in none of the lists was not answered.
struct Carried {
  std::vector<Tombstone> tombstones;
  std::vector<Revocation> revocations;
  std::vector<SettledRow> rows;     // Redis has them
  std::vector<SettledRow> outdone;  // Redis has a later version, which stays
  std::vector<Row> ended;           // Redis knows of an end, or time has ended them
  std::vector<Row> refused;         // an error that has to do with the entry, not with the server's state
  // Of entries that the others need not wait for: the node of a cluster that has them did not answer. Their errors are
  // in `failure`, too, but for those of a node that is known to be away.
  Tags held;
  Result<void> failure;  // the first error
};

class Remote : public Backend {
 public:
  // Idempotent: an entry that arrives twice changes nothing the second time. Ends are in effect before rows are looked
  // at.
  virtual Carried carry(const Batch& batch, Deadline deadline) = 0;
  // Compares the clocks.
  virtual Result<void> measure(Deadline deadline) = 0;
};

// Is this an answer of Redis about the session, or did Redis not answer?
inline bool is_outage(const Error& error) noexcept {
  switch (error.code()) {
    case Errc::kNotFound:
    case Errc::kConflict:
    case Errc::kUnknown:
    case Errc::kIncoherent:
    case Errc::kInvalidArgument:
    case Errc::kTooLarge:
    case Errc::kClosed:
    case Errc::kForked:
    case Errc::kWouldDeadlock:
    case Errc::kInternal:
    case Errc::kOutOfMemory:
    case Errc::kStorage: return false;
    default: return true;
  }
}

}  // namespace envoyou::session
