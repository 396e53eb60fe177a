// From a host's name to a connected socket, on a thread of its own: getaddrinfo(3) blocks, for as long as a name
// server likes. The thread also races the addresses (RFC 8305, "happy eyeballs"), since one that does not answer must
// not cost the whole of a connect timeout, and since only a thread that may block can wait for several sockets under
// one descriptor-less stream.
//
//   resolving --> racing --> connected
//        '----------'------> failed
//
// Whoever asked may go at any time: it drops its share of the state, and the thread ends by itself, having touched
// nothing else.
//
// Thread rule: NameDial is confined to one thread; Waker and DialBudget are thread-safe.
#pragma once

#include "wire/socket.hpp"

#include <envoyou/result.hpp>

#include <atomic>
#include <chrono>
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
  static constexpr std::size_t kMaxThreads = 32;   // of one dialer, abandoned ones included
  static constexpr std::size_t kMaxAddresses = 8;  // tried of one name
  // The next address is tried beside those before it. RFC 8305 says 250 ms and at least 100: with the usual connect
  // timeout of 400 ms, 250 would leave a second address too little and a third nothing.
  static constexpr std::chrono::milliseconds kStagger{100};
  static constexpr std::chrono::milliseconds kMaxRace{5'000};

  using ThreadCount = std::atomic<std::size_t>;

  // A thread that can not be had shows as a failure of the dial.
  NameDial(std::string host, std::uint16_t port, std::shared_ptr<Waker> waker, std::shared_ptr<ThreadCount> threads);
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
