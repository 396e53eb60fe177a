#include "session/local_backend.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::session {
namespace {

Error unknown() { return Error(Errc::kUnknown, "session: Redis is away, and this server does not know it"); }

Error conflict(std::uint64_t is, std::uint64_t expected) {
  return Error(Errc::kConflict, "version: is " + std::to_string(is) + ", not " + std::to_string(expected));
}

// The name under which Redis knows the session, now that it goes on under another one; empty if it knows none.
std::string parent_of(const Row& row) {
  if (!row.parent.empty()) return row.parent;
  return row.confirmed_ms > 0 ? row.record.address.name : std::string();
}

Row successor_of(const Row& row, const Address& to, const std::string& change, std::int64_t now_ms) {
  Row next = row;
  next.parent = parent_of(row);
  next.base_version = 0;
  next.record.address = to;
  next.record.change = change;
  next.record.last_active_ms = now_ms;
  return next;
}

}  // namespace

LocalBackend::LocalBackend(std::unique_ptr<Rows> rows, Role role, LocalLimits limits, std::shared_ptr<ServerTime> time)
    : rows_(std::move(rows)), role_(role), limits_(limits), time_(std::move(time)), stamp_(rows_->last_stamp()) {
  tell_pending();
}

// What was done is acknowledged only when it would survive a loss of power.
template <class T>
Result<T> LocalBackend::flushed(Result<T> done) {
  if (!done) return done;
  if (auto on_disk = rows_->flush(); !on_disk) return on_disk.error();
  return done;
}

Result<Record> LocalBackend::create(const Record& draft, Deadline) { return flushed(create_row(draft)); }

Result<Record> LocalBackend::create_row(const Record& draft) {
  const Guard guard(*this);
  Row row{draft, 0, 0, {}, {}, 0};
  if (auto room = make_room_for(row); !room) return room.error();
  const auto revocation = rows_->find_revocation(draft.user_key());
  if (!revocation) return revocation.error();
  if (revocation->has_value()) row.after = (*revocation)->change;
  const auto done = rows_->transact([&]() -> Result<void> {
    if (auto purged = rows_->purge(time_->now_ms(), false); !purged) return purged;
    if (auto ended = end_oldest(draft.user_key()); !ended) return ended;
    return put(row);
  });
  if (!done) return done.error();
  return row.record;
}

Result<Record> LocalBackend::read(const Address& address, Deadline) { return read(address, nullptr); }

Result<Record> LocalBackend::read(const Address& address, const Known* known) {
  const std::lock_guard lock(mutex_);
  auto row = live_row(address, known);
  if (!row) return row.error();
  return std::move(row->record);
}

Result<Record> LocalBackend::write(const Address& address, const Write& write, Deadline) {
  return this->write(address, write, nullptr);
}
Result<void> LocalBackend::touch(const Address& address, Deadline) { return touch(address, nullptr); }
void LocalBackend::note_activity(const Record& read) { (void)touch(read.address, nullptr); }
Result<Record> LocalBackend::rotate(const Address& from, const Address& to, const std::string& change, Deadline) {
  return rotate(from, to, change, nullptr);
}
Result<bool> LocalBackend::remove(const Address& address, Deadline) { return remove(address, nullptr); }

Result<Record> LocalBackend::write(const Address& address, const Write& write, const Known* known) {
  return flushed(write_row(address, write, known));
}

Result<Record> LocalBackend::write_row(const Address& address, const Write& write, const Known* known) {
  const Guard guard(*this);
  auto row = live_row(address, known);
  if (!row) return row.error();
  Record& record = row->record;
  if (record.version != write.expected_version) return conflict(record.version, write.expected_version);
  if (auto room = make_room_for(*row); !room) return room.error();
  record.version += 1;
  record.user_data = write.user_data;
  record.change = write.change;
  record.modified_ms = record.last_active_ms = time_->now_ms(address.tag);
  if (auto done = rows_->transact([&] { return put(*row); }); !done) return done.error();
  return std::move(record);
}

// A lost touch costs its session some of its idle time, and only where the whole machine dies: not worth a wait for the
// disk.
Result<void> LocalBackend::touch(const Address& address, const Known* known) {
  const Guard guard(*this);
  auto row = live_row(address, known);
  if (!row) return row.error();
  if (auto room = make_room_for(*row); !room) return room.error();
  row->record.last_active_ms = time_->now_ms(address.tag);
  return rows_->transact([&] { return put(*row); });
}

Result<Record> LocalBackend::rotate(const Address& from, const Address& to, const std::string& change,
                                    const Known* known) {
  return flushed(rotate_row(from, to, change, known));
}

Result<Record> LocalBackend::rotate_row(const Address& from, const Address& to, const std::string& change,
                                        const Known* known) {
  const Guard guard(*this);
  const auto row = live_row(from, known);
  if (!row) return row.error();
  if (auto room = make_room_for(*row); !room) return room.error();
  if (auto room = make_room_for_marks(2); !room) return room.error();
  const Row next = successor_of(*row, to, change, time_->now_ms(from.tag));
  const std::int64_t until_ms = next.record.absolute_end_ms;
  const auto done = rows_->transact([&]() -> Result<void> {
    if (auto erased = rows_->erase(from.name); !erased) return erased;
    if (auto put_next = put(next); !put_next) return put_next;
    if (!needs_mark(*row)) return {};
    const bool is_parent = next.parent == from.name;
    if (auto buried = bury(from, is_parent ? to.name : std::string(), until_ms); !buried) return buried;
    if (is_parent || next.parent.empty()) return {};
    return bury({next.parent, from.tag}, to.name, until_ms);
  });
  if (!done) return done.error();
  return next.record;
}

Result<bool> LocalBackend::remove(const Address& address, const Known* known) {
  return flushed(remove_row(address, known));
}

Result<bool> LocalBackend::remove_row(const Address& address, const Known* known) {
  const Guard guard(*this);
  const auto row = live_row(address, known);
  if (!row && row.error().code() == Errc::kNotFound) return false;
  if (!row && row.error().code() != Errc::kUnknown) return row.error();
  if (auto room = make_room_for_marks(2); !room) return room.error();
  const auto done = rows_->transact([&]() -> Result<void> {
    if (row) return end(*row);
    if (auto erased = rows_->erase(address.name); !erased) return erased;
    return bury(address, {}, time_->now_ms(address.tag) + limits_.absolute_ms);
  });
  if (!done) return done.error();
  return true;
}

Result<Listing> LocalBackend::list(const UserKey& user, Deadline) {
  const std::lock_guard lock(mutex_);
  auto rows = rows_->of_user(user);
  if (!rows) return rows.error();
  Listing live{{}, role_ == Role::kTruth};
  const std::int64_t now_ms = time_->now_ms(user.tag);
  for (Row& row : *rows)
    if (row.record.is_live(now_ms) && !is_stale(row.confirmed_ms, now_ms))
      live.records.push_back(std::move(row.record));
  return live;
}

Result<std::size_t> LocalBackend::revoke_all(const UserKey& user, const std::string& change, Deadline) {
  return flushed(revoke_rows(user, change));
}

Result<std::size_t> LocalBackend::revoke_rows(const UserKey& user, const std::string& change) {
  const Guard guard(*this);
  const auto rows = rows_->of_user(user);
  if (!rows) return rows.error();
  if (auto room = make_room_for_marks(2 * rows->size() + 1); !room) return room.error();
  const std::int64_t now_ms = time_->now_ms(user.tag);
  std::size_t ended = 0;
  const auto done = rows_->transact([&]() -> Result<void> {
    for (const Row& row : *rows) {
      if (row.record.is_live(now_ms)) ++ended;
      if (auto one = end(row); !one) return one;
    }
    if (role_ == Role::kTruth) return {};
    return rows_->put(Revocation{user, change, now_ms, now_ms + limits_.absolute_ms, next_stamp()});
  });
  if (!done) return done.error();
  return ended;
}

Result<bool> LocalBackend::leads(const Address& address) {
  const std::lock_guard lock(mutex_);
  const auto tombstone = rows_->find_tombstone(address.name);
  if (!tombstone) return tombstone.error();
  if (tombstone->has_value()) return true;
  const auto row = rows_->find(address.name);
  if (!row) return row.error();
  return row->has_value();
}

Result<bool> LocalBackend::awaits_revocation(const UserKey& user) {
  const std::lock_guard lock(mutex_);
  const auto revocation = rows_->find_revocation(user);
  if (!revocation) return revocation.error();
  return revocation->has_value();
}

Result<bool> LocalBackend::has_ended(const Record& record) {
  const std::lock_guard lock(mutex_);
  const auto tombstone = rows_->find_tombstone(record.address.name);
  if (!tombstone) return tombstone.error();
  if (tombstone->has_value()) return true;
  return is_revoked(record);
}

Result<bool> LocalBackend::is_revoked(const Record& record) {
  const auto revocation = rows_->find_revocation(record.user_key());
  if (!revocation) return revocation.error();
  return revocation->has_value() && record.created_ms <= (*revocation)->at_ms;
}

// What is here leads; what is not here is what the caller knows.
Result<Row> LocalBackend::live_row(const Address& address, const Known* known) {
  const auto tombstone = rows_->find_tombstone(address.name);
  if (!tombstone) return tombstone.error();
  if (tombstone->has_value()) return not_found();
  auto row = rows_->find(address.name);
  if (!row) return row.error();
  if (!row->has_value() && known != nullptr) return believed(*known);
  if (!row->has_value()) return role_ == Role::kTruth ? not_found() : unknown();
  Row& found = **row;
  const std::int64_t now_ms = time_->now_ms(address.tag);
  if (is_stale(found.confirmed_ms, now_ms)) return unknown();
  if (found.record.is_live(now_ms)) return std::move(found);
  // Another server may have seen activity that this one does not know of.
  const bool is_surely_over = found.confirmed_ms == 0 || found.record.absolute_end_ms <= now_ms;
  return is_surely_over || role_ == Role::kTruth ? not_found() : unknown();
}

Result<Row> LocalBackend::believed(const Known& known) {
  const auto revoked = is_revoked(known.record);
  if (!revoked) return revoked.error();
  const std::int64_t now_ms = time_->now_ms(known.record.address.tag);
  if (*revoked || known.record.absolute_end_ms <= now_ms) return not_found();
  if (is_stale(known.confirmed_ms, now_ms) || !known.record.is_live(now_ms)) return unknown();
  Row row{known.record, known.confirmed_ms, known.record.version, {}, {}, 0};
  row.record.source = Source::kLocal;
  return row;
}

bool LocalBackend::is_stale(std::int64_t confirmed_ms, std::int64_t now_ms) const {
  if (role_ == Role::kTruth || confirmed_ms == 0) return false;
  return now_ms - confirmed_ms > limits_.last_known_ms;
}

Result<void> LocalBackend::put(Row row) {
  row.stamp = next_stamp();
  return rows_->put(row);
}

Result<void> LocalBackend::bury(const Address& address, const std::string& successor, std::int64_t until_ms) {
  return rows_->put(Tombstone{address, successor, until_ms, next_stamp()});
}

// Redis may know of a session that was made here, too: the command that timed out may have been executed.
bool LocalBackend::needs_mark(const Row& row) const noexcept {
  return role_ == Role::kJournal || row.confirmed_ms > 0 || !row.parent.empty();
}

Result<void> LocalBackend::end(const Row& row) {
  if (auto erased = rows_->erase(row.record.address.name); !erased) return erased;
  if (!needs_mark(row)) return {};
  if (auto buried = bury(row.record.address, {}, row.record.absolute_end_ms); !buried) return buried;
  if (row.parent.empty()) return {};
  // Not only replaced any more, but ended.
  return bury({row.parent, row.record.address.tag}, {}, row.record.absolute_end_ms);
}

Result<void> LocalBackend::end_oldest(const UserKey& user) {
  const auto count = rows_->count_of(user);
  if (!count) return count.error();
  if (*count < limits_.max_per_user) return {};
  auto rows = rows_->of_user(user);
  if (!rows) return rows.error();
  const std::int64_t now_ms = time_->now_ms(user.tag);
  std::erase_if(*rows, [now_ms](const Row& row) { return !row.record.is_live(now_ms); });
  if (rows->size() < limits_.max_per_user) return {};
  const std::size_t too_many = rows->size() + 1 - limits_.max_per_user;
  std::sort(rows->begin(), rows->end(),
            [](const Row& a, const Row& b) { return a.record.created_ms < b.record.created_ms; });
  for (std::size_t i = 0; i < too_many; ++i)
    if (auto ended = end((*rows)[i]); !ended) return ended;
  return {};
}

// A row that is kept already has its place.
Result<void> LocalBackend::make_room_for(const Row& row) {
  if (row.stamp != 0 || rows_->rows() < limits_.max_sessions) return {};
  if (auto purged = rows_->transact([&] { return rows_->purge(time_->now_ms(), true); }); !purged) return purged;
  if (rows_->rows() < limits_.max_sessions) return {};
  return full("max_local_sessions", limits_.max_sessions);
}

Result<void> LocalBackend::make_room_for_marks(std::size_t count) {
  if (role_ == Role::kTruth || rows_->marks() + count <= limits_.max_marks()) return {};
  if (auto purged = rows_->transact([&] { return rows_->purge(time_->now_ms(), true); }); !purged) return purged;
  if (rows_->marks() + count <= limits_.max_marks()) return {};
  return full("ended sessions to carry over", limits_.max_marks());
}

Error LocalBackend::full(std::string_view what, std::size_t most) {
  overflows_.fetch_add(1, std::memory_order_relaxed);
  return Error(Errc::kQueueFull, std::string(what) + ": all " + std::to_string(most) + " are in use");
}

}  // namespace envoyou::session
