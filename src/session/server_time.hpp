// The one time scale of a session store: Redis' TIME, as well as this process knows it. Several servers write the same
// sessions, and their calendars differ; so the calendar of the one thing that they share decides.
//
//   now = calendar when the store was opened + time passed since on the monotonic clock + offset
//
// A step of this machine's calendar changes nothing. Without a Redis the offset stays 0. It is measured from the
// server's TIME in replies (half of the round trip is the error) and remembered in the embedded database, for a restart
// in mid-outage.
//
// Thread-safe.
#pragma once

#include <envoyou/clock.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

namespace envoyou::session {

class ServerTime {
 public:
  explicit ServerTime(std::shared_ptr<Clock> clock);

  std::int64_t now_ms() const;
  std::int64_t offset_ms() const noexcept { return offset_ms_.load(std::memory_order_relaxed); }

  // From an earlier run; does not count as measured.
  void assume_offset(std::int64_t offset_ms) noexcept { offset_ms_.store(offset_ms, std::memory_order_relaxed); }
  // The server said `server_ms` between these two moments. A difference within the error changes nothing.
  void measured(std::int64_t server_ms, TimePoint sent, TimePoint received);
  // Never measured, or not for a minute.
  bool wants_measuring() const;
  bool was_measured() const noexcept { return measured_at_ms_.load(std::memory_order_relaxed) != kNever; }

  const Clock& clock() const noexcept { return *clock_; }

 private:
  static constexpr std::int64_t kNever = INT64_MIN;
  std::int64_t local_ms(TimePoint at) const noexcept;

  const std::shared_ptr<Clock> clock_;
  const TimePoint opened_;
  const std::int64_t opened_wall_ms_;
  std::atomic<std::int64_t> offset_ms_{0};
  std::atomic<std::int64_t> measured_at_ms_{kNever};
};

}  // namespace envoyou::session
