// Who is this? A session store shared by every process that uses the same Redis and the same prefix.
//
// An id is 256 bits from the system's generator (and a few that say where it is stored); Redis and the embedded
// database hold only its hash. Every write is conditional on existence and version, atomically: a deleted session never
// comes back, whatever runs beside the delete, and no acknowledged update is lost.
//
// While Redis is away: sessions made here in the meantime, and sessions that this process made or served shortly
// before, go on from here; of others it can not be known whether they live (kUnknown, never kNotFound). What was made,
// changed and ended is kept in the embedded database, survives a restart, and is carried over when Redis is back; an
// end always wins. docs/guarantees.md states it exactly.
//
// Thread-safe. An id is a credential: never log it. `SessionHandle` is not, and can be shown.
#pragma once

#include <envoyou/backing.hpp>
#include <envoyou/deadline.hpp>
#include <envoyou/result.hpp>
#include <envoyou/secret.hpp>
#include <envoyou/source.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou {

inline constexpr std::size_t kSessionIdLength = 48;  // base64url of 36 bytes
inline constexpr std::size_t kMaxUserIdBytes = 256;
inline constexpr std::size_t kMaxUserDataBytes = 64u << 10;
inline constexpr std::size_t kMaxDeviceInfoBytes = 4u << 10;
inline constexpr std::size_t kMaxIpAddressBytes = 64;
inline constexpr std::size_t kMaxSessionsPerUser = 1'000;

struct NewSession {
  std::string user_id;             // 1 to kMaxUserIdBytes, UTF-8 without control characters
  std::string user_data = "{}";    // a JSON object, at most kMaxUserDataBytes
  std::string device_info = "{}";  // a JSON object, at most kMaxDeviceInfoBytes
  std::string ip_address = {};     // an IPv4 or IPv6 address, or empty
};

struct Session {
  std::string id;  // the credential; what `get` was given
  std::string handle;
  std::string user_id;
  std::string user_data;
  std::string device_info;
  std::string ip_address;
  WallTime created_at;
  WallTime last_active;
  WallTime expires_at;        // the earlier of idle and absolute end, as of now
  std::uint64_t version = 1;  // grows with every change of user_data; a touch is no change
  Source source = Source::kLocal;
};

// One line of a user's list.
struct SessionSummary {
  std::string handle;
  std::string device_info;
  std::string ip_address;
  WallTime created_at;
  WallTime last_active;
};

struct SessionOptions {
  std::string prefix = "envoyou:sessions";
  SecretRing secrets = {};
  Milliseconds idle_timeout{std::chrono::minutes(30)};
  Milliseconds absolute_timeout{std::chrono::hours(24)};
  // last_active is written at most this often; a session that is read more often costs Redis only the read.
  Milliseconds touch_interval{std::chrono::seconds(30)};
  // A file for what must outlive the process while Redis is away, and the store itself without Redis. Empty: memory
  // only.
  std::string database_file = {};
  // How long in an outage a session that this process made or served before goes on from its copy.
  Milliseconds last_known_for{std::chrono::seconds(300)};
  std::size_t max_copies = 100'000;
  std::size_t max_copy_bytes = 64u << 20;
  std::size_t max_local_sessions = 100'000;  // made in process and not yet in Redis, or all of them without Redis
  bool use_redis = true;  // USE_REDIS_SESSIONS: false keeps sessions in process although there is a Redis
};

struct SessionCall {
  std::optional<Deadline> deadline;  // the request's; default kDefaultRequestBudget from now
};

// What answers now: "redis", "database" or "memory".
enum class SessionStorage : std::uint8_t { kRedis, kDatabase, kMemory };
std::string_view to_string(SessionStorage storage) noexcept;

class SessionStore {
 public:
  // Errors: kInvalidArgument; kStorage (the file can not be opened, or another process holds it).
  static Result<std::unique_ptr<SessionStore>> open(SessionOptions options, Backing backing);
  ~SessionStore();

  // Errors of all: kInvalidArgument, kTooLarge, kStorage, kForked; kQueueFull where max_local_sessions leave no room.
  // Besides:
  Result<Session> create(const NewSession& session, SessionCall call = {});
  // kNotFound: no live session has this id (or it is malformed; then Redis was not asked). kUnknown: Redis is away, and
  // this process does not know the session. Counts as activity (see touch_interval).
  Result<Session> get(std::string_view id, SessionCall call = {});
  // Is there a live session? The same as get without its content, and no activity.
  Result<bool> validate(std::string_view id, SessionCall call = {});
  // Replaces the data if the version is still `version`; else kConflict. Else as get.
  Result<Session> replace(std::string_view id, std::uint64_t version, std::string_view user_data,
                          SessionCall call = {});
  // Merges an RFC 7396 patch into the data, atomically. Errors as get.
  Result<Session> merge(std::string_view id, std::string_view patch, SessionCall call = {});
  // Marks activity now, whatever touch_interval says. Errors as get.
  Result<void> touch(std::string_view id, SessionCall call = {});
  // A new id for the same session; the old one dies. Errors as get.
  Result<Session> rotate(std::string_view id, SessionCall call = {});
  // Ends the session. True: it lived, or may have lived (Redis is away, and this process does not know it; it is dead
  // now in any case). After an acknowledged remove no copy anywhere brings it back.
  Result<bool> remove(std::string_view id, SessionCall call = {});

  // A user's live sessions, newest first. In an outage: those known here.
  Result<std::vector<SessionSummary>> list(std::string_view user_id, SessionCall call = {});
  // Ends one of a user's sessions by its handle. kNotFound: the user has none with this handle. kUnknown: Redis is
  // away, and this process does not know of one.
  Result<void> revoke(std::string_view user_id, std::string_view handle, SessionCall call = {});
  // Ends all of a user's sessions: how many are known to have ended. A login that races is before or after, never
  // between.
  Result<std::size_t> revoke_all(std::string_view user_id, SessionCall call = {});

  // The handle of an id, without asking anybody; nullopt for a malformed one.
  std::optional<std::string> handle_of(std::string_view id) const;
  SessionStorage storage() const noexcept;

 private:
  struct Impl;
  explicit SessionStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace envoyou
