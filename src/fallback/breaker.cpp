#include "fallback/breaker.hpp"

#include <algorithm>

namespace envoyou::fallback {

bool Breaker::on_failure(TimePoint now) noexcept {
  if (state_ == BreakerState::kOpen) return false;
  const bool flapped = good_since_.has_value() && now - *good_since_ < options_.flap_window;
  stable_for_ = flapped ? std::min(stable_for_ * 2, options_.max_stable_for) : options_.stable_for;
  state_ = BreakerState::kOpen;
  return true;
}

bool Breaker::on_answered(TimePoint now) noexcept {
  if (state_ != BreakerState::kOpen) return false;
  good_since_ = now;
  state_ = BreakerState::kHalfOpen;
  return true;
}

bool Breaker::advance(TimePoint now) noexcept {
  const auto at = due();
  if (!at || now < *at) return false;
  state_ = BreakerState::kClosed;
  return true;
}

std::optional<TimePoint> Breaker::due() const noexcept {
  if (state_ != BreakerState::kHalfOpen) return std::nullopt;
  return *good_since_ + stable_for_;
}

}  // namespace envoyou::fallback
