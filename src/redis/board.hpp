// What the I/O role tells all other threads: is the node there, who is it, what was counted.
//
// Thread-safe. Written by the I/O role alone.
#pragma once

#include "redis/tally.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/deadline.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/result.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

namespace envoyou::redis {

class Board {
 public:
  explicit Board(std::shared_ptr<Clock> clock) : clock_(std::move(clock)) {}

  // The I/O role.
  void show_up(ServerInfo server);
  void show_capabilities(const Capabilities& capabilities);
  void show_trying();
  // `cause`: the code of what was met with; that of `why` is what callers get.
  void show_away(Error why, Errc cause);
  void show_closed();
  void show_tally(const Tally& tally, std::size_t in_flight, std::size_t repeat_budget) noexcept;

  // What a call in which nothing went wrong moves.
  void show_traffic(const Tally& tally) noexcept;

  // Anyone.
  bool is_up() const noexcept { return state_.load(std::memory_order_acquire) == State::kUp; }
  bool is_away() const noexcept { return state_.load(std::memory_order_acquire) == State::kAway; }
  // Why commands are refused while the node is away.
  Error why_away() const;
  Errc cause_away() const;
  ServerInfo server() const;
  Capabilities capabilities() const;
  bool wait_until_up(Deadline deadline);
  void read_tally(ClientStats& stats) const noexcept;
  // As ClientStats::round_trip.
  Microseconds round_trip() const noexcept {
    return Microseconds(static_cast<std::int64_t>(round_trip_us_.load(std::memory_order_relaxed)));
  }

 private:
  enum class State : std::uint8_t { kTrying, kUp, kAway, kClosed };
  void show(State state);

  const std::shared_ptr<Clock> clock_;
  std::atomic<State> state_{State::kTrying};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  ServerInfo server_;                     // guarded by mutex_
  Capabilities capabilities_;             // guarded by mutex_
  Error why_away_;                        // guarded by mutex_
  Errc cause_away_ = Errc::kUnavailable;  // guarded by mutex_

  using Number = std::atomic<std::uint64_t>;
  Number direct_{0}, answered_{0}, writes_{0}, bytes_sent_{0}, bytes_received_{0};
  Number timed_out_{0}, expired_unsent_{0}, repeated_{0}, late_replies_{0}, foreign_replies_{0};
  Number connects_{0}, condemned_{0}, in_flight_{0};
  Number shortened_{0}, repeats_refused_{0}, repeat_budget_{0}, tls_handshakes_{0}, tls_resumed_{0}, round_trip_us_{0};
};

}  // namespace envoyou::redis
