// Sockets as this library wants all of them: non-blocking, close-on-exec, without SIGPIPE, TCP without Nagle and with
// limits on how long the kernel believes in a silent peer.
//
// Thread-compatible.
#pragma once

#include <envoyou/errc.hpp>
#include <envoyou/result.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace envoyou::wire {

// Seconds. The client condemns a silent link long before; this is for one that it no longer looks at.
inline constexpr int kKeepAliveIdle = 15;
inline constexpr int kKeepAliveInterval = 5;
inline constexpr int kKeepAliveProbes = 3;
inline constexpr unsigned kUserTimeoutMs = 30'000;

class OwnedDescriptor {
 public:
  OwnedDescriptor() = default;
  explicit OwnedDescriptor(int descriptor) noexcept : descriptor_(descriptor) {}
  ~OwnedDescriptor() { reset(); }
  OwnedDescriptor(OwnedDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  OwnedDescriptor& operator=(OwnedDescriptor&& other) noexcept {
    if (this != &other) {
      reset();
      descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
  }

  int get() const noexcept { return descriptor_; }
  explicit operator bool() const noexcept { return descriptor_ >= 0; }
  void reset() noexcept;

 private:
  int descriptor_ = -1;
};

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  int family() const noexcept { return storage.ss_family; }
  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Only from numbers ("127.0.0.1", "::1", "fe80::1%eth0"); asks no server. Errors: kInvalidArgument.
Result<Address> numeric_address(const std::string& host, std::uint16_t port);
bool is_numeric(const std::string& host) noexcept;
// Errors: kInvalidArgument, if the path is too long for a socket's name.
Result<Address> unix_address(std::string_view path);

// "127.0.0.1:6379", "[::1]:6379", the path of a Unix socket.
std::string describe(const Address& address);

// "connection refused": the system's words for an errno, in lower case.
std::string describe_errno(int error);
// "what: connection refused".
Error system_error(Errc code, std::string_view what, int error);

bool set_nonblocking_cloexec(int descriptor) noexcept;
// Empty, with errno set, if there is none to be had.
OwnedDescriptor open_stream_socket(int family) noexcept;

enum class ConnectState : unsigned char { kConnected, kPending, kFailed };

// Never blocks. With kFailed, `error` is the errno.
ConnectState begin_connect(int descriptor, const Address& address, int& error) noexcept;
ConnectState connect_state(int descriptor, int& error) noexcept;

// Never raise SIGPIPE and never wait. As send(2) and recv(2), but for EINTR, which they do not give.
long send_some(int descriptor, const char* bytes, std::size_t size) noexcept;
long receive_some(int descriptor, char* into, std::size_t size) noexcept;
// Allows receive_waiting, and only it, to wait on this socket, from when it is connected. False: it can not be had.
bool allow_waiting(int descriptor) noexcept;
// Waits for a byte for at most kWaitingMs, rounded up by the kernel to two of its ticks (8 ms at 250 Hz). A signal ends
// it as the time does.
inline constexpr long kWaitingMs = 1;
long receive_waiting(int descriptor, char* into, std::size_t size) noexcept;
inline bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace envoyou::wire
