// What one can subscribe to, and what comes of it. Values and one interface; subscriber.hpp is who uses them.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace envoyou::redis {

enum class SubscriptionKind : std::uint8_t {
  kChannel,       // SUBSCRIBE
  kPattern,       // PSUBSCRIBE; keyspace notifications ("__keyevent@0__:*") are patterns
  kShardChannel,  // SSUBSCRIBE, Redis 7: lives on the node that owns the channel's slot
};

struct Subscription {
  SubscriptionKind kind = SubscriptionKind::kChannel;
  std::string name{};

  static Subscription channel(std::string_view name) { return {SubscriptionKind::kChannel, std::string(name)}; }
  static Subscription pattern(std::string_view name) { return {SubscriptionKind::kPattern, std::string(name)}; }
  static Subscription shard_channel(std::string_view name) {
    return {SubscriptionKind::kShardChannel, std::string(name)};
  }

  friend bool operator==(const Subscription&, const Subscription&) = default;
  friend auto operator<=>(const Subscription&, const Subscription&) = default;
};

// Looks into the client's memory: valid during the call only.
struct MessageView {
  SubscriptionKind kind = SubscriptionKind::kChannel;  // of the subscription that it came by
  std::string_view pattern{};                          // kPattern: the one that fits
  std::string_view channel{};
  std::string_view payload{};
};

// What happens to a subscriber, in order: what is told between `on_lost` and `on_resubscribed` comes by subscriptions
// that are back already. Messages that were published between the two may be missing, and nothing else tells which:
// Redis keeps none.
//
// Called on the I/O thread; must not block, throw, or destroy the subscriber. It may subscribe and unsubscribe.
class SubscriptionListener {
 public:
  virtual ~SubscriptionListener() = default;

  virtual void on_message(const MessageView& message) noexcept = 0;
  // Some or all subscriptions are not in force: the link is gone, or a shard's channels move to another node.
  virtual void on_lost(const Error& why) noexcept = 0;
  // All that were in force before are again.
  virtual void on_resubscribed() noexcept = 0;
  // A subscription that was in force before is refused by the server, and not wanted any more.
  virtual void on_rejected(const Subscription& subscription, const Error& why) noexcept = 0;
  // The server has answered a ping of `asked`: all it had sent before that on the home link has been told.
  virtual void on_heartbeat(TimePoint asked) noexcept { (void)asked; }
};

}  // namespace envoyou::redis
