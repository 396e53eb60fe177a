#include "redis/inbox.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace envoyou::redis {

namespace {

Error not_taken(Errc why) {
  return Error(why, why == Errc::kClosed ? "the client is closed" : "too many commands wait to be sent");
}

}  // namespace

Result<void> Inbox::post(Submission& submission, const Terms& terms) {
  bool must_wake = false;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t bytes = submission.words.encoded().size();
    if (const Errc admitted = admit(1, bytes); admitted != Errc::kOk) return not_taken(admitted);
    Pending& posted = items_.emplace_back(std::move(submission), terms);
    posted.charge = Charge(quota_, bytes);
    must_wake = std::exchange(sleeping_, false);
  }
  if (must_wake) wake_();
  return {};
}

Result<void> Inbox::post_in_turn(Submission& submission, const Terms& terms) {
  if (closed_) return not_taken(Errc::kClosed);
  const std::size_t bytes = submission.words.encoded().size();
  if (in_turn_.size() == in_turn_.capacity()) in_turn_.reserve(2 * in_turn_.size() + 1);
  if (!quota_.take_in_turn(1, bytes)) return not_taken(Errc::kQueueFull);
  in_turn_.emplace_back(std::move(submission), terms).charge = Charge(quota_, bytes);
  posted_in_turn_.store(posted_in_turn_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return {};
}

Result<void> Inbox::post(std::span<Pending> group) {
  bool must_wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (const Errc admitted = admit(group); admitted != Errc::kOk) return not_taken(admitted);
    must_wake = std::exchange(sleeping_, false);
  }
  if (must_wake) wake_();
  return {};
}

Errc Inbox::admit(std::span<Pending> group) {
  std::size_t bytes = 0;
  for (const Pending& pending : group) bytes += pending.words.encoded().size();
  if (const Errc admitted = admit(group.size(), bytes); admitted != Errc::kOk) return admitted;
  for (Pending& pending : group) {
    pending.charge = Charge(quota_, pending.words.encoded().size());
    items_.push_back(std::move(pending));
  }
  return Errc::kOk;
}

// Room first: behind the quota nothing may fail half-way.
Errc Inbox::admit(std::size_t commands, std::size_t bytes) {
  if (closed_) return Errc::kClosed;
  if (items_.capacity() - items_.size() < commands) items_.reserve(2 * (items_.size() + commands));
  if (!quota_.take(commands, bytes)) return Errc::kQueueFull;
  posted_ += commands;
  return Errc::kOk;
}

std::uint64_t Inbox::posted() const {
  const std::lock_guard lock(mutex_);
  return posted_ + posted_in_turn_.load(std::memory_order_relaxed);
}

void Inbox::take(std::vector<Pending>& into) {
  {
    const std::lock_guard lock(mutex_);
    items_.swap(into);
    sleeping_ = false;
  }
  if (into.empty()) return in_turn_.swap(into);
  std::move(in_turn_.begin(), in_turn_.end(), std::back_inserter(into));
  in_turn_.clear();
}

bool Inbox::is_asleep() const {
  const std::lock_guard lock(mutex_);
  return sleeping_;
}

bool Inbox::may_sleep() {
  const std::lock_guard lock(mutex_);
  sleeping_ = items_.empty() && in_turn_.empty() && !closed_;
  return sleeping_;
}

std::vector<Pending> Inbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  std::vector<Pending> left = std::exchange(items_, {});
  std::move(in_turn_.begin(), in_turn_.end(), std::back_inserter(left));
  in_turn_.clear();
  return left;
}

}  // namespace envoyou::redis
