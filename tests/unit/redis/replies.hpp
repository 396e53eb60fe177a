// Replies for tests, as a decoder would present them. Views: what they name must outlive them.
#pragma once

#include <envoyou/redis/reply.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace envoyou::redis {

inline ReplyView string_reply(std::string_view text) { return {.type = ReplyType::kString, .text = text}; }
inline ReplyView error_reply(std::string_view text) { return {.type = ReplyType::kError, .text = text}; }
inline ReplyView integer_reply(std::int64_t value) { return {.type = ReplyType::kInteger, .integer = value}; }
inline ReplyView null_reply() { return {}; }
inline ReplyView aggregate_reply(ReplyType type, std::span<const ReplyView> elements) {
  return {.type = type, .elements = elements};
}

}  // namespace envoyou::redis
