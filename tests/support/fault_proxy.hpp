// A TCP proxy between a client and a real server, with faults that a test turns on and off while traffic runs.
//
// One thread, one poll loop; every method below runs in that loop and returns when it is done, so a test knows that
// what it does next comes after the fault. By default the proxy understands RESP in the direction towards the client,
// so that it can cut inside a reply, repeat one, or put bytes between two; for TLS or HTTP turn that off, a "reply" is
// then what one read gave.
//
// Listens on 127.0.0.1. Does not: throttle, resolve names, or end TLS. Thread-safe.
#pragma once

#include "testing/sockets.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace envoyou::testing {

struct FaultProxyOptions {
  bool understands_resp = true;
  std::uint16_t port = 0;  // 0: a free one
};

class FaultProxy {
 public:
  using Options = FaultProxyOptions;

  explicit FaultProxy(std::uint16_t upstream_port, Options options = {});
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  std::uint16_t port() const noexcept;
  std::string url() const;

  // Ends every connection, on both sides.
  void cut_all(CloseHow how = CloseHow::kReset);
  // The next `count` replies (-1: all until cleared) end after `bytes` bytes, and their connections with them.
  void cut_replies(std::size_t bytes, CloseHow how, int count = 1);

  // While stalled nothing passes on any connection, in neither direction, and new ones are accepted and kept waiting.
  // Off: what was kept back goes on its way, late.
  void stall(bool on);
  // Throws away what a stall has kept back, as a network does that comes back after a long loss.
  void drop_stalled();

  // While on, new connections are accepted and never served; off: those still there are served from then on.
  void blackhole(bool on);
  // Closes the listening socket; connections that are there stay. Listens on the same port again.
  void refuse();
  void accept_again();

  // Each reply comes this much later.
  void latency(std::chrono::milliseconds by);

  // Puts `bytes` behind each of the next `count` replies.
  void inject(std::string_view bytes, int count = 1);
  // Sends each of the next `count` replies twice.
  void duplicate_replies(int count = 1);
  // Sends `bytes` on every connection, without waiting for a reply. Returns on how many.
  std::size_t inject_now(std::string_view bytes);

  // Ends all faults but refuse().
  void clear();

  std::size_t connections_accepted() const;
  std::size_t connections_open() const;
  // Replies cut, repeated or followed by injected bytes so far.
  std::size_t faults_done() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace envoyou::testing
