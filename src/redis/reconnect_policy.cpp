#include "redis/reconnect_policy.hpp"

#include <algorithm>

namespace envoyou::redis {

namespace {

constexpr double kJitter = 0.2;
constexpr int kMaxDoublings = 20;

}  // namespace

ReconnectPolicy::ReconnectPolicy(Milliseconds first, Milliseconds most, std::size_t links, base::Jitter& jitter)
    : first_(first), most_(most), burst_(kBurst + static_cast<std::int64_t>(links) - 1), jitter_(jitter) {}

void ReconnectPolicy::on_attempt(TimePoint now) {
  last_start_ = now;
  full_at_ = std::max(full_at_, now) + kTokenEvery;
}

void ReconnectPolicy::on_failed() {
  failures_ = std::min(failures_ + 1, kMaxDoublings);
  backed_off_until_ = last_start_ + delay();
}

std::chrono::nanoseconds ReconnectPolicy::delay() {
  const auto doubled = first_ * (std::int64_t{1} << (failures_ - 1));
  const auto nominal = std::min(doubled, most_);
  const double less = static_cast<double>(nominal.count()) * kJitter * jitter_.unit();
  return nominal - std::chrono::nanoseconds(static_cast<std::int64_t>(less));
}

void ReconnectPolicy::on_answered(std::int64_t answers) noexcept {
  if (full_at_ <= last_start_) return;
  // More than a bucket cannot be earned, which also keeps the product small.
  const std::int64_t useful = std::min(answers, burst_ * kAnswersPerToken);
  full_at_ -= std::chrono::nanoseconds(kTokenEvery) * useful / kAnswersPerToken;
}

TimePoint ReconnectPolicy::next_attempt() const noexcept {
  // There is a token as long as the time at which the bucket is full is less than a whole bucket away.
  const TimePoint has_token = full_at_ == TimePoint::min() ? full_at_ : full_at_ - kTokenEvery * (burst_ - 1);
  const TimePoint may = std::max(has_token, held_until_);
  return failures_ == 0 ? may : std::max(backed_off_until_, may);
}

}  // namespace envoyou::redis
