#include "redis/inbox.hpp"

#include <utility>

namespace envoyou::redis {

Result<void> Inbox::post(Submission& submission, const Terms& terms) {
  bool must_wake = false;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t bytes = submission.words.encoded().size();
    if (auto admitted = admit(1, bytes); !admitted) return admitted;
    Pending& posted = items_.emplace_back(std::move(submission), terms);
    posted.charge = Charge(quota_, bytes);
    must_wake = std::exchange(sleeping_, false);
  }
  if (must_wake) wake_();
  return {};
}

Result<void> Inbox::post(std::span<Pending> group) {
  bool must_wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (auto admitted = admit(group); !admitted) return admitted;
    must_wake = std::exchange(sleeping_, false);
  }
  if (must_wake) wake_();
  return {};
}

Result<void> Inbox::admit(std::span<Pending> group) {
  std::size_t bytes = 0;
  for (const Pending& pending : group) bytes += pending.words.encoded().size();
  if (auto admitted = admit(group.size(), bytes); !admitted) return admitted;
  for (Pending& pending : group) {
    pending.charge = Charge(quota_, pending.words.encoded().size());
    items_.push_back(std::move(pending));
  }
  return {};
}

// Room first: behind the quota nothing may fail half-way.
Result<void> Inbox::admit(std::size_t commands, std::size_t bytes) {
  if (closed_) return Error(Errc::kClosed, "the client is closed");
  if (items_.capacity() - items_.size() < commands) items_.reserve(2 * (items_.size() + commands));
  if (!quota_.take(commands, bytes)) return Error(Errc::kQueueFull, "too many commands wait to be sent");
  posted_ += commands;
  return {};
}

std::uint64_t Inbox::posted() const {
  const std::lock_guard lock(mutex_);
  return posted_;
}

void Inbox::take(std::vector<Pending>& into) {
  const std::lock_guard lock(mutex_);
  items_.swap(into);
  sleeping_ = false;
}

bool Inbox::is_asleep() const {
  const std::lock_guard lock(mutex_);
  return sleeping_;
}

bool Inbox::may_sleep() {
  const std::lock_guard lock(mutex_);
  sleeping_ = items_.empty() && !closed_;
  return sleeping_;
}

std::vector<Pending> Inbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  return std::exchange(items_, {});
}

}  // namespace envoyou::redis
