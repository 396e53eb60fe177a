// The tables of sessions that are kept in this process: rows and what else must be remembered of them. In memory or in
// SQLite; the rules are in local_backend.cpp, and these only keep.
//
//   row         a session. Without Redis: the session itself. Beside a Redis: what Redis has not yet been told of it.
//   tombstone   this session has ended, and Redis has not yet been told
//   revocation  all sessions of this user that were made before this moment have ended, and Redis has not yet been told
//
// Every row and mark carries a stamp that grows with each change, so that whoever took a copy away can tell whether it
// has changed since.
//
// Thread-compatible but for `flush`: local_backend.cpp brings the mutex.
#pragma once

#include "session/record.hpp"

#include <envoyou/result.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::session {

using Tags = std::set<std::string, std::less<>>;

struct Row {
  Record record;
  // When Redis last confirmed the session; 0: it was made here.
  std::int64_t confirmed_ms = 0;
  // The version that Redis had then; 0: none.
  std::uint64_t base_version = 0;
  // The session in Redis that this one is the successor of.
  std::string parent;
  // The change id of the revocation after which it was made here.
  std::string after;
  std::int64_t stamp = 0;

  bool is_changed() const noexcept { return record.version != base_version; }
};

struct Tombstone {
  Address address;
  // The row that goes on in its place, and takes this along to Redis.
  std::string successor;
  std::int64_t until_ms = 0;  // needed no longer: the session would have ended by itself
  std::int64_t stamp = 0;
};

struct Revocation {
  UserKey user;
  std::string change;
  std::int64_t at_ms = 0;
  std::int64_t until_ms = 0;
  std::int64_t stamp = 0;
};

class Rows {
 public:
  virtual ~Rows() = default;

  // Changes are made inside of this. Nothing of a failed one stays in a file.
  virtual Result<void> transact(const std::function<Result<void>()>& work) = 0;
  // Returns when all earlier changes would survive a loss of power. Thread-safe, and not to be called under the mutex.
  virtual Result<void> flush() = 0;

  virtual Result<std::optional<Row>> find(std::string_view name) = 0;
  virtual Result<void> put(const Row& row) = 0;
  virtual Result<void> erase(std::string_view name) = 0;
  virtual Result<std::size_t> count_of(const UserKey& user) = 0;
  // Without user_data.
  virtual Result<std::vector<Row>> of_user(const UserKey& user) = 0;

  virtual Result<std::optional<Tombstone>> find_tombstone(std::string_view name) = 0;
  virtual Result<void> put(const Tombstone& tombstone) = 0;
  virtual Result<void> erase_tombstone(std::string_view name) = 0;

  virtual Result<std::optional<Revocation>> find_revocation(const UserKey& user) = 0;
  virtual Result<void> put(const Revocation& revocation) = 0;
  virtual Result<void> erase_revocation(const UserKey& user) = 0;

  // Some of each, at most `most`, none whose tag is held; tombstones only where no row is their successor.
  virtual Result<std::vector<Row>> some_rows(std::size_t most, const Tags& held) = 0;
  virtual Result<std::vector<Tombstone>> some_tombstones(std::size_t most, const Tags& held) = 0;
  virtual Result<std::vector<Revocation>> some_revocations(std::size_t most, const Tags& held) = 0;

  // Takes away a bounded number of what time has ended; `all`: everything.
  virtual Result<void> purge(std::int64_t now_ms, bool all) = 0;

  virtual std::size_t rows() const noexcept = 0;
  virtual std::size_t marks() const noexcept = 0;  // tombstones and revocations
  virtual std::int64_t last_stamp() const noexcept = 0;

  // A number to remember under a name; 0 if it was never put.
  virtual Result<std::int64_t> remembered(std::string_view name) = 0;
  virtual Result<void> remember(std::string_view name, std::int64_t value) = 0;
};

}  // namespace envoyou::session
