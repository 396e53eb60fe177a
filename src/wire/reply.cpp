// Replies that own their content, and the readers of the usual shapes.
//
// A reply of another shape than the command can have is Errc::kForeignReply, which makes the client close the link.
// The message tells the two shapes and never the content: a foreign reply is somebody else's data.
#include <envoyou/redis/command.hpp>
#include <envoyou/redis/reply.hpp>

namespace envoyou::redis {

namespace {

std::string_view describe(ReplyType type) noexcept {
  switch (type) {
    case ReplyType::kNull: return "null";
    case ReplyType::kString: return "a string";
    case ReplyType::kInteger: return "an integer";
    case ReplyType::kDouble: return "a double";
    case ReplyType::kBoolean: return "a boolean";
    case ReplyType::kError: return "an error";
    case ReplyType::kArray: return "an array";
    case ReplyType::kMap: return "a map";
    case ReplyType::kSet: return "a set";
    case ReplyType::kPush: return "a push";
  }
  return "an unknown type";
}

Error other_shape(std::string_view expected, const ReplyView& reply) {
  if (reply.is_error()) return Error(Errc::kServerError, std::string(reply.text));
  std::string message("reply: expected ");
  message += expected;
  message += ", got ";
  message += describe(reply.type);
  return Error(Errc::kForeignReply, std::move(message));
}

// A score is a string with RESP2 and a double with RESP3; both carry the text.
bool has_text(const ReplyView& reply) noexcept {
  return reply.type == ReplyType::kString || reply.type == ReplyType::kDouble;
}

bool is_list(const ReplyView& reply) noexcept { return reply.is_aggregate() && reply.type != ReplyType::kPush; }

}  // namespace

Reply Reply::from(const ReplyView& view) {
  Reply reply;
  reply.type = view.type;
  reply.integer = view.integer;
  reply.number = view.number;
  reply.text = view.text;
  reply.elements.reserve(view.elements.size());
  for (const ReplyView& element : view.elements) reply.elements.push_back(from(element));
  return reply;
}

Result<Reply> decode_any(const ReplyView& reply, std::uint64_t /*tag*/) { return Reply::from(reply); }

Result<void> decode_ok(const ReplyView& reply, std::uint64_t /*tag*/) {
  if (reply.is_string() && reply.text == "OK") return {};
  return other_shape("OK", reply);
}

Result<std::int64_t> decode_integer(const ReplyView& reply, std::uint64_t /*tag*/) {
  if (reply.is_integer()) return reply.integer;
  return other_shape("an integer", reply);
}

Result<std::string> decode_string(const ReplyView& reply, std::uint64_t /*tag*/) {
  if (has_text(reply)) return std::string(reply.text);
  return other_shape("a string", reply);
}

Result<std::optional<std::string>> decode_optional_string(const ReplyView& reply, std::uint64_t /*tag*/) {
  if (reply.is_null()) return std::optional<std::string>();
  if (has_text(reply)) return std::optional<std::string>(reply.text);
  return other_shape("a string or null", reply);
}

Result<std::vector<std::string>> decode_strings(const ReplyView& reply, std::uint64_t /*tag*/) {
  if (!is_list(reply)) return other_shape("a list of strings", reply);
  std::vector<std::string> strings;
  strings.reserve(reply.elements.size());
  for (const ReplyView& element : reply.elements) {
    if (!has_text(element)) return other_shape("a string in the list", element);
    strings.emplace_back(element.text);
  }
  return strings;
}

Result<std::vector<std::optional<std::string>>> decode_optional_strings(const ReplyView& reply, std::uint64_t /*tag*/) {
  if (!is_list(reply)) return other_shape("a list of strings", reply);
  std::vector<std::optional<std::string>> strings;
  strings.reserve(reply.elements.size());
  for (const ReplyView& element : reply.elements) {
    if (element.is_null()) {
      strings.emplace_back();
    } else if (has_text(element)) {
      strings.emplace_back(element.text);
    } else {
      return other_shape("a string or null in the list", element);
    }
  }
  return strings;
}

}  // namespace envoyou::redis
