#include "redis/url.hpp"

#include <envoyou/redis/options.hpp>

#include "base/bytes.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace envoyou::redis {

namespace {

constexpr std::size_t kMaxScheme = 32;
constexpr std::array<std::string_view, 7> kSchemes{
    "redis", "rediss", "unix", "redis-cluster", "rediss-cluster", "redis-sentinel", "rediss-sentinel"};

Error bad(std::string_view part, std::string_view problem) {
  return invalid_argument("redis url", std::string(part) + ": " + std::string(problem));
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_scheme_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '+' || c == '-' || c == '.';
}

bool is_host_char(char c) noexcept {
  return (lower(c) >= 'a' && lower(c) <= 'z') || is_digit(c) || c == '-' || c == '.' || c == '_';
}

bool is_ipv6_char(char c) noexcept {
  return (lower(c) >= 'a' && lower(c) <= 'f') || is_digit(c) || c == ':' || c == '.';
}

// Takes the text up to `separator`, and the separator, off the front; all of it where there is none.
std::string_view take_until(std::string_view& text, char separator, bool& found) {
  const std::size_t at = text.find(separator);
  found = at != std::string_view::npos;
  const std::string_view head = text.substr(0, at);
  text = found ? text.substr(at + 1) : std::string_view();
  return head;
}

Result<std::string> decoded(std::string_view part, std::string_view text) {
  auto plain = base::percent_decode(text);
  if (!plain) return bad(part, "'%' is not followed by two hex digits");
  return *std::move(plain);
}

Result<std::string> take_scheme(std::string_view& rest) {
  const std::size_t end = rest.find("://");
  if (end == std::string_view::npos || end == 0) {
    return bad("scheme", "missing; a url begins with redis://, rediss:// or unix://");
  }
  std::string scheme(rest.substr(0, end));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), lower);
  rest.remove_prefix(end + 3);
  // Not even a scheme is repeated: a url that begins with its password looks like one with an odd scheme.
  if (scheme.size() > kMaxScheme || !std::all_of(scheme.begin(), scheme.end(), is_scheme_char)) {
    return bad("scheme", "not a scheme; a url begins with redis://, rediss:// or unix://");
  }
  if (std::find(kSchemes.begin(), kSchemes.end(), scheme) == kSchemes.end()) {
    return bad("scheme",
               "unknown; use redis, rediss, unix, redis-cluster, rediss-cluster, redis-sentinel or "
               "rediss-sentinel");
  }
  return scheme;
}

Result<void> read_user(std::string_view text, UrlParts& parts) {
  bool colon = false;
  const std::string_view user = take_until(text, ':', colon);
  if (!colon) return bad("user", "without ':' and a password; write user:password@ or :password@");
  if (text.empty() && !user.empty()) return bad("password", "empty, though a user is named");
  auto name = decoded("user", user);
  if (!name) return name.error();
  auto password = decoded("password", text);
  if (!password) return password.error();
  parts.username = *std::move(name);
  parts.password = *std::move(password);
  return {};
}

Result<void> read_port(std::string_view text, Endpoint& at) {
  const auto port = base::parse_int64(text);
  if (!port || *port < 1 || *port > 65535 || !is_digit(text.front())) {
    return bad("port", "must be a number from 1 to 65535");
  }
  at.port = static_cast<std::uint16_t>(*port);
  return {};
}

Result<void> read_bracketed(std::string_view text, Endpoint& at) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos) return bad("host", "'[' without ']'");
  auto host = decoded("host", text.substr(1, end - 1));
  if (!host) return host.error();
  const std::string_view address = std::string_view(*host).substr(0, host->find('%'));
  if (std::count(address.begin(), address.end(), ':') < 2 || address.size() > kMaxHost ||
      !std::all_of(address.begin(), address.end(), is_ipv6_char)) {
    return bad("host", "what stands in brackets is not an IPv6 address");
  }
  at.host = *std::move(host);
  const std::string_view after = text.substr(end + 1);
  if (after.empty()) return {};
  if (after.front() != ':') return bad("host", "something follows ']' that is not a port");
  return read_port(after.substr(1), at);
}

Result<void> read_host(std::string_view text, Endpoint& at) {
  if (!text.empty() && text.front() == '[') return read_bracketed(text, at);
  if (std::count(text.begin(), text.end(), ':') > 1) return bad("host", "an IPv6 address must stand in brackets");
  bool has_port = false;
  auto host = decoded("host", take_until(text, ':', has_port));
  if (!host) return host.error();
  if (host->empty()) return bad("host", "missing");
  if (host->size() > kMaxHost) return bad("host", "longer than 253 bytes");
  if (!std::all_of(host->begin(), host->end(), is_host_char)) {
    return bad("host", "may hold letters, digits, '-', '.' and '_' only");
  }
  at.host = *std::move(host);
  return has_port ? read_port(text, at) : Result<void>();
}

// "a:1,b:2" where the scheme takes several, else one.
Result<void> read_hosts(std::string_view text, UrlParts& parts) {
  const bool takes_several = names_a_cluster(parts.scheme) || names_sentinels(parts.scheme);
  const std::uint16_t port = names_sentinels(parts.scheme) ? kDefaultSentinelPort : kDefaultPort;
  for (bool more = true; more;) {
    more = false;
    const std::string_view one = takes_several ? take_until(text, ',', more) : text;
    Endpoint at{.host = {}, .port = port};
    if (auto read = read_host(one, at); !read) return read;
    if (parts.hosts.size() == kMaxSeeds) return bad("host", "more than 64 of them");
    parts.hosts.push_back(std::move(at));
  }
  return {};
}

Result<void> read_database(std::string_view part, std::string_view text, UrlParts& parts) {
  const auto number = base::parse_int64(text);
  if (!number || *number < 0 || *number > std::numeric_limits<std::int32_t>::max() || !is_digit(text.front())) {
    return bad(part, "must be the number of a database");
  }
  parts.database = static_cast<std::uint32_t>(*number);
  return {};
}

// "master-name[/database]".
Result<void> read_master(std::string_view path, UrlParts& parts) {
  bool has_database = false;
  auto name = decoded("master name", take_until(path, '/', has_database));
  if (!name) return name.error();
  if (name->empty()) return bad("master name", "missing; write redis-sentinel://host/master-name");
  parts.master_name = *std::move(name);
  return path.empty() ? Result<void>() : read_database("path", path, parts);
}

Result<void> read_path(std::string_view path, UrlParts& parts) {
  if (names_sentinels(parts.scheme)) return read_master(path, parts);
  if (path.empty()) return {};
  if (auto read = read_database("path", path, parts); !read) return read;
  if (names_a_cluster(parts.scheme) && parts.database != 0) return bad("path", "a cluster has database 0 only");
  return {};
}

Result<void> read_network(std::string_view rest, UrlParts& parts) {
  if (rest.find('?') != std::string_view::npos) return bad("query", "known with unix:// only");
  bool has_path = false;
  std::string_view host = take_until(rest, '/', has_path);
  const std::size_t at = host.rfind('@');
  if (at != std::string_view::npos) {
    if (auto read = read_user(host.substr(0, at), parts); !read) return read;
    host.remove_prefix(at + 1);
  } else if (rest.find('@') != std::string_view::npos) {
    return bad("password", "holds '/'; write %2F");
  }
  if (auto read = read_hosts(host, parts); !read) return read;
  return read_path(rest, parts);
}

Result<void> read_unix(std::string_view rest, UrlParts& parts) {
  bool has_query = false;
  std::string_view before = take_until(rest, '?', has_query);
  const std::size_t slash = before.find('/');
  if (slash == std::string_view::npos) return bad("path", "missing; a unix url is unix:///path/to/socket");
  std::string_view user = before.substr(0, slash);
  if (!user.empty()) {
    if (user.back() != '@') return bad("host", "a unix url has none; it is unix:///path/to/socket");
    user.remove_suffix(1);
    if (auto read = read_user(user, parts); !read) return read;
  }
  auto path = decoded("path", before.substr(slash));
  if (!path) return path.error();
  parts.path = *std::move(path);
  if (!has_query) return {};
  if (!rest.starts_with("db=")) return bad("query", "only db=<number> is known");
  return read_database("query", rest.substr(3), parts);
}

}  // namespace

bool names_a_cluster(std::string_view scheme) noexcept { return scheme.ends_with("-cluster"); }

bool names_sentinels(std::string_view scheme) noexcept { return scheme.ends_with("-sentinel"); }

Result<UrlParts> split_url(std::string_view url) {
  if (url.empty()) return bad("url", "empty");
  if (url.size() > kMaxUrlBytes) return bad("url", "longer than 4096 bytes");
  const bool printable = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!printable) return bad("url", "holds spaces, control characters or non-ASCII bytes; percent-encode them");
  auto scheme = take_scheme(url);
  if (!scheme) return scheme.error();
  if (url.find('#') != std::string_view::npos) return bad("url", "holds '#'; write %23");
  UrlParts parts;
  parts.scheme = *std::move(scheme);
  const auto read = parts.scheme == "unix" ? read_unix(url, parts) : read_network(url, parts);
  if (!read) return read.error();
  return parts;
}

}  // namespace envoyou::redis
