// The verbs of the domain. Who answers them: a table in this process (memory_backend, sqlite_backend), Redis
// (redis_backend), or Redis with a stand-in for the time when it is away (stand_in). What they mean is the same
// everywhere, and is defined by tests/conformance/session_suite.hpp.
//
// Every write is conditional on existence and, where it gives one, on version, atomically.
//
// Errors of all: kNotFound (no live session there), kUnknown (can not be known now), kStorage; with Redis those of the
// client. Thread-safe.
#pragma once

#include "session/record.hpp"

#include <envoyou/deadline.hpp>
#include <envoyou/result.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace envoyou::session {

struct Write {
  std::uint64_t expected_version = 0;
  std::string user_data;
  std::string change;
};

// A user's live sessions in no order, without user_data.
struct Listing {
  std::vector<Record> records;
  bool complete = true;  // false: Redis is away, and may know of more
};

class Backend {
 public:
  virtual ~Backend() = default;

  // Stores `draft`, whose times are the caller's belief, and gives it as it was stored. When the user has
  // kMaxSessionsPerUser, the oldest ends.
  virtual Result<Record> create(const Record& draft, Deadline deadline) = 0;
  virtual Result<Record> read(const Address& address, Deadline deadline) = 0;
  // Errors: kConflict. Counts as activity.
  virtual Result<Record> write(const Address& address, const Write& write, Deadline deadline) = 0;
  // Marks activity now.
  virtual Result<void> touch(const Address& address, Deadline deadline) = 0;
  // The same for a session that was just read, off the caller's path where there is another; a failure is nobody's.
  virtual void note_activity(const Record& read) = 0;
  // The session goes on at `to`; what was at `from` is dead. REQUIRES: the same tag.
  virtual Result<Record> rotate(const Address& from, const Address& to, const std::string& change,
                                Deadline deadline) = 0;
  // True: it lived, or (kUnknown's case) may have lived; it is dead now in any case.
  virtual Result<bool> remove(const Address& address, Deadline deadline) = 0;
  virtual Result<Listing> list(const UserKey& user, Deadline deadline) = 0;
  // How many ended.
  virtual Result<std::size_t> revoke_all(const UserKey& user, const std::string& change, Deadline deadline) = 0;
};

inline Error not_found() { return Error(Errc::kNotFound, "session: there is no live one with this id"); }

}  // namespace envoyou::session
