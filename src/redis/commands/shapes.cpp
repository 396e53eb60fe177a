#include "redis/commands/shapes.hpp"

#include <charconv>

namespace envoyou::redis::cmd {

namespace {

constexpr std::size_t kDigits = 32;  // the shortest text of any double

}  // namespace

Error no_such_shape(std::string_view expected, const ReplyView& reply) {
  if (reply.is_error()) return Error(Errc::kServerError, std::string(reply.text));
  return Error(Errc::kForeignReply, "reply: expected " + std::string(expected));
}

Result<bool> Shape<bool>::read(const ReplyView& reply) {
  const bool is_one = reply.is_integer() || reply.type == ReplyType::kBoolean;
  if (!is_one || reply.integer < 0 || reply.integer > 1) return no_such_shape("0 or 1", reply);
  return reply.integer == 1;
}

Result<double> Shape<double>::read(const ReplyView& reply) {
  if (reply.type == ReplyType::kDouble) return reply.number;
  if (reply.is_integer()) return static_cast<double>(reply.integer);
  double value = 0;
  const char* const end = reply.text.data() + reply.text.size();
  if (!reply.is_string() || std::from_chars(reply.text.data(), end, value).ptr != end || reply.text.empty()) {
    return no_such_shape("a number", reply);
  }
  return value;
}

Result<std::vector<Scored>> Shape<std::vector<Scored>>::read(const ReplyView& reply) {
  std::vector<Scored> all;
  auto done = read_pairs(reply, [&](const ReplyView& member, const ReplyView& score) -> Result<void> {
    auto name = Shape<std::string>::read(member);
    if (!name) return name.error();
    auto number = Shape<double>::read(score);
    if (!number) return number.error();
    all.push_back({std::move(name).value(), *number});
    return {};
  });
  if (!done) return done.error();
  return all;
}

Words& add_double(Words& words, double value) {
  char text[kDigits];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return words.add(std::string_view(text, static_cast<std::size_t>(end - text)));
}

Words& add_seconds(Words& words, Milliseconds value) {
  return add_double(words, static_cast<double>(value.count()) / 1000);
}

Words& add_all(Words& words, const Strings& strings) {
  for (const std::string_view string : strings) words.add(string);
  return words;
}

Words& add_counted(Words& words, const Strings& strings) { return add_all(words.add(strings.size()), strings); }

Words& add_pairs(Words& words, const Pairs& pairs) {
  for (const auto& [first, second] : pairs) words.add(first).add(second);
  return words;
}

Words& add_flag(Words& words, bool given, std::string_view word) { return given ? words.add(word) : words; }

Words& add_limit(Words& words, const std::optional<Limit>& limit) {
  if (limit) words.add("LIMIT").add(limit->offset).add(limit->count);
  return words;
}

Words& add_scan(Words& words, const ScanOptions& options) {
  if (!options.match.empty()) words.add("MATCH").add(options.match);
  if (options.count > 0) words.add("COUNT").add(options.count);
  if (!options.type.empty()) words.add("TYPE").add(options.type);
  return words;
}

Words calling(std::string_view name, std::string_view what, const Strings& keys, const Strings& arguments) {
  Words words(name, what);
  return std::move(add_all(add_counted(words, keys), arguments));
}

}  // namespace envoyou::redis::cmd
