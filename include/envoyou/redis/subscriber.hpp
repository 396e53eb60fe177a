// Pub/sub over a link of its own: channels, patterns, and shard channels, with RESP3 or RESP2.
//
//   class Log : public redis::SubscriptionListener { … };
//   Log log;
//   auto subscriber = redis::Subscriber::open(client, log).value();
//   subscriber->subscribe(redis::Subscription::channel("news"));          // in force when it returns without an error
//
//   auto queue = redis::MessageQueue({});                                 // or for a thread of yours:
//   message_queue.hpp auto subscriber = redis::Subscriber::open(client, queue).value();
//
// What holds:
//   - a subscription is confirmed by the server within the deadline, or it is an error and there is no subscription;
//   - after a lost link everything is subscribed again, without anybody asking. The gap is told in order with the
//     messages (on_lost, on_resubscribed): what was published in it is lost, as always with Redis' pub/sub;
//   - a link that goes silent is noticed within `heartbeat` and the client's `stall_limit` (1.1 s by default), also
//     where no message ever comes;
//   - a shard channel is followed to the node that owns its slot (MOVED, and the server's own SUNSUBSCRIBE when the
//   slot
//     moves), over links with the same TLS and credentials;
//   - with a cluster or behind sentinels it listens at one of the servers, and moves to another when that one is away
//   for
//     half a second;
//   - no message comes by a subscription once `unsubscribe` was called on the I/O thread, or has returned elsewhere;
//   - after the destructor has returned the listener is not called any more. It waits for no server, but for a listener
//     that is being called at that moment.
//
// Does not: acknowledge, repeat, or keep messages (for that there are streams); publish (a plain command of the
// client).
//
// Thread-safe. Destroy it on any thread but the I/O thread. It keeps the client alive; a client that is closed ends it.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/completion.hpp>
#include <envoyou/redis/subscription.hpp>
#include <envoyou/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace envoyou::redis {

struct SubscriberOptions {
  Milliseconds heartbeat{1'000};          // an idle link is asked for a sign of life as often
  std::size_t max_subscriptions = 4'096;  // then kQueueFull
  std::size_t max_name_bytes = 4'096;     // of a channel or pattern: then kTooLarge
};

struct SubscriberStats {
  std::uint64_t messages = 0;
  std::uint64_t lost = 0;          // how often subscriptions were not in force for a while
  std::uint64_t resubscribed = 0;  // how often all were back
  std::uint64_t rejected = 0;
  std::size_t subscriptions = 0;  // wanted
};

class Subscriber {
 public:
  // Never waits for the server. `listener` must outlive the subscriber.
  // Errors: kInvalidArgument, kForked, kTls (files that can not be read), kUnavailable (sentinels that have not named
  // the servers yet: see Client::wait_until_connected).
  static Result<std::unique_ptr<Subscriber>> open(std::shared_ptr<Client> client, SubscriptionListener& listener,
                                                  SubscriberOptions options = {});
  ~Subscriber();
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  // Waits for a link and for the server's word, at most until the deadline (default: command_timeout from now).
  // Errors: kTimeout, kNotSent (no link by then), kQueueFull, kTooLarge, kWouldDeadlock, kClosed, and what the server
  // says (kPermission where an ACL forbids the channel). After an error there is no subscription.
  Result<void> subscribe(Subscription subscription, CallOptions options = {});
  // Nothing comes by it any more when this returns, whatever the result; the result tells whether the server has said
  // so.
  Result<void> unsubscribe(Subscription subscription, CallOptions options = {});

  // The same, without waiting: `then` is called exactly once with a Result<void>, on the I/O thread, or on this one if
  // it is refused at once.
  template <class Then>
  void subscribe(Subscription subscription, CallOptions options, Then then) {
    ask(true, std::move(subscription), options, Completion<void>(std::move(then)));
  }
  template <class Then>
  void unsubscribe(Subscription subscription, CallOptions options, Then then) {
    ask(false, std::move(subscription), options, Completion<void>(std::move(then)));
  }

  // Its link is up.
  bool is_connected() const noexcept;
  SubscriberStats stats() const;

  struct Impl;

 private:
  explicit Subscriber(std::unique_ptr<Impl> impl);
  void ask(bool wanted, Subscription subscription, CallOptions options, Completion<void> then);

  std::unique_ptr<Impl> impl_;
};

}  // namespace envoyou::redis
