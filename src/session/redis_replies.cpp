#include "session/redis_replies.hpp"

#include "base/bytes.hpp"
#include "base/hash.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <optional>

namespace envoyou::session {
namespace {

using redis::ReplyView;

constexpr std::string_view kFormat = "1";

Error foreign(std::string_view what) {
  return Error(Errc::kForeignReply, "session: the reply is not " + std::string(what));
}

std::string text_of(const ReplyView& reply) {
  return reply.is_integer() ? std::to_string(reply.integer) : std::string(reply.text);
}

Fields texts_of(const ReplyView& reply) {
  Fields texts;
  texts.reserve(reply.elements.size());
  for (const ReplyView& element : reply.elements) texts.push_back(text_of(element));
  return texts;
}

std::string_view value_in(const Fields& fields, std::string_view name) {
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2)
    if (fields[i] == name) return fields[i + 1];
  return {};
}

Error incoherent(std::string_view why) {
  return Error(Errc::kIncoherent, "session: what Redis holds " + std::string(why));
}

// Reads numbers one after the other and remembers whether one was none.
class Numbers {
 public:
  explicit Numbers(const Fields& fields) : fields_(fields) {}
  std::int64_t operator()(std::string_view name) {
    const auto number = base::parse_int64(value_in(fields_, name));
    if (!number || *number < 0) all_ = false;
    return number.value_or(0);
  }
  bool all() const noexcept { return all_; }

 private:
  const Fields& fields_;
  bool all_ = true;
};

Result<Record> parse(const Fields& fields, const std::string& tag) {
  if (value_in(fields, "f") != kFormat) return incoherent("has a format that this release does not know");
  Numbers number(fields);
  Record record;
  record.address = {std::string(value_in(fields, "q")), tag};
  record.user_part = value_in(fields, "p");
  record.user_id = value_in(fields, "u");
  record.user_data = value_in(fields, "d");
  record.device_info = value_in(fields, "n");
  record.ip_address = value_in(fields, "a");
  record.created_ms = number("c");
  record.last_active_ms = number("l");
  record.modified_ms = number("m");
  record.absolute_end_ms = number("x");
  record.idle_ms = number("i");
  record.version = static_cast<std::uint64_t>(number("v"));
  record.epoch = number("e");
  record.change = value_in(fields, "w");
  record.source = Source::kRedis;
  if (!number.all() || record.user_part.empty() || record.user_id.empty()) return incoherent("lacks a field");
  return record;
}

}  // namespace

std::uint64_t tag_of_name(std::string_view name) noexcept { return base::hash64(name); }

std::string tag_text(std::uint64_t tag) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), tag, 16).ptr;
  return std::string(digits.data(), end);
}

Result<Fields> decode_session(const ReplyView& reply, std::uint64_t tag) {
  if (!reply.is_aggregate() || reply.elements.size() % 2 != 0) return foreign("a session");
  Fields fields = texts_of(reply);
  if (!fields.empty() && tag_of_name(value_in(fields, "q")) != tag) return foreign("the session that was asked for");
  return fields;
}

Result<Fields> decode_fields(const ReplyView& reply, std::uint64_t) {
  if (!reply.is_aggregate() || reply.elements.size() % 2 != 0) return foreign("a hash");
  return texts_of(reply);
}

Result<Told> decode_told(const ReplyView& reply, std::uint64_t tag) {
  constexpr std::size_t kFixed = 3;
  if (!reply.is_aggregate() || reply.elements.size() < kFixed) return foreign("a script's");
  if (reply.elements[0].text != tag_text(tag)) return foreign("that of the script that was sent");
  const auto now = base::parse_int64(text_of(reply.elements[2]));
  if (!now) return foreign("a script's");
  Told told{std::string(reply.elements[1].text), *now, {}};
  for (const ReplyView& list : reply.elements.subspan(kFixed)) told.lists.push_back(texts_of(list));
  return told;
}

Result<std::int64_t> decode_time(const ReplyView& reply, std::uint64_t) {
  if (!reply.is_aggregate() || reply.elements.size() != 2) return foreign("a time");
  const auto seconds = base::parse_int64(text_of(reply.elements[0]));
  const auto micros = base::parse_int64(text_of(reply.elements[1]));
  if (!seconds || !micros) return foreign("a time");
  return *seconds * 1000 + *micros / 1000;
}

Result<Record> parse_record(const Fields& fields, const Address& expected) {
  if (value_in(fields, "q") != expected.name) return foreign("the session that was asked for");
  return parse(fields, expected.tag);
}

Result<Record> parse_listed(const Fields& fields, const std::string& tag) { return parse(fields, tag); }

std::int64_t epoch_in(const Fields& epochs, std::string_view user_part) {
  const std::string_view text = value_in(epochs, user_part);
  return base::parse_int64(text.substr(0, text.find(':'))).value_or(0);
}

}  // namespace envoyou::session
