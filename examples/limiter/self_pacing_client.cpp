// A client that is never denied: it reads what the server tells of its quota, and paces itself by it.
//
//   build/release/bin/example_self_pacing_client http://127.0.0.1:8080/api/things/books/7 40
//
// Any server will do that sends RateLimit, RateLimit-Limit or X-RateLimit-Limit and its like, or Retry-After. Plain
// HTTP/1.1, a connection a request, one request after the other. Ends with 0 if none was denied.
#include <envoyou/clock.hpp>
#include <envoyou/limiter/pacing.hpp>

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using envoyou::Milliseconds;

constexpr std::size_t kMaxResponseBytes = 1u << 20;
constexpr int kDefaultRequests = 20;
constexpr int kMaxRequests = 100'000;

struct Url {
  std::string host;
  std::string port = "80";
  std::string path = "/";
};

struct Response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
};

std::optional<int> to_number(std::string_view text) {
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// "http://host:port/path"; the scheme, the port and the path may be left out.
std::optional<Url> parse_url(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (text.starts_with(kScheme)) text.remove_prefix(kScheme.size());
  Url url;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) url.path = text.substr(slash);
  const std::string_view authority = text.substr(0, slash);
  const std::size_t colon = authority.find(':');
  url.host = authority.substr(0, colon);
  if (colon != std::string_view::npos) url.port = authority.substr(colon + 1);
  const bool good =
      !url.host.empty() && to_number(url.port).has_value() && text.find_first_of(" \r\n") == std::string_view::npos;
  return good ? std::optional(url) : std::nullopt;
}

// A connected socket that closes itself.
class Connection {
 public:
  explicit Connection(const Url& url) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found) != 0) return;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
    for (const addrinfo* each = found; each != nullptr && !is_open_; each = each->ai_next) connect(*each);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (socket_ >= 0) ::close(socket_);
  }

  bool send(std::string_view text) const {
    while (is_open_ && !text.empty()) {
      const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return is_open_;
  }
  // All until the server closes.
  std::string receive() const {
    std::string text;
    std::vector<char> buffer(16'384);
    while (text.size() < kMaxResponseBytes) {
      const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  void connect(const addrinfo& address) {
    if (socket_ >= 0) ::close(socket_);
    socket_ = ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC, address.ai_protocol);
    if (socket_ < 0) return;
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    is_open_ = ::connect(socket_, address.ai_addr, address.ai_addrlen) == 0;
  }

  int socket_ = -1;
  bool is_open_ = false;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t begin = std::min(text.find_first_not_of(kBlank), text.size());
  return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

std::optional<Response> parse_response(std::string_view text) {
  if (!text.starts_with("HTTP/1.") || text.size() < 12) return std::nullopt;
  Response response;
  response.status = to_number(text.substr(9, 3)).value_or(0);
  while (true) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    const std::string_view line = trimmed(text.substr(0, text.find('\n')));
    if (line.empty()) return response;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    response.headers.emplace_back(line.substr(0, colon), trimmed(line.substr(colon + 1)));
  }
}

std::optional<Response> get(const Url& url) {
  const Connection connection(url);
  const bool sent = connection.send("GET " + url.path + " HTTP/1.1\r\nHost: " + url.host + ":" + url.port +
                                    "\r\nUser-Agent: example_self_pacing_client\r\nConnection: close\r\n\r\n");
  return sent ? parse_response(connection.receive()) : std::nullopt;
}

void print(int request, int status, const envoyou::RateHints& hints, Milliseconds wait) {
  std::cout << "request " << std::setw(3) << request << ": " << status;
  for (const envoyou::QuotaHint& quota : hints.quotas) {
    if (!quota.remaining) continue;
    std::cout << ", " << (quota.name.empty() ? "left" : quota.name) << ' ' << *quota.remaining;
    if (quota.quota) std::cout << " of " << *quota.quota;
    if (quota.reset) std::cout << " for " << quota.reset->count() << " s";
  }
  if (hints.retry_after) std::cout << ", retry after " << hints.retry_after->count() << " s";
  std::cout << ", next in " << wait.count() << " ms" << std::endl;
  for (const envoyou::Error& error : hints.ignored) std::cout << "  ignored " << error.message() << '\n';
}

int run(const Url& url, int requests) {
  const auto clock = envoyou::system_clock();
  auto pacer = envoyou::Pacer::create({.spread_below = 0.5}).value();
  int denied = 0;
  for (int request = 1; request <= requests; ++request) {
    std::this_thread::sleep_for(pacer.wait(clock->now()));
    pacer.sent(clock->now());
    const auto response = get(url);
    if (!response) {
      std::cerr << "no answer from " << url.host << ':' << url.port << '\n';
      return 2;
    }
    const auto hints = envoyou::read_rate_hints(response->headers, clock->wall_now());
    pacer.answered(hints, clock->now());
    print(request, response->status, hints, pacer.wait(clock->now()));
    denied += response->status == 429 || response->status == 503 ? 1 : 0;
  }
  std::cout << requests << " requests, " << denied << " denied\n";
  return denied == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto url = argc > 1 ? parse_url(argv[1]) : std::nullopt;
  const auto requests = argc > 2 ? to_number(argv[2]) : std::optional(kDefaultRequests);
  if (!url || !requests || *requests < 1 || *requests > kMaxRequests) {
    std::cerr << "usage: example_self_pacing_client http://127.0.0.1:8080/path [REQUESTS]\n";
    return 2;
  }
  return run(*url, *requests);
}
