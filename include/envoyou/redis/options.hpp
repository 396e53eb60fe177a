// How to reach a Redis and how long to be patient with it.
//
// An aggregate with defaults: set what differs. `parse_url` makes one from a URL; `validate` tells every problem at
// once. No text that this header's functions make ever holds the password.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/redis/credentials.hpp>
#include <envoyou/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::redis {

struct TlsOptions {
  bool enabled = false;
  std::string ca_file = {};           // PEM; empty: the system's trust store
  std::string certificate_file = {};  // PEM; a client certificate, with `key_file`
  std::string key_file = {};
  std::string server_name = {};  // what the certificate must name, if it is not the host of the URL
  // Accepts any certificate. For nothing but experiments; it is logged as a warning at each open.
  bool insecure_skip_verification = false;
};

// What one node may cost and hold. All of them are bounds that exist for a hostile or a broken server, too.
struct ReplyLimits {
  std::size_t max_bytes = 64u << 20;    // one reply in all, its array nodes included
  std::size_t max_elements = 1u << 20;  // one reply in all
  std::size_t max_depth = 32;
};

// Where a server listens. `host` is a name or an address, an IPv6 one without brackets.
struct Endpoint {
  std::string host = {};
  std::uint16_t port = 0;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// "cache.example:6380", "[::1]:6379".
std::string to_string(const Endpoint& endpoint);

enum class Topology : std::uint8_t {
  kStandalone,  // one server, at `host` and `port`
  kCluster,     // Redis Cluster, found through `seeds`
  kSentinel,    // one primary and its replicas, which the sentinels at `seeds` watch
};

enum class ReadFrom : std::uint8_t {
  kPrimary,
  // What only reads goes to the nearest healthy replica by measured round trip, and to the primary where there is none.
  // Replicas lag: a read may miss what was written a moment ago.
  kNearestReplica,
};

struct SentinelOptions {
  std::string master_name = {};
  std::string username = {};  // at the sentinels; empty: the default user
  std::string password = {};  // at the sentinels; empty: no AUTH
  TlsOptions tls = {};        // to the sentinels
};

struct ClientOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  Topology topology = Topology::kStandalone;
  // Not standalone: a few servers to ask for the others; host and port do not count then. All servers get the same
  // credentials and the same TLS settings, those found later, too.
  std::vector<Endpoint> seeds = {};
  ReadFrom read_from = ReadFrom::kPrimary;
  SentinelOptions sentinel = {};
  std::string unix_socket = {};  // a path; if set, host and port do not count
  std::string username = {};     // empty: the default user
  std::string password = {};     // empty: no AUTH
  // Where they change while the client runs: instead of `username` and `password`.
  CredentialsProvider credentials = {};
  std::uint32_t database = 0;
  std::string client_name = "envoyou";  // CLIENT SETNAME; printable ASCII without spaces
  TlsOptions tls = {};

  // Asks the server once what it can (Client::capabilities): a batch of harmless questions behind the handshake. An ACL
  // that forbids some of them notes so in its log.
  bool probe = true;

  std::size_t connections = 1;  // links to the node, 1 to 16; commands of all callers share them

  Milliseconds command_timeout{100};  // for calls without a deadline of their own
  Milliseconds connect_timeout{400};  // name, TCP, TLS, AUTH and PING together
  // A link silent for so long with work in flight is condemned. Further away it is four round trips, at most
  // connect_timeout.
  Milliseconds stall_limit{100};
  Milliseconds idle_ping{1'000};     // an idle link is asked for a sign of life as often
  Milliseconds reconnect_first{50};  // then doubled
  Milliseconds reconnect_most{500};

  std::size_t max_dedicated = 16;    // connections that callers have to themselves (connection.hpp), at a time
  std::size_t max_in_flight = 4096;  // commands sent and not answered, a link; more wait in the queue
  std::size_t max_queued = 65'536;   // commands not yet sent, a client: then kQueueFull
  std::size_t max_queued_bytes = 64u << 20;
  std::size_t max_request_bytes = 64u << 20;  // one command: more is kTooLarge
  ReplyLimits reply = {};
};

inline constexpr std::size_t kMaxUrlBytes = 4096;
inline constexpr std::size_t kMaxSeeds = 64;
inline constexpr std::uint16_t kDefaultPort = 6379;
inline constexpr std::uint16_t kDefaultSentinelPort = 26379;

//   redis://[[user]:password@]host[:port][/database]
//   unix://[[user]:password@]/path[?db=n]
//   redis-cluster://[[user]:password@]host[:port][,host[:port]...][/0]
//   redis-sentinel://[[user]:password@]host[:port][,host[:port]...]/master-name[/database]
//
// rediss, rediss-cluster and rediss-sentinel: the same over TLS, to every server. User and password are for Redis; what
// sentinels ask for stands in `sentinel`. Percent-encoding in every part, IPv6 in brackets. Errors: kInvalidArgument,
// naming the part, never the password.
Result<ClientOptions> parse_url(std::string_view url);

// Every problem in one message, each with the field's name. Errors: kInvalidArgument.
Result<void> validate(const ClientOptions& options);

// "rediss://cache.example:6380/2", "unix:///run/redis.sock", "redis-cluster://a:6379,b:6379": for logs. Never user or
// password.
std::string describe(const ClientOptions& options);

}  // namespace envoyou::redis
