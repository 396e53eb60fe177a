// Sessions in this process, over rows in memory or in SQLite. One set of rules, two roles:
//
//   kTruth    there is no Redis: what is not here does not exist
//   kJournal  beside a Redis: holds what Redis has not yet been told. What is not here is unknown (kUnknown), unless a
//   tombstone
//             says that it ended. The writing verbs take what the caller knows of the session (a copy of what Redis
//             last said), and from then on the journal leads; a session that was last confirmed by Redis longer than
//             `last_known_ms` ago is unknown as well.
//
// The life of a session in the journal:
//
//              create                      settle: Redis has it
//    (none) ------------> made here ------------------------------> (none)
//      |                      |  write, touch
//      | write, touch         |  rotate: a row `to`, a tombstone `from`
//      v                      v
//   known to Redis, changed here                                      remove
//      |          \____________________________________________________________> tombstone --settle--> (none)
//      '-- settle: Redis has it, unless it changed meanwhile: then it stays
//
// Thread-safe: one mutex, held while SQLite commits to its log. What is acknowledged is on the disk; many callers share
// one wait for it, and it is waited for without the mutex.
#pragma once

#include "session/backend.hpp"
#include "session/rows.hpp"
#include "session/server_time.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace envoyou::session {

enum class Role : std::uint8_t { kTruth, kJournal };

struct LocalLimits {
  std::size_t max_sessions = 100'000;
  std::size_t max_per_user = 1'000;
  std::int64_t last_known_ms = 300'000;
  // How long a mark is kept whose session's end is not known.
  std::int64_t absolute_ms = 86'400'000;

  // Ends are worth more than sessions: they have room of their own.
  std::size_t max_marks() const noexcept { return 2 * max_sessions; }
};

// A session as Redis last gave it, and when that was.
struct Known {
  Record record;
  std::int64_t confirmed_ms = 0;
};

// What waits to be carried over, ends first.
struct Batch {
  std::vector<Tombstone> tombstones;
  std::vector<Revocation> revocations;
  std::vector<Row> rows;

  std::size_t size() const noexcept { return tombstones.size() + revocations.size() + rows.size(); }
};

// A row that Redis has taken over (or refused for good), and what Redis has now.
struct SettledRow {
  Row row;
  std::int64_t epoch = 0;
  std::uint64_t version = 0;
};

class LocalBackend final : public Backend {
 public:
  LocalBackend(std::unique_ptr<Rows> rows, Role role, LocalLimits limits, std::shared_ptr<ServerTime> time);

  Result<Record> create(const Record& draft, Deadline deadline) override;
  Result<Record> read(const Address& address, Deadline deadline) override;
  Result<Record> write(const Address& address, const Write& write, Deadline deadline) override;
  Result<void> touch(const Address& address, Deadline deadline) override;
  void note_activity(const Record& read) override;
  Result<Record> rotate(const Address& from, const Address& to, const std::string& change, Deadline deadline) override;
  Result<bool> remove(const Address& address, Deadline deadline) override;
  Result<Listing> list(const UserKey& user, Deadline deadline) override;
  Result<std::size_t> revoke_all(const UserKey& user, const std::string& change, Deadline deadline) override;

  // kJournal's forms: `known` is what the caller knows of the session, where there is no row of it; may be null.
  Result<Record> read(const Address& address, const Known* known);
  Result<Record> write(const Address& address, const Write& write, const Known* known);
  Result<void> touch(const Address& address, const Known* known);
  Result<Record> rotate(const Address& from, const Address& to, const std::string& change, const Known* known);
  Result<bool> remove(const Address& address, const Known* known);
  // Is there a row or a tombstone, so that Redis' answer would be an old one?
  Result<bool> leads(const Address& address);
  // Have all of this user's sessions been ended here, and Redis not yet told?
  Result<bool> awaits_revocation(const UserKey& user);
  // Has the journal seen the end of this session, which Redis still shows?
  Result<bool> has_ended(const Record& record);

  // For carrying over.
  // Nothing of a tag that is held. The ends of a tag come before its rows: while any end is there that is not held, no
  // row leaves.
  Result<Batch> next_batch(std::size_t most, const Tags& held = {});
  Result<void> settle(std::span<const Tombstone> tombstones, std::span<const Revocation> revocations,
                      std::span<const SettledRow> rows);
  // Redis has ended these, or time has.
  Result<void> forget(std::span<const Row> rows);
  // Redis itself has carried out a revocation that was put down here before.
  Result<void> settle_revocation(const UserKey& user, const std::string& change);
  // Rows and marks. One atomic load.
  std::size_t pending() const noexcept { return pending_.load(std::memory_order_acquire); }
  std::uint64_t overflows() const noexcept { return overflows_.load(std::memory_order_relaxed); }

  Result<std::int64_t> remembered_offset();
  Result<void> remember_offset(std::int64_t offset_ms);

 private:
  // Holds the mutex, and tells afterwards how much waits.
  class Guard {
   public:
    explicit Guard(LocalBackend& backend) : backend_(backend), lock_(backend.mutex_) {}
    ~Guard() { backend_.tell_pending(); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    LocalBackend& backend_;
    const std::lock_guard<std::mutex> lock_;
  };

  template <class T>
  Result<T> flushed(Result<T> done);
  Result<Record> create_row(const Record& draft);
  Result<Record> write_row(const Address& address, const Write& write, const Known* known);
  Result<Record> rotate_row(const Address& from, const Address& to, const std::string& change, const Known* known);
  Result<bool> remove_row(const Address& address, const Known* known);
  Result<std::size_t> revoke_rows(const UserKey& user, const std::string& change);
  Result<Row> live_row(const Address& address, const Known* known);
  Result<Row> believed(const Known& known);
  Result<bool> is_revoked(const Record& record);
  Result<void> put(Row row);
  Result<void> bury(const Address& address, const std::string& successor, std::int64_t until_ms);
  Result<void> end(const Row& row);
  Result<void> end_oldest(const UserKey& user);
  Result<void> make_room_for(const Row& row);
  Result<void> make_room_for_marks(std::size_t count);
  Result<void> settle_row(const SettledRow& settled);
  Result<void> settle_parent(const Row& row);
  bool is_stale(std::int64_t confirmed_ms, std::int64_t now_ms) const;
  bool needs_mark(const Row& row) const noexcept;
  Error full(std::string_view what, std::size_t most);
  void tell_pending() noexcept { pending_.store(rows_->rows() + rows_->marks(), std::memory_order_release); }
  std::int64_t next_stamp() noexcept { return ++stamp_; }

  std::mutex mutex_;
  const std::unique_ptr<Rows> rows_;
  const Role role_;
  const LocalLimits limits_;
  const std::shared_ptr<ServerTime> time_;
  std::int64_t stamp_;
  std::atomic<std::size_t> pending_{0};
  std::atomic<std::uint64_t> overflows_{0};
};

}  // namespace envoyou::session
