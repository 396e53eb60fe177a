// Sessions in Redis, one round trip a verb. Reading is two plain commands in one pipeline; scripts (scripts/*.lua) only
// where a write depends on what is there. Keys and fields: docs/session.md, Formats.
//
// A random change id makes create, write and rotate idempotent: repeated on a lost link, or arriving late, they change
// nothing more. Every script takes the server's TIME.
//
// In a cluster a node is asked for its TIME by name, and what scripts say of it is not counted: their replies may come
// from another node than the map says.
//
// Thread-safe.
#pragma once

#include "session/redis_replies.hpp"
#include "session/remote.hpp"
#include "session/server_time.hpp"

#include <envoyou/redis/client.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace envoyou::session {

struct SessionScripts;

struct RedisLimits {
  std::size_t max_per_user = 1'000;
  std::int64_t absolute_ms = 86'400'000;
};

class RedisBackend final : public Remote {
 public:
  RedisBackend(std::shared_ptr<redis::Client> client, std::string prefix, RedisLimits limits,
               std::shared_ptr<ServerTime> time);

  Result<Record> create(const Record& draft, Deadline deadline) override;
  Result<Record> read(const Address& address, Deadline deadline) override;
  Result<Record> write(const Address& address, const Write& write, Deadline deadline) override;
  Result<void> touch(const Address& address, Deadline deadline) override;
  void note_activity(const Record& read) override;
  Result<Record> rotate(const Address& from, const Address& to, const std::string& change, Deadline deadline) override;
  Result<bool> remove(const Address& address, Deadline deadline) override;
  Result<Listing> list(const UserKey& user, Deadline deadline) override;
  Result<std::size_t> revoke_all(const UserKey& user, const std::string& change, Deadline deadline) override;

  Carried carry(const Batch& batch, Deadline deadline) override;
  Result<void> measure(Deadline deadline) override;

 private:
  // "prefix:{tag}:", what all keys of a user begin with.
  std::string base_of(std::string_view tag) const;
  // `tag`: of its keys.
  Result<Told> ask(redis::Command<Told> command, std::string_view tag, Deadline deadline);
  Result<void> measure_for(std::string_view tag, Deadline deadline);
  Result<void> measure_node(const std::string& node, Deadline deadline);
  // Has the node measured if that is due; waits for nothing.
  void keep_time(std::string_view tag);
  Result<Record> told_record(Result<Told> told, const Address& address) const;
  Result<Record> judge(Result<Fields>& session, Result<Fields>& epochs, const Address& address) const;
  redis::Command<Told> touch_command(const Address& address) const;
  redis::Command<Told> revoke_command(const UserKey& user, const std::string& change, std::int64_t at_ms,
                                      std::int64_t on_its_way_ms) const;
  redis::Command<Told> bury_command(const Tombstone& tombstone) const;
  redis::Command<Told> carry_command(const Row& row) const;
  void fail(Carried& carried, const std::string& tag, const Error& error) const;
  void carry_ends(const Batch& batch, Deadline deadline, Carried& carried);
  void carry_rows(const Batch& batch, Deadline deadline, Carried& carried);

  const std::shared_ptr<redis::Client> client_;
  const std::string prefix_;
  const RedisLimits limits_;
  const std::shared_ptr<ServerTime> time_;
  const SessionScripts& scripts_;
};

}  // namespace envoyou::session
