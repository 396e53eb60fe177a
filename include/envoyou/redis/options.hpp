// How to reach a Redis and how long to be patient with it.
//
// An aggregate with defaults: set what differs. `parse_url` makes one from a URL; `validate` tells every problem at
// once. No text that this header's functions make ever holds the password.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

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

struct ClientOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  std::string unix_socket = {};  // a path; if set, host and port do not count
  std::string username = {};     // empty: the default user
  std::string password = {};     // empty: no AUTH
  std::uint32_t database = 0;
  std::string client_name = "envoyou";  // CLIENT SETNAME; printable ASCII without spaces
  TlsOptions tls = {};

  std::size_t connections = 1;  // links to the node, 1 to 16; commands of all callers share them

  Milliseconds command_timeout{100};  // for calls without a deadline of their own
  Milliseconds connect_timeout{400};  // name, TCP, TLS, AUTH and PING together
  // A link silent for so long with work in flight is condemned. Further away it is four round trips, at most
  // connect_timeout.
  Milliseconds stall_limit{100};
  Milliseconds idle_ping{1'000};     // an idle link is asked for a sign of life as often
  Milliseconds reconnect_first{50};  // then doubled
  Milliseconds reconnect_most{500};

  std::size_t max_in_flight = 4096;  // commands sent and not answered, a link; more wait in the queue
  std::size_t max_queued = 65'536;   // commands not yet sent, a client: then kQueueFull
  std::size_t max_queued_bytes = 64u << 20;
  std::size_t max_request_bytes = 64u << 20;  // one command: more is kTooLarge
  ReplyLimits reply = {};
};

inline constexpr std::size_t kMaxUrlBytes = 4096;

// redis://[[user]:password@]host[:port][/database], rediss:// with TLS, unix://[[user]:password@]/path[?db=n].
// Percent-encoding in every part, IPv6 in brackets. Errors: kInvalidArgument, naming the part, never the password.
Result<ClientOptions> parse_url(std::string_view url);

// Every problem in one message, each with the field's name. Errors: kInvalidArgument.
Result<void> validate(const ClientOptions& options);

// "rediss://cache.example:6380/2", "unix:///run/redis.sock": for logs. Never user or password.
std::string describe(const ClientOptions& options);

}  // namespace envoyou::redis
