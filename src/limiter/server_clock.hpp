// What the server's clock says now, judged from what it said in its replies: enough to tell it until when a call is
// worth anything.
//
// A reply that says "it was s" and that was asked for at a and came at b says that s - b <= offset <= s - a. The
// estimate is kept at the upper end of what is possible, so that no call is refused before its time, and is moved by as
// little as a reply demands; so the shortest round trip decides, and a clock that was set follows with the next reply.
//
// Thread-safe; two replies at once may leave the estimate of either.
#pragma once

#include "limiter/algorithms/log_ring.hpp"

#include <atomic>
#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace envoyou::limiter {

class ServerClock {
 public:
  void learn(Ms asked_at, Ms answered_at, Ms server_time) noexcept {
    const Ms most = server_time - asked_at + 1;  // both sides cut off fractions of a millisecond
    const Ms least = server_time - answered_at - 1;
    const Ms known = offset_.load(std::memory_order_relaxed);
    if (known == kUnknown || known > most || known < least) offset_.store(most, std::memory_order_relaxed);
  }

  // A local time on the server's clock; nothing before the first reply.
  std::optional<Ms> at(Ms local) const noexcept {
    const Ms known = offset_.load(std::memory_order_relaxed);
    if (known == kUnknown) return std::nullopt;
    return local + known;
  }

 private:
  static constexpr Ms kUnknown = std::numeric_limits<Ms>::min();
  std::atomic<Ms> offset_{kUnknown};
};

// The clocks of the nodes of a cluster, which differ, by the nodes' names; the one of a single server has none. At most
// kMaxNodes are known. Thread-safe.
class ServerClocks {
 public:
  static constexpr std::size_t kMaxNodes = 1'024;

  std::shared_ptr<ServerClock> of(const std::string& node) {
    if (node.empty()) return single_;
    const std::lock_guard lock(mutex_);
    if (nodes_.size() == kMaxNodes && !nodes_.contains(node)) nodes_.clear();
    auto& clock = nodes_[node];
    if (clock == nullptr) clock = std::make_shared<ServerClock>();
    return clock;
  }

 private:
  const std::shared_ptr<ServerClock> single_ = std::make_shared<ServerClock>();
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<ServerClock>> nodes_;  // guarded by mutex_
};

}  // namespace envoyou::limiter
