#include <envoyou/redis/message_queue.hpp>

#include <algorithm>
#include <utility>

namespace envoyou::redis {

namespace {

std::size_t bytes_of(const Message& message) noexcept {
  return message.pattern.size() + message.channel.size() + message.payload.size();
}

std::size_t bytes_of(const MessageView& message) noexcept {
  return message.pattern.size() + message.channel.size() + message.payload.size();
}

}  // namespace

MessageQueue::MessageQueue(MessageQueueOptions options, std::shared_ptr<Clock> clock)
    : options_(options), clock_(std::move(clock)) {}

std::optional<SubscriptionEvent> MessageQueue::next(Deadline deadline) {
  std::unique_lock lock(mutex_);
  while (events_.empty() && !closed_ && !deadline.expired(clock_->now())) {
    clock_->wait_until(lock, changed_, deadline.time());
  }
  return take();
}

std::optional<SubscriptionEvent> MessageQueue::try_next() {
  const std::lock_guard lock(mutex_);
  return take();
}

std::optional<SubscriptionEvent> MessageQueue::take() {
  if (events_.empty()) return std::nullopt;
  SubscriptionEvent event = std::move(events_.front());
  events_.pop_front();
  if (event.kind == Kind::kRejected) --rejections_;
  if (event.kind == Kind::kMessage) {
    --messages_;
    bytes_ -= bytes_of(event.message);
  }
  return event;
}

void MessageQueue::when_ready(std::function<void()> then) {
  std::unique_lock lock(mutex_);
  ready_ = std::move(then);
  if (!events_.empty() || closed_) wake(std::move(lock));
}

void MessageQueue::close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  wake(std::move(lock));
}

// The callback may look into the queue.
void MessageQueue::wake(std::unique_lock<std::mutex> lock) {
  const auto then = std::exchange(ready_, nullptr);
  changed_.notify_all();
  lock.unlock();
  if (then) then();
}

std::uint64_t MessageQueue::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

std::size_t MessageQueue::size() const {
  const std::lock_guard lock(mutex_);
  return events_.size();
}

std::size_t MessageQueue::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

bool MessageQueue::has_room(std::size_t bytes) const noexcept {
  return messages_ < options_.max_messages && bytes_ + bytes <= options_.max_bytes;
}

std::size_t MessageQueue::since_last_message(Kind kind) const noexcept {
  for (std::size_t i = events_.size(); i > 0 && events_[i - 1].kind != Kind::kMessage; --i) {
    if (events_[i - 1].kind == kind) return i - 1;
  }
  return kNone;
}

void MessageQueue::on_message(const MessageView& view) noexcept {
  std::unique_lock lock(mutex_);
  if (closed_) return;
  if (!has_room(bytes_of(view))) {
    ++dropped_;
    if (const std::size_t lagged = since_last_message(Kind::kLagged); lagged != kNone) {
      ++events_[lagged].missing;
      return;
    }
    return put({.kind = Kind::kLagged, .missing = 1}, std::move(lock));
  }
  ++messages_;
  bytes_ += bytes_of(view);
  const auto copy = [](std::string_view text) { return std::string(text); };
  put({.kind = Kind::kMessage, .message = {view.kind, copy(view.pattern), copy(view.channel), copy(view.payload)}},
      std::move(lock));
}

void MessageQueue::put(SubscriptionEvent event, std::unique_lock<std::mutex> lock) {
  if (closed_) return;
  events_.push_back(std::move(event));
  wake(std::move(lock));
}

// A link that comes and goes while nobody reads is one loss, that lasts until the last time it came back.
void MessageQueue::on_lost(const Error& why) noexcept {
  std::unique_lock lock(mutex_);
  const std::size_t back = since_last_message(Kind::kResubscribed);
  if (back != kNone && since_last_message(Kind::kLost) != kNone) {
    events_.erase(events_.begin() + static_cast<std::ptrdiff_t>(back));
    return;
  }
  put({.kind = Kind::kLost, .error = why}, std::move(lock));
}

void MessageQueue::on_resubscribed() noexcept { put({.kind = Kind::kResubscribed}, std::unique_lock(mutex_)); }

void MessageQueue::on_rejected(const Subscription& subscription, const Error& why) noexcept {
  std::unique_lock lock(mutex_);
  if (closed_ || rejections_ >= kMaxRejections) return;
  ++rejections_;
  put({.kind = Kind::kRejected, .subscription = subscription, .error = why}, std::move(lock));
}

}  // namespace envoyou::redis
