#include "testing/sockets.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <stdexcept>

namespace envoyou::testing {
namespace {

constexpr std::uint16_t kLowestPort = 12000;
constexpr std::uint16_t kHighestPort = 21999;
constexpr std::uint16_t kClusterBusOffset = 10000;
constexpr int kMaxPortTries = 200;
constexpr std::size_t kReadSize = 64u << 10;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

sockaddr_in6 loopback6(std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  return address;
}

// The socket API takes every address family through one base type.
template <class Address>
const sockaddr* generic(const Address& address) {
  return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}

Fd tcp_socket(int family, int flags = 0) { return Fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)); }

void set_option(const Fd& socket, int level, int name, int value) {
  ::setsockopt(socket.get(), level, name, &value, sizeof(value));
}

template <class Address>
bool can_bind(int family, const Address& address) {
  const Fd socket = tcp_socket(family);
  if (!socket) return false;
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  return ::bind(socket.get(), generic(address), sizeof(address)) == 0 && ::listen(socket.get(), 1) == 0;
}

bool has_ipv6_loopback() {
  static const bool answer = can_bind(AF_INET6, loopback6(0));
  return answer;
}

bool port_is_free(std::uint16_t port) {
  return can_bind(AF_INET, loopback(port)) && (!has_ipv6_loopback() || can_bind(AF_INET6, loopback6(port)));
}

int remaining_ms(SteadyTime until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

bool wait_for_events(const Fd& socket, short events, SteadyTime until) {
  for (;;) {
    pollfd entry{socket.get(), events, 0};
    const int ready = ::poll(&entry, 1, remaining_ms(until));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return false;
  }
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void close_socket(Fd& socket, CloseHow how) noexcept {
  if (!socket) return;
  if (how == CloseHow::kReset) {
    const linger at_once{1, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }
  socket.reset();
}

std::uint16_t free_port() {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<int> pick(kLowestPort, kHighestPort);
  for (int attempt = 0; attempt < kMaxPortTries; ++attempt) {
    const auto port = static_cast<std::uint16_t>(pick(random));
    const auto bus = static_cast<std::uint16_t>(port + kClusterBusOffset);
    if (port_is_free(port) && port_is_free(bus)) return port;
  }
  throw std::runtime_error("no free port between 12000 and 21999");
}

Fd listen_on(std::uint16_t port, int backlog) {
  int error = 0;
  for (int attempt = 0; attempt < kMaxPortTries; ++attempt) {
    const auto address = loopback(port == 0 ? free_port() : port);
    Fd socket = tcp_socket(AF_INET);
    set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    if (::bind(socket.get(), generic(address), sizeof(address)) == 0 && ::listen(socket.get(), backlog) == 0) {
      return socket;
    }
    error = errno;
    if (port != 0) break;
  }
  throw std::runtime_error("cannot listen on 127.0.0.1:" + std::to_string(port) + ": " + std::strerror(error));
}

std::uint16_t local_port(const Fd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  if (::getsockname(socket.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), &size) != 0) {
    throw std::runtime_error("a socket without a port");
  }
  return ntohs(address.sin_port);
}

Fd accept_from(const Fd& listener) {
  Fd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (socket) set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  return socket;
}

Fd make_eventfd() { return Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void raise_eventfd(const Fd& eventfd) noexcept {
  const std::uint64_t one = 1;
  // It can fail only when the counter is full, and then it is readable already.
  [[maybe_unused]] const ssize_t written = ::write(eventfd.get(), &one, sizeof(one));
}

Fd connect_to(std::uint16_t port, std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  const auto address = loopback(port);
  Fd socket = tcp_socket(AF_INET, SOCK_NONBLOCK);
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  if (::connect(socket.get(), generic(address), sizeof(address)) == 0) return socket;
  if (errno != EINPROGRESS || !wait_for_events(socket, POLLOUT, until)) return Fd();
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? std::move(socket) : Fd();
}

bool wait_readable(const Fd& socket, SteadyTime until) { return wait_for_events(socket, POLLIN, until); }

Io read_some(const Fd& socket, std::string& buffer, SteadyTime until) {
  const std::size_t before = buffer.size();
  for (;;) {
    if (!wait_readable(socket, until)) return Io::kTimeout;
    buffer.resize(before + kReadSize);
    const ssize_t got = ::recv(socket.get(), buffer.data() + before, kReadSize, MSG_DONTWAIT);
    buffer.resize(before + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got > 0) return Io::kOk;
    if (got == 0) return Io::kClosed;
    if (errno != EAGAIN && errno != EINTR) return Io::kClosed;
  }
}

Io write_all(const Fd& socket, std::string_view bytes, SteadyTime until) { return write_from(socket, bytes, until); }

Io write_from(const Fd& socket, std::string_view& bytes, SteadyTime until) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return Io::kClosed;
    } else if (!wait_for_events(socket, POLLOUT, until)) {
      return Io::kTimeout;
    }
  }
  return Io::kOk;
}

UnansweredPort::UnansweredPort(std::uint16_t port) : listener_(listen_on(port, 0)), port_(local_port(listener_)) {
  constexpr int kMaxFillers = 16;
  for (int filler = 0; filler < kMaxFillers; ++filler) {
    Fd socket = connect_to(port_, std::chrono::milliseconds(100));
    if (!socket) return;
    fillers_.push_back(std::move(socket));
  }
  throw std::runtime_error("the kernel still answers on a port whose queue should be full");
}

}  // namespace envoyou::testing
