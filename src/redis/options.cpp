#include <envoyou/redis/options.hpp>

#include "base/bytes.hpp"
#include "base/problems.hpp"
#include "redis/url.hpp"

#include <algorithm>
#include <string>

namespace envoyou::redis {

namespace {

constexpr std::size_t kMaxHost = 253;
constexpr std::size_t kMaxSocketPath = 107;  // sockaddr_un, without its NUL
constexpr std::size_t kMaxCredential = 4096;
constexpr std::size_t kMaxClientName = 64;
constexpr std::size_t kMaxConnections = 16;
constexpr Milliseconds kMaxWait{3'600'000};
constexpr std::size_t kMostInFlight = 1u << 20;
constexpr std::size_t kMostQueued = 1u << 24;
constexpr std::size_t kMostBytes = 512u << 20;  // what the protocol allows for one string
constexpr std::size_t kMostDepth = 128;
constexpr std::size_t kLeastReplyBytes = 4096;

bool is_graphic(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

template <class Number>
void in_range(base::Problems& problems, std::string_view field, Number value, Number least, Number most) {
  if (value >= least && value <= most) return;
  problems.add(field, "must be from " + std::to_string(least) + " to " + std::to_string(most) + ", got " +
                          std::to_string(value));
}

void in_range(base::Problems& problems, std::string_view field, Milliseconds value) {
  in_range(problems, field, value.count(), Milliseconds(1).count(), kMaxWait.count());
}

void check_address(const ClientOptions& options, base::Problems& problems) {
  if (!options.unix_socket.empty()) {
    problems.require(options.unix_socket.size() <= kMaxSocketPath, "unix_socket", "longer than 107 bytes");
    problems.require(options.unix_socket.find('\0') == std::string::npos, "unix_socket", "holds a NUL byte");
    return;
  }
  problems.require(!options.host.empty(), "host", "empty");
  problems.require(options.host.size() <= kMaxHost, "host", "longer than 253 bytes");
  problems.require(is_graphic(options.host), "host", "holds spaces, control characters or non-ASCII bytes");
  problems.require(options.port != 0, "port", "must be from 1 to 65535, got 0");
}

void check_identity(const ClientOptions& options, base::Problems& problems) {
  problems.require(options.username.size() <= kMaxCredential, "username", "longer than 4096 bytes");
  problems.require(options.password.size() <= kMaxCredential, "password", "longer than 4096 bytes");
  problems.require(options.username.empty() || !options.password.empty(), "password",
                   "empty, though a username is given");
  problems.require(options.client_name.size() <= kMaxClientName, "client_name", "longer than 64 bytes");
  problems.require(is_graphic(options.client_name), "client_name", "must be printable ASCII without spaces");
  in_range<std::uint32_t>(problems, "database", options.database, 0, 0x7fffffff);
}

void check_tls(const ClientOptions& options, base::Problems& problems) {
  const TlsOptions& tls = options.tls;
  problems.require(tls.certificate_file.empty() == tls.key_file.empty(), "tls.key_file",
                   "a client certificate needs both tls.certificate_file and tls.key_file");
  if (!tls.enabled) return;
  problems.require(options.unix_socket.empty() || !tls.server_name.empty() || tls.insecure_skip_verification,
                   "tls.server_name", "needed for TLS over a unix socket");
}

void check_waits(const ClientOptions& options, base::Problems& problems) {
  in_range(problems, "command_timeout", options.command_timeout);
  in_range(problems, "connect_timeout", options.connect_timeout);
  in_range(problems, "stall_limit", options.stall_limit);
  in_range(problems, "idle_ping", options.idle_ping);
  in_range(problems, "reconnect_first", options.reconnect_first);
  in_range(problems, "reconnect_most", options.reconnect_most);
  problems.require(options.reconnect_first <= options.reconnect_most, "reconnect_most",
                   "must not be below reconnect_first");
}

void check_bounds(const ClientOptions& options, base::Problems& problems) {
  in_range<std::size_t>(problems, "connections", options.connections, 1, kMaxConnections);
  in_range<std::size_t>(problems, "max_in_flight", options.max_in_flight, 1, kMostInFlight);
  in_range<std::size_t>(problems, "max_queued", options.max_queued, 1, kMostQueued);
  problems.require(options.max_queued_bytes >= 1, "max_queued_bytes", "must be at least 1");
  in_range<std::size_t>(problems, "max_request_bytes", options.max_request_bytes, 1, kMostBytes);
  in_range<std::size_t>(problems, "reply.max_bytes", options.reply.max_bytes, kLeastReplyBytes, 2 * kMostBytes);
  problems.require(options.reply.max_elements >= 1, "reply.max_elements", "must be at least 1");
  in_range<std::size_t>(problems, "reply.max_depth", options.reply.max_depth, 1, kMostDepth);
}

}  // namespace

Result<ClientOptions> parse_url(std::string_view url) {
  auto parts = split_url(url);
  if (!parts) return parts.error();
  ClientOptions options;
  options.host = std::move(parts->host);
  options.port = parts->port.value_or(options.port);
  options.unix_socket = std::move(parts->path);
  options.username = std::move(parts->username);
  options.password = std::move(parts->password);
  options.database = parts->database;
  options.tls.enabled = parts->scheme == "rediss";
  if (auto valid = validate(options); !valid) return valid.error();
  return options;
}

Result<void> validate(const ClientOptions& options) {
  base::Problems problems;
  check_address(options, problems);
  check_identity(options, problems);
  check_tls(options, problems);
  check_waits(options, problems);
  check_bounds(options, problems);
  return problems.result();
}

std::string describe(const ClientOptions& options) {
  if (!options.unix_socket.empty()) {
    std::string text = (options.tls.enabled ? "unix+tls://" : "unix://") + options.unix_socket;
    if (options.database != 0) text += "?db=" + std::to_string(options.database);
    return text;
  }
  const bool is_ipv6 = options.host.find(':') != std::string::npos;
  std::string text = options.tls.enabled ? "rediss://" : "redis://";
  text += is_ipv6 ? "[" + options.host + "]" : options.host;
  text += ":" + std::to_string(options.port);
  if (options.database != 0) text += "/" + std::to_string(options.database);
  return text;
}

}  // namespace envoyou::redis
