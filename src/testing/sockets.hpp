// Blocking loopback sockets for test servers and clients: an owned descriptor, listen, connect, and reads and writes
// that end at a time.
//
// Every descriptor is close-on-exec, every write is without SIGPIPE. Functions that make something throw
// std::runtime_error; reads and writes answer with an outcome.
#pragma once

#include <envoyou/testing/fault.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::testing {

using SteadyTime = std::chrono::steady_clock::time_point;

// An owned file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

void close_socket(Fd& socket, CloseHow how) noexcept;

// A port of 127.0.0.1 (and ::1, where there is one) that nobody listens on now. Taken from below the range that the
// kernel gives to outgoing connections: a client that knocks on a closed port inside that range sooner or later
// connects to itself. The port is not reserved; who starts a server on it tries another when the bind fails. port +
// 10000 is free as well, since a node of a Redis Cluster takes that too.
std::uint16_t free_port();

// A listening socket on 127.0.0.1; port 0 takes one from free_port().
Fd listen_on(std::uint16_t port, int backlog = 128);
std::uint16_t local_port(const Fd& socket);

// The next connection, with TCP_NODELAY; empty if there is none after all.
Fd accept_from(const Fd& listener);

// An eventfd: readable from the first raise() on, for ever.
Fd make_eventfd();
void raise_eventfd(const Fd& eventfd) noexcept;

// A connected socket with TCP_NODELAY, or an empty one: refused, or no answer in `timeout`.
Fd connect_to(std::uint16_t port, std::chrono::milliseconds timeout = std::chrono::seconds(2));

enum class Io { kOk, kClosed, kTimeout };

// Waits until `socket` has bytes (or its end) to read, not beyond `until`.
bool wait_readable(const Fd& socket, SteadyTime until);
// Appends what comes next, at least one byte.
Io read_some(const Fd& socket, std::string& buffer, SteadyTime until);
// Removes from the front of `bytes` what was sent, all of it when the outcome is kOk.
Io write_from(const Fd& socket, std::string_view& bytes, SteadyTime until);
Io write_all(const Fd& socket, std::string_view bytes, SteadyTime until);

// A port whose connects get no answer at all: it listens with a queue that is full, so that the kernel drops each
// further SYN, as a firewall does.
class UnansweredPort {
 public:
  explicit UnansweredPort(std::uint16_t port = 0);  // 0: a free one
  std::uint16_t port() const noexcept { return port_; }

 private:
  Fd listener_;
  std::vector<Fd> fillers_;
  std::uint16_t port_ = 0;
};

}  // namespace envoyou::testing
