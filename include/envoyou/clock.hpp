// Time, as something that is handed in. Everything under src/ that needs the time or waits for it uses a Clock, so that
// a test can hold the time still (envoyou/testing/manual_clock.hpp).
//
// Two scales: `now()` never steps and is used for deadlines, windows and waits; `wall_now()` is the calendar and is
// used only where a calendar time is the meaning (created_at, cookie expiry).
//
// Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace envoyou {

using Milliseconds = std::chrono::milliseconds;
using Microseconds = std::chrono::microseconds;
using TimePoint = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  virtual TimePoint now() const = 0;
  virtual WallTime wall_now() const = 0;

  // Waits until `wake` is notified or `until` has come on this clock, whichever is first; may return early.
  // `lock` is held on entry and on return. REQUIRES: callers loop over their own condition.
  virtual void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake, TimePoint until) = 0;
};

// The machine's clocks. Shared by all callers; stateless.
std::shared_ptr<Clock> system_clock();

inline std::int64_t to_unix_ms(WallTime time) noexcept { return time.time_since_epoch().count(); }
inline WallTime from_unix_ms(std::int64_t ms) noexcept { return WallTime(Milliseconds(ms)); }
// RFC 3339 in UTC with milliseconds: "2026-11-23T21:50:07.042Z".
std::string to_rfc3339(WallTime time);

}  // namespace envoyou
