// Messages for a thread of yours: what a Subscriber's I/O thread hears is kept here, in order, until it is asked for.
//
//   redis::MessageQueue queue({});
//   auto subscriber = redis::Subscriber::open(client, queue).value();
//   subscriber->subscribe(redis::Subscription::channel("news"));
//   while (auto event = queue.next(deadline)) …                  // blocks, at most until the deadline
//
// Bounded in messages and bytes. What finds no room is dropped and counted, and in its place in the order stands one
// event kLagged that tells how many are missing there: a slow reader costs itself messages, never memory, and never the
// other users of the client. Losses of the link (kLost, kResubscribed) are events in the same order and are never
// dropped; between two messages there is at most one of each, the last. Refusals are kept up to kMaxRejections.
//
// For executors and coroutines: `try_next` never waits, and `when_ready` calls back once when there is something.
//
// Thread-safe. It must outlive the subscriber it is given to.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/deadline.hpp>
#include <envoyou/redis/subscription.hpp>
#include <envoyou/result.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace envoyou::redis {

struct Message {
  SubscriptionKind kind = SubscriptionKind::kChannel;
  std::string pattern{};
  std::string channel{};
  std::string payload{};
};

struct SubscriptionEvent {
  enum class Kind : std::uint8_t {
    kMessage,       // `message`
    kLagged,        // `missing` messages found no room
    kLost,          // `error`: why
    kResubscribed,  // messages since the last kLost may be missing
    kRejected,      // `subscription`, `error`
  };
  Kind kind = Kind::kMessage;
  Message message{};
  std::uint64_t missing = 0;
  Subscription subscription{};
  Error error{Errc::kOk};
};

struct MessageQueueOptions {
  std::size_t max_messages = 4'096;
  std::size_t max_bytes = 16u << 20;  // of names and payloads
};

class MessageQueue final : public SubscriptionListener {
 public:
  static constexpr std::size_t kMaxRejections = 1'024;

  explicit MessageQueue(MessageQueueOptions options, std::shared_ptr<Clock> clock = system_clock());

  // The next event, or nothing: the deadline has passed, or the queue is closed.
  std::optional<SubscriptionEvent> next(Deadline deadline);
  std::optional<SubscriptionEvent> try_next();
  // Calls `then` once: as soon as there is an event or the queue is closed, on the I/O thread or on this one. One at a
  // time: a second takes the place of the first, which is not called. It must not block.
  void when_ready(std::function<void()> then);

  // Whoever waits is woken, and nothing is taken in any more; what is there can still be had.
  void close();

  std::uint64_t dropped() const;  // messages, since the start
  std::size_t size() const;       // events
  std::size_t bytes() const;

  void on_message(const MessageView& message) noexcept override;
  void on_lost(const Error& why) noexcept override;
  void on_resubscribed() noexcept override;
  void on_rejected(const Subscription& subscription, const Error& why) noexcept override;

 private:
  using Kind = SubscriptionEvent::Kind;
  std::optional<SubscriptionEvent> take();
  bool has_room(std::size_t bytes) const noexcept;
  static constexpr std::size_t kNone = SIZE_MAX;
  std::size_t since_last_message(Kind kind) const noexcept;  // an index, or kNone
  void put(SubscriptionEvent event, std::unique_lock<std::mutex> lock);
  void wake(std::unique_lock<std::mutex> lock);

  const MessageQueueOptions options_;
  const std::shared_ptr<Clock> clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<SubscriptionEvent> events_;
  std::size_t messages_ = 0;  // among events_
  std::size_t bytes_ = 0;
  std::size_t rejections_ = 0;  // among events_
  std::uint64_t dropped_ = 0;
  bool closed_ = false;
  std::function<void()> ready_;
};

}  // namespace envoyou::redis
