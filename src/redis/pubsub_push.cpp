#include "redis/pubsub_push.hpp"

#include <array>
#include <cstddef>

namespace envoyou::redis {

namespace {

using Kind = PubSubPush::Kind;

struct Word {
  std::string_view word;
  Kind kind;
  SubscriptionKind by;
};

constexpr std::array<Word, 9> kWords{{
    {"message", Kind::kMessage, SubscriptionKind::kChannel},
    {"pmessage", Kind::kMessage, SubscriptionKind::kPattern},
    {"smessage", Kind::kMessage, SubscriptionKind::kShardChannel},
    {"subscribe", Kind::kSubscribed, SubscriptionKind::kChannel},
    {"psubscribe", Kind::kSubscribed, SubscriptionKind::kPattern},
    {"ssubscribe", Kind::kSubscribed, SubscriptionKind::kShardChannel},
    {"unsubscribe", Kind::kUnsubscribed, SubscriptionKind::kChannel},
    {"punsubscribe", Kind::kUnsubscribed, SubscriptionKind::kPattern},
    {"sunsubscribe", Kind::kUnsubscribed, SubscriptionKind::kShardChannel},
}};

std::optional<PubSubPush> read_message(const ReplyView& reply, SubscriptionKind by) noexcept {
  const auto elements = reply.elements;
  const std::size_t size = by == SubscriptionKind::kPattern ? 4 : 3;
  if (elements.size() != size) return std::nullopt;
  for (const ReplyView& element : elements) {
    if (!element.is_string()) return std::nullopt;
  }
  return PubSubPush{Kind::kMessage, by, elements[1].text, elements[size - 2].text, elements[size - 1].text};
}

}  // namespace

std::optional<PubSubPush> read_pubsub_push(const ReplyView& reply) noexcept {
  if (!reply.is_aggregate() || reply.elements.size() < 3 || !reply.elements[0].is_string()) return std::nullopt;
  for (const Word& each : kWords) {
    if (reply.elements[0].text != each.word) continue;
    if (each.kind == Kind::kMessage) return read_message(reply, each.by);
    if (reply.elements.size() != 3 || !reply.elements[1].is_string()) return std::nullopt;
    return PubSubPush{each.kind, each.by, reply.elements[1].text};
  }
  return std::nullopt;
}

Words subscribe_words(const Subscription& subscription, bool wanted) {
  static constexpr std::array<std::array<std::string_view, 2>, 3> kVerbs{{
      {"UNSUBSCRIBE", "SUBSCRIBE"},
      {"PUNSUBSCRIBE", "PSUBSCRIBE"},
      {"SUNSUBSCRIBE", "SSUBSCRIBE"},
  }};
  const auto& verbs = kVerbs[static_cast<std::size_t>(subscription.kind)];
  return Words(verbs[wanted ? 1 : 0], std::string_view(subscription.name));
}

}  // namespace envoyou::redis
