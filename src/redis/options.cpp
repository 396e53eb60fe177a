#include <envoyou/redis/options.hpp>

#include "base/bytes.hpp"
#include "base/problems.hpp"
#include "redis/url.hpp"

#include <algorithm>
#include <string>

namespace envoyou::redis {

namespace {

constexpr std::size_t kMaxSocketPath = 107;  // sockaddr_un, without its NUL
constexpr std::size_t kMaxClientName = 64;
constexpr std::size_t kMaxMasterName = 256;
constexpr std::size_t kMaxConnections = 16;
constexpr std::size_t kMaxDedicated = 1024;
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

void check_host(base::Problems& problems, std::string_view field, std::string_view host, std::uint16_t port) {
  const std::string name(field);
  problems.require(!host.empty(), name + "host", "empty");
  problems.require(host.size() <= kMaxHost, name + "host", "longer than 253 bytes");
  problems.require(is_graphic(host), name + "host", "holds spaces, control characters or non-ASCII bytes");
  problems.require(port != 0, name + "port", "must be from 1 to 65535, got 0");
}

void check_address(const ClientOptions& options, base::Problems& problems) {
  if (options.topology != Topology::kStandalone) return;
  if (!options.unix_socket.empty()) {
    problems.require(options.unix_socket.size() <= kMaxSocketPath, "unix_socket", "longer than 107 bytes");
    problems.require(options.unix_socket.find('\0') == std::string::npos, "unix_socket", "holds a NUL byte");
    return;
  }
  check_host(problems, "", options.host, options.port);
}

void check_sentinel(const SentinelOptions& sentinel, base::Problems& problems) {
  problems.require(!sentinel.master_name.empty(), "sentinel.master_name", "empty");
  problems.require(sentinel.master_name.size() <= kMaxMasterName, "sentinel.master_name", "longer than 256 bytes");
  problems.require(is_graphic(sentinel.master_name), "sentinel.master_name", "must be printable ASCII without spaces");
  problems.require(sentinel.username.size() <= kMaxCredentialBytes, "sentinel.username", "longer than 4096 bytes");
  problems.require(sentinel.password.size() <= kMaxCredentialBytes, "sentinel.password", "longer than 4096 bytes");
  problems.require(sentinel.username.empty() || !sentinel.password.empty(), "sentinel.password",
                   "empty, though a username is given");
  problems.require(sentinel.tls.certificate_file.empty() == sentinel.tls.key_file.empty(), "sentinel.tls.key_file",
                   "a client certificate needs both sentinel.tls.certificate_file and sentinel.tls.key_file");
}

void check_topology(const ClientOptions& options, base::Problems& problems) {
  if (options.topology == Topology::kStandalone) {
    problems.require(options.read_from == ReadFrom::kPrimary, "read_from",
                     "a replica can be chosen in a cluster and with sentinels only");
    return;
  }
  in_range<std::size_t>(problems, "seeds", options.seeds.size(), 1, kMaxSeeds);
  for (const Endpoint& seed : options.seeds) check_host(problems, "seeds.", seed.host, seed.port);
  problems.require(options.unix_socket.empty(), "unix_socket", "not with a cluster or sentinels");
  if (options.topology == Topology::kSentinel) return check_sentinel(options.sentinel, problems);
  problems.require(options.database == 0, "database", "a cluster has database 0 only");
}

void check_identity(const ClientOptions& options, base::Problems& problems) {
  problems.add(validate_credentials(Credentials{options.username, options.password}));
  problems.require(!options.credentials || (options.username.empty() && options.password.empty()), "credentials",
                   "a provider is given beside a username or a password");
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
  in_range<std::size_t>(problems, "max_dedicated", options.max_dedicated, 0, kMaxDedicated);
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
  if (!parts->hosts.empty()) {
    options.host = parts->hosts.front().host;
    options.port = parts->hosts.front().port;
  }
  options.unix_socket = std::move(parts->path);
  options.username = std::move(parts->username);
  options.password = std::move(parts->password);
  options.database = parts->database;
  options.tls.enabled = parts->scheme.starts_with("rediss");
  if (names_a_cluster(parts->scheme)) options.topology = Topology::kCluster;
  if (names_sentinels(parts->scheme)) options.topology = Topology::kSentinel;
  if (options.topology != Topology::kStandalone) options.seeds = std::move(parts->hosts);
  options.sentinel.master_name = std::move(parts->master_name);
  options.sentinel.tls.enabled = options.tls.enabled && options.topology == Topology::kSentinel;
  if (auto valid = validate(options); !valid) return valid.error();
  return options;
}

Result<void> validate(const ClientOptions& options) {
  base::Problems problems;
  check_address(options, problems);
  check_topology(options, problems);
  check_identity(options, problems);
  check_tls(options, problems);
  check_waits(options, problems);
  check_bounds(options, problems);
  return problems.result();
}

std::string to_string(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

std::string describe(const ClientOptions& options) {
  if (!options.unix_socket.empty()) {
    std::string text = (options.tls.enabled ? "unix+tls://" : "unix://") + options.unix_socket;
    if (options.database != 0) text += "?db=" + std::to_string(options.database);
    return text;
  }
  std::string text = options.tls.enabled ? "rediss" : "redis";
  if (options.topology == Topology::kStandalone) {
    text += "://" + to_string(Endpoint{options.host, options.port});
  } else {
    text += options.topology == Topology::kCluster ? "-cluster://" : "-sentinel://";
    for (const Endpoint& seed : options.seeds) text += (&seed == &options.seeds.front() ? "" : ",") + to_string(seed);
  }
  if (options.topology == Topology::kSentinel) text += "/" + options.sentinel.master_name;
  if (options.database != 0) text += "/" + std::to_string(options.database);
  return text;
}

}  // namespace envoyou::redis
