// From a host's name to a connected socket, on a thread of its own: getaddrinfo(3) blocks, for as long as a name
// server likes. The thread then connects, too: a name has several addresses, and only a thread that may block can race
// them (address_race.hpp) behind a stream that shows one descriptor.
//
//   resolving --> racing --> connected
//        '----------'----> failed
//
// Whoever asked may go at any time: it drops its share of the state, and the thread ends by itself, having touched
// nothing else.
//
// Thread rule: NameDial is confined to one thread; Waker is thread-safe.
#pragma once

#include "wire/socket.hpp"

#include <envoyou/result.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace envoyou::wire {

// Calls a function of its owner, until the owner closes it.
class Waker {
 public:
  explicit Waker(std::function<void()> wake) : wake_(std::move(wake)) {}
  void operator()() noexcept;
  // Returns when a call that is under way has ended; there is none after it.
  void close() noexcept;

 private:
  std::mutex mutex_;
  std::function<void()> wake_;
};

class NameDial {
 public:
  static constexpr std::size_t kMaxThreads = 32;  // of one dialer, abandoned ones included

  using ThreadCount = std::atomic<std::size_t>;

  // A thread that can not be had shows as a failure of the dial.
  NameDial(const std::string& host, std::uint16_t port, std::shared_ptr<Waker> waker,
           const std::shared_ptr<ThreadCount>& threads);
  ~NameDial();
  NameDial(const NameDial&) = delete;
  NameDial& operator=(const NameDial&) = delete;

  // Nothing while it goes on. The descriptor is given once.
  std::optional<Result<OwnedDescriptor>> take();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace envoyou::wire
