// What a session is to the backends: the names of the places where it is kept, and its content.
//
// A Record never holds an id, only the id's hash (its name). All times are milliseconds of the store's one time scale
// (server_time.hpp).
//
// Values; thread-compatible.
#pragma once

#include <envoyou/source.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

namespace envoyou::session {

// Where one session is kept. Both parts come from its id alone.
struct Address {
  std::string name;  // base64url of the id's hash, 43 characters
  std::string tag;   // 6 hex digits: what a user's sessions have in common, the hash tag of its keys in Redis

  friend bool operator==(const Address&, const Address&) = default;
};

// Where a user's index and epoch are kept, under one of the secrets.
struct UserKey {
  std::string part;  // base::key_part of the user id
  std::string tag;

  friend bool operator==(const UserKey&, const UserKey&) = default;
};

struct Record {
  Address address;
  std::string user_part;
  std::string user_id;
  std::string user_data;
  std::string device_info;
  std::string ip_address;
  std::int64_t created_ms = 0;
  std::int64_t last_active_ms = 0;
  std::int64_t modified_ms = 0;      // the last change of user_data
  std::int64_t absolute_end_ms = 0;  // it ends then, whatever its activity
  std::int64_t idle_ms = 0;
  std::uint64_t version = 1;
  std::string change;      // a random id of the last write: the same write, arriving twice, is recognised by it
  std::int64_t epoch = 0;  // of the user, when Redis made or took over the session; 0: Redis has not
  Source source = Source::kLocal;

  // How old its last activity may be before a read writes it down: at most `wanted_ms`, and often enough for its idle
  // time.
  std::int64_t touch_interval_ms(std::int64_t wanted_ms) const noexcept { return std::min(wanted_ms, idle_ms / 10); }
  UserKey user_key() const { return {user_part, address.tag}; }
  // The first moment at which it is no longer alive.
  std::int64_t ends_ms() const noexcept { return std::min(last_active_ms + idle_ms, absolute_end_ms); }
  bool is_live(std::int64_t now_ms) const noexcept { return now_ms < ends_ms(); }
};

}  // namespace envoyou::session
