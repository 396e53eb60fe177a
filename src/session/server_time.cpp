#include "session/server_time.hpp"

#include <cstdlib>
#include <utility>

namespace envoyou::session {
namespace {
constexpr std::int64_t kMeasureEveryMs = 60'000;
}  // namespace

ServerTime::ServerTime(std::shared_ptr<Clock> clock)
    : clock_(std::move(clock)), opened_(clock_->now()), opened_wall_ms_(to_unix_ms(clock_->wall_now())) {}

std::int64_t ServerTime::local_ms(TimePoint at) const noexcept {
  return opened_wall_ms_ + std::chrono::duration_cast<Milliseconds>(at - opened_).count();
}

std::int64_t ServerTime::now_ms() const { return local_ms(clock_->now()) + offset_ms(); }

void ServerTime::measured(std::int64_t server_ms, TimePoint sent, TimePoint received) {
  const std::int64_t earliest = local_ms(sent);
  const std::int64_t latest = local_ms(received);
  const std::int64_t offset = server_ms - (earliest + latest) / 2;
  const std::int64_t error = (latest - earliest) / 2 + 2;
  const bool first = !was_measured();
  measured_at_ms_.store(latest, std::memory_order_relaxed);
  if (first || std::llabs(offset - offset_ms()) > error) offset_ms_.store(offset, std::memory_order_relaxed);
}

bool ServerTime::wants_measuring() const {
  const std::int64_t last = measured_at_ms_.load(std::memory_order_relaxed);
  return last == kNever || local_ms(clock_->now()) - last >= kMeasureEveryMs;
}

}  // namespace envoyou::session
