// A Redis of sessions without Redis: the rules of the scripts in a few lines over maps, shared by as many servers as a
// test needs, with faults at the two places that matter: before a command is executed, and after.
#pragma once

#include "session/remote.hpp"
#include "session/server_time.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace envoyou::session {

// What the server holds.
struct FakeServer {
  struct Epoch {
    std::int64_t number = 1;
    std::int64_t revoked_ms = 0;
    std::string change;
  };
  std::map<std::string, Record> sessions;
  std::map<std::string, std::string> tombstones;  // "d", or "r" and the successor's name
  std::map<std::string, Epoch> epochs;
  int calls = 0;
};

class FakeRemote final : public Remote {
 public:
  enum class Fault { kNone, kBefore, kAfter };

  FakeRemote(std::shared_ptr<FakeServer> server, std::shared_ptr<ServerTime> time)
      : server_(std::move(server)), time_(std::move(time)) {}

  Fault fault = Fault::kNone;  // of all calls until changed
  Tags away;                   // whose node of a cluster does not answer what is carried over

  Result<Record> create(const Record& draft, Deadline) override {
    return call<Record>([&]() -> Result<Record> {
      if (server_->tombstones.contains(draft.address.name)) return not_found();
      Record made = draft;
      made.epoch = server_->epochs[draft.user_part].number;
      made.source = Source::kRedis;
      server_->sessions.emplace(draft.address.name, made);
      return made;
    });
  }
  Result<Record> read(const Address& address, Deadline) override {
    return call<Record>([&] { return live(address); });
  }
  Result<Record> write(const Address& address, const Write& write, Deadline) override {
    return call<Record>([&]() -> Result<Record> {
      auto record = live(address);
      if (!record || record->change == write.change) return record;
      if (record->version != write.expected_version) return Error(Errc::kConflict);
      record->version += 1;
      record->user_data = write.user_data;
      record->change = write.change;
      record->modified_ms = record->last_active_ms = time_->now_ms();
      return server_->sessions[address.name] = *record;
    });
  }
  Result<void> touch(const Address& address, Deadline) override {
    const auto touched = call<Record>([&]() -> Result<Record> {
      auto record = live(address);
      if (record) server_->sessions[address.name].last_active_ms = time_->now_ms();
      return record;
    });
    return touched ? Result<void>() : touched.error();
  }
  void note_activity(const Record& read) override { (void)touch(read.address, Deadline::never()); }
  Result<Record> rotate(const Address& from, const Address& to, const std::string& change, Deadline) override {
    return call<Record>([&]() -> Result<Record> {
      auto record = live(from);
      if (!record) return record;
      finish(from.name, "r" + to.name);
      record->address = to;
      record->change = change;
      return server_->sessions[to.name] = *record;
    });
  }
  Result<bool> remove(const Address& address, Deadline) override {
    return call<bool>([&]() -> Result<bool> {
      const bool lived = live(address).ok();
      if (lived) finish(address.name, "d");
      return lived;
    });
  }
  Result<Listing> list(const UserKey& user, Deadline) override {
    return call<Listing>([&]() -> Result<Listing> {
      Listing listing;
      for (const auto& [name, record] : server_->sessions)
        if (record.user_part == user.part && live(record.address)) listing.records.push_back(record);
      return listing;
    });
  }
  Result<std::size_t> revoke_all(const UserKey& user, const std::string& change, Deadline) override {
    return call<std::size_t>([&]() -> Result<std::size_t> { return revoke(user, change, time_->now_ms()); });
  }

  Carried carry(const Batch& batch, Deadline) override {
    Carried carried;
    if (fault != Fault::kNone) {
      carried.failure = Error(Errc::kUnavailable);
      if (fault == Fault::kBefore) return carried;
    }
    const auto is_held = [&](const std::string& tag) {
      if (away.contains(tag)) carried.held.insert(tag);
      return away.contains(tag);
    };
    for (const auto& it : batch.tombstones) {
      if (is_held(it.address.tag)) continue;
      finish(it.address.name, "d");
      carried.tombstones.push_back(it);
    }
    for (const auto& it : batch.revocations) {
      if (is_held(it.user.tag)) continue;
      (void)revoke(it.user, it.change, it.at_ms);
      carried.revocations.push_back(it);
    }
    for (const auto& it : batch.rows) {
      if (!is_held(it.record.address.tag)) take_over(it, carried);
    }
    if (fault == Fault::kAfter) {
      carried = {};
      carried.failure = Error(Errc::kTimeout);
    }
    return carried;
  }
  Result<void> measure(Deadline) override {
    if (fault != Fault::kNone) return Error(Errc::kUnavailable);
    return {};
  }

 private:
  template <class T, class Work>
  Result<T> call(Work work) {
    ++server_->calls;
    if (fault == Fault::kBefore) return Error(Errc::kUnavailable);
    Result<T> done = work();
    if (fault == Fault::kAfter) return Error(Errc::kTimeout);
    return done;
  }

  Result<Record> live(const Address& address) const {
    const auto found = server_->sessions.find(address.name);
    if (found == server_->sessions.end() || !found->second.is_live(time_->now_ms())) return not_found();
    const auto epoch = server_->epochs.find(found->second.user_part);
    if (epoch == server_->epochs.end()) return Error(Errc::kUnknown);
    if (epoch->second.number != found->second.epoch) return not_found();
    return found->second;
  }

  void finish(const std::string& name, const std::string& why) {
    server_->sessions.erase(name);
    server_->tombstones[name] = why;
  }

  std::size_t revoke(const UserKey& user, const std::string& change, std::int64_t at_ms) {
    auto& epoch = server_->epochs[user.part];
    if (epoch.change == change) return 0;
    epoch = {epoch.number + 1, at_ms, change};
    std::size_t ended = 0;
    for (auto entry = server_->sessions.begin(); entry != server_->sessions.end();) {
      Record& record = entry->second;
      const bool is_theirs = record.user_part == user.part;
      const bool is_over = is_theirs && record.created_ms <= at_ms;
      if (is_theirs) record.epoch = epoch.number;
      ended += is_over ? 1 : 0;
      entry = is_over ? server_->sessions.erase(entry) : std::next(entry);
    }
    return ended;
  }

  void take_over(const Row& row, Carried& carried) {
    const std::string& name = row.record.address.name;
    if (!row.parent.empty()) {
      const auto told = server_->tombstones.find(row.parent);
      if (told != server_->tombstones.end() && told->second != "r" + name) return carried.ended.push_back(row);
      finish(row.parent, "r" + name);
    }
    auto& epoch = server_->epochs[row.record.user_part];
    const bool is_exempt = epoch.number == row.record.epoch || (!row.after.empty() && row.after == epoch.change);
    const bool is_revoked = !is_exempt && row.record.created_ms <= epoch.revoked_ms;
    if (server_->tombstones.contains(name) || is_revoked || !row.record.is_live(time_->now_ms()))
      return carried.ended.push_back(row);
    const auto theirs = server_->sessions.find(name);
    const bool stays = theirs != server_->sessions.end() && theirs->second.change != row.record.change &&
                       row.is_changed() && theirs->second.version > row.record.version;
    Record& kept = server_->sessions[name];
    if (!stays && (row.is_changed() || kept.address.name.empty())) kept = row.record;
    kept.last_active_ms = std::max(kept.last_active_ms, row.record.last_active_ms);
    kept.epoch = epoch.number;
    kept.source = Source::kRedis;
    (stays ? carried.outdone : carried.rows).push_back({row, epoch.number, kept.version});
  }

  std::shared_ptr<FakeServer> server_;
  std::shared_ptr<ServerTime> time_;
};

}  // namespace envoyou::session
