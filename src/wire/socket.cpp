#include "wire/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cctype>
#include <cstring>
#include <system_error>

namespace envoyou::wire {

namespace {

#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
#else
constexpr int kSendFlags = 0;  // SO_NOSIGPIPE, set at birth, does it there
#endif

template <class T>
void set_option(int descriptor, int level, int name, T value) noexcept {
  // An option that a system does not take is no reason to go without a connection.
  (void)setsockopt(descriptor, level, name, &value, sizeof value);
}

void set_tcp_options(int descriptor) noexcept {
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdle);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveInterval);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
#endif
#ifdef TCP_USER_TIMEOUT
  set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
#endif
}

}  // namespace

void OwnedDescriptor::reset() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

Result<Address> numeric_address(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return invalid_argument("host", "not a numeric address");
  }
  Address address;
  address.size = found->ai_addrlen;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return address;
}

bool is_numeric(const std::string& host) noexcept {
  unsigned char buffer[sizeof(in6_addr)];
  const std::string_view without_zone = std::string_view(host).substr(0, host.find('%'));
  char text[INET6_ADDRSTRLEN + 1];
  if (without_zone.empty() || without_zone.size() >= sizeof text) return false;
  std::memcpy(text, without_zone.data(), without_zone.size());
  text[without_zone.size()] = '\0';
  return inet_pton(AF_INET, text, buffer) == 1 || inet_pton(AF_INET6, text, buffer) == 1;
}

Result<Address> unix_address(std::string_view path) {
  sockaddr_un name{};
  if (path.size() >= sizeof name.sun_path || path.find('\0') != std::string_view::npos) {
    return invalid_argument("unix_socket", "must be a path of at most " + std::to_string(sizeof name.sun_path - 1) +
                                               " bytes without NUL, got " + std::to_string(path.size()) + " bytes");
  }
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  Address address;
  address.size = sizeof name;
  std::memcpy(&address.storage, &name, sizeof name);
  return address;
}

std::string describe(const Address& address) {
  if (address.family() == AF_UNIX) {
    sockaddr_un name{};
    std::memcpy(&name, &address.storage, sizeof name);
    return name.sun_path;
  }
  char host[INET6_ADDRSTRLEN + 32];
  char port[8];
  if (getnameinfo(address.get(), address.size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) !=
      0) {
    return "an unknown address";
  }
  const std::string text(host);
  return (address.family() == AF_INET6 ? "[" + text + "]" : text) + ":" + port;
}

std::string describe_errno(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

Error system_error(Errc code, std::string_view what, int error) {
  return Error(code, std::string(what) + ": " + describe_errno(error));
}

bool set_nonblocking_cloexec(int descriptor) noexcept {
  const int status = fcntl(descriptor, F_GETFL);
  const int flags = fcntl(descriptor, F_GETFD);
  return status >= 0 && flags >= 0 && fcntl(descriptor, F_SETFL, status | O_NONBLOCK) == 0 &&
         fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) == 0;
}

OwnedDescriptor open_stream_socket(int family) noexcept {
#ifdef SOCK_NONBLOCK
  OwnedDescriptor made(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made) return made;
#else
  OwnedDescriptor made(::socket(family, SOCK_STREAM, 0));
  if (!made || !set_nonblocking_cloexec(made.get())) return {};
#endif
#ifdef SO_NOSIGPIPE
  set_option(made.get(), SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
  if (family != AF_UNIX) set_tcp_options(made.get());
  return made;
}

// EAGAIN is what a Unix socket says whose listener has a full queue: nothing is under way, so nothing would ever be
// announced.
ConnectState begin_connect(int descriptor, const Address& address, int& error) noexcept {
  if (::connect(descriptor, address.get(), address.size) == 0) return ConnectState::kConnected;
  error = errno;
  return error == EINPROGRESS || error == EINTR ? ConnectState::kPending : ConnectState::kFailed;
}

ConnectState connect_state(int descriptor, int& error) noexcept {
  pollfd entry{descriptor, POLLOUT, 0};
  if (::poll(&entry, 1, 0) <= 0) return ConnectState::kPending;
  socklen_t size = sizeof error;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error == 0 ? ConnectState::kConnected : ConnectState::kFailed;
}

long send_some(int descriptor, const char* bytes, std::size_t size) noexcept {
  long sent = -1;
  do {
    sent = ::send(descriptor, bytes, size, kSendFlags);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

long receive_some(int descriptor, char* into, std::size_t size) noexcept {
  long got = -1;
  do {
    got = ::recv(descriptor, into, size, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  return got;
}

bool allow_waiting(int descriptor) noexcept {
  const int status = fcntl(descriptor, F_GETFL);
  const timeval limit{0, 1000 * kWaitingMs};
  return status >= 0 && setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
         fcntl(descriptor, F_SETFL, status & ~O_NONBLOCK) == 0;
}

long receive_waiting(int descriptor, char* into, std::size_t size) noexcept {
  const long got = ::recv(descriptor, into, size, 0);
  if (got < 0 && errno == EINTR) errno = EAGAIN;
  return got;
}

}  // namespace envoyou::wire
