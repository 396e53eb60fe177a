// What a push of pub/sub says. RESP2 says the same in plain arrays.
//
//   message channel payload     pmessage pattern channel payload     smessage channel payload
//   subscribe name count        psubscribe, ssubscribe               and each with "un"
//
// Pure; thread-safe.
#pragma once

#include <envoyou/redis/command.hpp>
#include <envoyou/redis/reply.hpp>
#include <envoyou/redis/subscription.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace envoyou::redis {

struct PubSubPush {
  enum class Kind : std::uint8_t { kMessage, kSubscribed, kUnsubscribed };
  Kind kind = Kind::kMessage;
  SubscriptionKind by = SubscriptionKind::kChannel;
  std::string_view name{};     // of the subscription
  std::string_view channel{};  // kMessage
  std::string_view payload{};  // kMessage
};

// Nothing: the reply is none of these. It looks into `reply`.
std::optional<PubSubPush> read_pubsub_push(const ReplyView& reply) noexcept;

// SUBSCRIBE, PUNSUBSCRIBE ... and the name.
Words subscribe_words(const Subscription& subscription, bool wanted);

}  // namespace envoyou::redis
