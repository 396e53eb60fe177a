// What a server lets this client do. Servers as they are hosted differ: some know no RESP3, some forbid CONFIG or INFO,
// an ACL may hide any command. So the client asks, once a link is up, with one batch of harmless questions behind the
// handshake (docs/redis.md lists them); whatever is refused is an answer.
//
// What the answers do not show is unknown and is simply tried.
#pragma once

#include <cstdint>
#include <string>

namespace envoyou::redis {

enum class Can : std::uint8_t {
  kUnknown,  // not asked, not answered, or not to be told from the answer
  kYes,
  kNo,  // the server does not know it, or does not let this user
};

struct Capabilities {
  std::string server = {};            // "redis", "valkey", …; empty: not told
  std::string version = {};           // "7.0.15", that of `server`
  std::string mode = {};              // "standalone", "cluster", "sentinel"
  std::string maxmemory_policy = {};  // "noeviction", …; empty: not told

  Can resp3 = Can::kUnknown;        // HELLO 3
  Can client_name = Can::kUnknown;  // CLIENT SETNAME
  Can client_info = Can::kUnknown;  // CLIENT SETINFO
  Can client_id = Can::kUnknown;    // CLIENT ID
  Can tracking = Can::kUnknown;     // CLIENT TRACKING
  Can eval = Can::kUnknown;
  Can evalsha = Can::kUnknown;
  Can script_load = Can::kUnknown;
  Can functions = Can::kUnknown;  // FCALL
  Can subscribe = Can::kUnknown;
  Can config = Can::kUnknown;  // CONFIG GET
  Can info = Can::kUnknown;

  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

// "valkey 8.0.1, standalone, RESP3, without CONFIG, FCALL": for logs.
std::string describe(const Capabilities& capabilities);

}  // namespace envoyou::redis
