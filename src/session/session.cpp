// The public face: checks what it is given, makes names of ids, and asks the backend that the store was opened with.
#include <envoyou/session.hpp>

#include "base/fork_guard.hpp"
#include "base/json.hpp"
#include "session/local_backend.hpp"
#include "session/memory_backend.hpp"
#include "session/merge_gate.hpp"
#include "session/naming.hpp"
#include "session/observer.hpp"
#include "session/redis_backend.hpp"
#include "session/sqlite_backend.hpp"
#include "session/stand_in.hpp"
#include "session/validation.hpp"

#include <envoyou/redis/node_of.hpp>

#include <algorithm>
#include <utility>

namespace envoyou {

using session::Address;
using session::Backend;
using session::Listing;
using session::Observer;
using session::Operation;
using session::Record;
using session::UserKey;

namespace {

constexpr int kMaxMergeAttempts = 64;

Session to_session(const Record& record, std::string_view id) {
  Session session;
  session.id = id;
  session.handle = session::handle_of(record.address.name);
  session.user_id = record.user_id;
  session.user_data = record.user_data;
  session.device_info = record.device_info;
  session.ip_address = record.ip_address;
  session.created_at = from_unix_ms(record.created_ms);
  session.last_active = from_unix_ms(record.last_active_ms);
  session.expires_at = from_unix_ms(record.ends_ms());
  session.version = record.version;
  session.source = record.source;
  return session;
}

SessionSummary to_summary(const Record& record) {
  return {session::handle_of(record.address.name), record.device_info, record.ip_address,
          from_unix_ms(record.created_ms), from_unix_ms(record.last_active_ms)};
}

Result<std::unique_ptr<session::Rows>> open_rows(const std::string& file) {
  if (file.empty()) return session::make_memory_rows();
  return session::open_sqlite_rows(file);
}

session::LocalLimits local_limits(const SessionOptions& options) {
  return {options.max_local_sessions, kMaxSessionsPerUser, options.last_known_for.count(),
          options.absolute_timeout.count()};
}

// One server needs no name.
session::ServerTime::NodeOf node_of(const std::shared_ptr<redis::Client>& client) {
  if (client == nullptr || client->options().topology != redis::Topology::kCluster) return {};
  // Weak: a question for the time that is under way holds the scale, and must not be what ends the client.
  return [weak = std::weak_ptr(client)](std::string_view tag) {
    const auto there = weak.lock();
    return there ? redis::node_of(*there, "{" + std::string(tag) + "}") : std::string();
  };
}

}  // namespace

std::string_view to_string(SessionStorage storage) noexcept {
  switch (storage) {
    case SessionStorage::kRedis: return "redis";
    case SessionStorage::kDatabase: return "database";
    case SessionStorage::kMemory: return "memory";
  }
  return "unknown";
}

struct SessionStore::Impl {
  Impl(SessionOptions o, Backing b, session::Naming n, std::unique_ptr<session::Rows> rows)
      : options(std::move(o)),
        backing(std::move(b)),
        naming(std::move(n)),
        time(std::make_shared<session::ServerTime>(backing.runtime.clock, node_of(backing.client))),
        observer(std::make_shared<const Observer>(backing.runtime)),
        asks_redis(options.use_redis && backing.client != nullptr) {
    backend = make_backend(std::move(rows));
  }

  std::unique_ptr<Backend> make_backend(std::unique_ptr<session::Rows> rows) {
    const auto role = asks_redis ? session::Role::kJournal : session::Role::kTruth;
    auto local = std::make_unique<session::LocalBackend>(std::move(rows), role, local_limits(options), time);
    if (const auto offset = local->remembered_offset(); offset) time->assume_offset(*offset);
    if (!asks_redis) return local;
    const session::RedisLimits limits{kMaxSessionsPerUser, options.absolute_timeout.count()};
    auto remote = std::make_unique<session::RedisBackend>(backing.client, options.prefix, limits, time);
    const session::StandInOptions stand_in{{options.max_copies, options.max_copy_bytes},
                                           options.touch_interval.count()};
    return std::make_unique<session::StandIn>(std::move(remote), std::move(local), stand_in, backing.fallback, time,
                                              observer);
  }

  Deadline deadline(const SessionCall& call) const {
    return call.deadline ? *call.deadline : Deadline::after(*backing.runtime.clock, kDefaultRequestBudget);
  }

  // Every operation: refuses in a forked child, runs, and tells what came of it. `work` may fill in `handle`.
  template <class Work>
  auto run(Operation operation, const std::string& handle, Work work) -> decltype(work()) {
    if (fork_guard.forked()) return Error(Errc::kForked, "session store: was opened before fork()");
    auto result = work();
    if (result)
      observer->done(operation, handle);
    else
      observer->failed(operation, handle, result.error());
    return result;
  }

  // The same for one that is about the session of an id. A malformed id is nobody's: no backend is asked.
  template <class Work>
  auto run_on(Operation operation, std::string_view id, Work work) -> decltype(work(Address())) {
    return run_on(operation, id, session::not_found(), std::move(work));
  }
  template <class Work>
  auto run_on(Operation operation, std::string_view id, decltype(std::declval<Work>()(Address())) malformed, Work work)
      -> decltype(work(Address())) {
    const auto address = naming.parse(id);
    const std::string handle = address ? session::handle_of(address->name) : std::string();
    return run(operation, handle, [&]() -> decltype(work(Address())) {
      if (!address) return std::move(malformed);
      return work(*address);
    });
  }

  Result<Session> create(const NewSession& wanted, std::string& handle, Deadline until);
  Result<Record> read_and_note(const Address& address, Deadline until);
  Result<Record> merge(const Address& address, const base::Json& patch, Deadline until);
  Result<Record> merge_once(const Address& address, const base::Json& patch, Deadline until);
  Result<Session> rotate(const Address& address, std::string_view id, Deadline until);
  Result<Listing> list(std::string_view user_id, Deadline until);
  Result<void> revoke(std::string_view user_id, std::string_view handle, Deadline until);
  Result<std::size_t> revoke_all(std::string_view user_id, Deadline until);

  const SessionOptions options;
  const Backing backing;
  const session::Naming naming;
  const std::shared_ptr<session::ServerTime> time;
  const std::shared_ptr<const Observer> observer;
  const bool asks_redis;
  const base::ForkGuard fork_guard;
  session::MergeGate merges;
  std::unique_ptr<Backend> backend;
};

SessionStore::SessionStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

// In a forked child the parent's threads, locks and links are not there: nothing can be taken apart.
SessionStore::~SessionStore() {
  if (impl_ != nullptr && impl_->fork_guard.forked()) (void)impl_.release();
}

Result<std::unique_ptr<SessionStore>> SessionStore::open(SessionOptions options, Backing backing) {
  if (auto checked = session::check_options(options); !checked) return checked.error();
  if (backing.fallback == nullptr) return invalid_argument("backing", "has no switch");
  auto naming = session::Naming::with(options.secrets);
  if (!naming) return naming.error();
  auto rows = open_rows(options.database_file);
  if (!rows) return rows.error();
  auto impl = std::make_unique<Impl>(std::move(options), std::move(backing), std::move(*naming), std::move(*rows));
  return std::unique_ptr<SessionStore>(new SessionStore(std::move(impl)));
}

Result<Session> SessionStore::create(const NewSession& wanted, SessionCall call) {
  std::string handle;
  return impl_->run(Operation::kCreate, handle, [&] { return impl_->create(wanted, handle, impl_->deadline(call)); });
}

Result<Session> SessionStore::Impl::create(const NewSession& wanted, std::string& handle, Deadline until) {
  if (auto checked = session::check_new(wanted); !checked) return checked.error();
  auto made = naming.make_id(wanted.user_id);
  if (!made) return made.error();
  handle = session::handle_of(made->address.name);
  auto change = session::make_change();
  if (!change) return change.error();
  Record draft;
  draft.address = made->address;
  draft.user_part = naming.user_keys(wanted.user_id).front().part;
  draft.user_id = wanted.user_id;
  draft.user_data = wanted.user_data;
  draft.device_info = wanted.device_info;
  draft.ip_address = wanted.ip_address;
  draft.created_ms = draft.last_active_ms = draft.modified_ms = time->now_ms(draft.address.tag);
  draft.absolute_end_ms = draft.created_ms + options.absolute_timeout.count();
  draft.idle_ms = options.idle_timeout.count();
  draft.change = std::move(*change);
  const auto record = backend->create(draft, until);
  if (!record) return record.error();
  return to_session(*record, made->id);
}

Result<Session> SessionStore::get(std::string_view id, SessionCall call) {
  return impl_->run_on(Operation::kGet, id, [&](const Address& address) -> Result<Session> {
    const auto record = impl_->read_and_note(address, impl_->deadline(call));
    if (!record) return record.error();
    return to_session(*record, id);
  });
}

Result<Record> SessionStore::Impl::read_and_note(const Address& address, Deadline until) {
  auto record = backend->read(address, until);
  if (!record) return record;
  const std::int64_t interval = record->touch_interval_ms(options.touch_interval.count());
  if (time->now_ms(address.tag) - record->last_active_ms >= interval) backend->note_activity(*record);
  return record;
}

Result<bool> SessionStore::validate(std::string_view id, SessionCall call) {
  return impl_->run_on(Operation::kValidate, id, Result<bool>(false), [&](const Address& address) -> Result<bool> {
    const auto record = impl_->backend->read(address, impl_->deadline(call));
    if (!record && record.error().code() == Errc::kNotFound) return false;
    if (!record) return record.error();
    return true;
  });
}

Result<Session> SessionStore::replace(std::string_view id, std::uint64_t version, std::string_view user_data,
                                      SessionCall call) {
  return impl_->run_on(Operation::kReplace, id, [&](const Address& address) -> Result<Session> {
    if (version == 0) return invalid_argument("version", "must be at least 1, got 0");
    if (auto checked = session::check_object("user_data", user_data, kMaxUserDataBytes); !checked)
      return checked.error();
    auto change = session::make_change();
    if (!change) return change.error();
    const session::Write write{version, std::string(user_data), std::move(*change)};
    const auto record = impl_->backend->write(address, write, impl_->deadline(call));
    if (!record) return record.error();
    return to_session(*record, id);
  });
}

Result<Session> SessionStore::merge(std::string_view id, std::string_view patch, SessionCall call) {
  return impl_->run_on(Operation::kMerge, id, [&](const Address& address) -> Result<Session> {
    if (auto checked = session::check_object("user_data", patch, kMaxUserDataBytes); !checked) return checked.error();
    const auto parsed = base::Json::parse("user_data", patch, kMaxUserDataBytes);
    if (!parsed) return parsed.error();
    const auto record = impl_->merge(address, *parsed, impl_->deadline(call));
    if (!record) return record.error();
    return to_session(*record, id);
  });
}

Result<Record> SessionStore::Impl::merge(const Address& address, const base::Json& patch, Deadline until) {
  const auto pass = merges.enter(address.name, *backing.runtime.clock, until);
  if (!pass) return Error(Errc::kNotSent, "session: other merges of it took all of the time");
  auto merged = merge_once(address, patch, until);
  for (int attempt = 1; attempt < kMaxMergeAttempts; ++attempt) {
    if (merged || merged.error().code() != Errc::kConflict) break;
    merged = merge_once(address, patch, until);
  }
  return merged;
}

Result<Record> SessionStore::Impl::merge_once(const Address& address, const base::Json& patch, Deadline until) {
  auto record = backend->read(address, until);
  if (!record) return record;
  auto data = base::Json::parse("user_data", record->user_data, kMaxUserDataBytes);
  if (!data) return Error(Errc::kIncoherent, "session: its stored user_data is not JSON");
  data->merge_patch(patch);
  std::string text = data->dump();
  if (auto checked = session::check_object("user_data", text, kMaxUserDataBytes); !checked) return checked.error();
  auto change = session::make_change();
  if (!change) return change.error();
  return backend->write(address, {record->version, std::move(text), std::move(*change)}, until);
}

Result<void> SessionStore::touch(std::string_view id, SessionCall call) {
  return impl_->run_on(Operation::kTouch, id,
                       [&](const Address& address) { return impl_->backend->touch(address, impl_->deadline(call)); });
}

Result<Session> SessionStore::rotate(std::string_view id, SessionCall call) {
  return impl_->run_on(Operation::kRotate, id,
                       [&](const Address& address) { return impl_->rotate(address, id, impl_->deadline(call)); });
}

Result<Session> SessionStore::Impl::rotate(const Address& address, std::string_view id, Deadline until) {
  const auto successor = naming.make_successor(id);
  if (!successor) return successor.error();
  const auto change = session::make_change();
  if (!change) return change.error();
  const auto record = backend->rotate(address, successor->address, *change, until);
  if (!record) return record.error();
  return to_session(*record, successor->id);
}

Result<bool> SessionStore::remove(std::string_view id, SessionCall call) {
  return impl_->run_on(Operation::kRemove, id, Result<bool>(false),
                       [&](const Address& address) { return impl_->backend->remove(address, impl_->deadline(call)); });
}

Result<std::vector<SessionSummary>> SessionStore::list(std::string_view user_id, SessionCall call) {
  return impl_->run(Operation::kList, {}, [&]() -> Result<std::vector<SessionSummary>> {
    const auto listing = impl_->list(user_id, impl_->deadline(call));
    if (!listing) return listing.error();
    std::vector<SessionSummary> summaries;
    for (const Record& record : listing->records) summaries.push_back(to_summary(record));
    std::sort(summaries.begin(), summaries.end(), [](const SessionSummary& a, const SessionSummary& b) {
      return a.created_at != b.created_at ? a.created_at > b.created_at : a.handle < b.handle;
    });
    return summaries;
  });
}

// A user has an index under each secret that is still accepted.
Result<Listing> SessionStore::Impl::list(std::string_view user_id, Deadline until) {
  if (auto checked = session::check_user_id(user_id); !checked) return checked.error();
  Listing all;
  for (const UserKey& user : naming.user_keys(user_id)) {
    auto some = backend->list(user, until);
    if (!some) return some;
    all.complete = all.complete && some->complete;
    for (Record& record : some->records) all.records.push_back(std::move(record));
  }
  return all;
}

Result<void> SessionStore::revoke(std::string_view user_id, std::string_view handle, SessionCall call) {
  const std::string told(session::is_handle(handle) ? handle : std::string_view());
  return impl_->run(Operation::kRevoke, told, [&] { return impl_->revoke(user_id, handle, impl_->deadline(call)); });
}

Result<void> SessionStore::Impl::revoke(std::string_view user_id, std::string_view handle, Deadline until) {
  if (auto checked = session::check_user_id(user_id); !checked) return checked;
  if (!session::is_handle(handle)) return Error(Errc::kNotFound, "handle: malformed");
  const auto listing = list(user_id, until);
  if (!listing) return listing.error();
  for (const Record& record : listing->records) {
    if (session::handle_of(record.address.name) != handle) continue;
    const auto removed = backend->remove(record.address, until);
    if (!removed) return removed.error();
    if (*removed) return {};
  }
  if (!listing->complete) return Error(Errc::kUnknown, "handle: Redis is away, and this server does not know it");
  return Error(Errc::kNotFound, "handle: the user has no session with it");
}

Result<std::size_t> SessionStore::revoke_all(std::string_view user_id, SessionCall call) {
  return impl_->run(Operation::kRevokeAll, {}, [&] { return impl_->revoke_all(user_id, impl_->deadline(call)); });
}

// The current secret last: under it new sessions are made.
Result<std::size_t> SessionStore::Impl::revoke_all(std::string_view user_id, Deadline until) {
  if (auto checked = session::check_user_id(user_id); !checked) return checked.error();
  const auto change = session::make_change();
  if (!change) return change.error();
  auto users = naming.user_keys(user_id);
  std::reverse(users.begin(), users.end());
  std::size_t ended = 0;
  for (const UserKey& user : users) {
    auto some = backend->revoke_all(user, *change, until);
    if (!some) return some;
    ended += *some;
  }
  return ended;
}

std::optional<std::string> SessionStore::handle_of(std::string_view id) const {
  const auto address = impl_->naming.parse(id);
  if (!address) return std::nullopt;
  return session::handle_of(address->name);
}

SessionStorage SessionStore::storage() const noexcept {
  if (impl_->asks_redis && impl_->backing.fallback->uses_redis()) return SessionStorage::kRedis;
  return impl_->options.database_file.empty() ? SessionStorage::kMemory : SessionStorage::kDatabase;
}

}  // namespace envoyou
