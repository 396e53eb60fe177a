#include "cache/redis_commands.hpp"

#include "base/bytes.hpp"
#include "cache/codec.hpp"
#include "cache/scripts.hpp"

#include <envoyou/redis/script.hpp>

namespace envoyou::cache::commands {
namespace {

using redis::Repeat;
using redis::ReplyView;
using redis::Words;

constexpr std::size_t kGenerationBytes = 16;

Error foreign(std::string_view what) { return {Errc::kForeignReply, "cache: " + std::string(what)}; }

Result<std::optional<std::string>> decode_entry(const ReplyView& reply, std::uint64_t tag) {
  if (reply.is_null()) return std::optional<std::string>();
  if (!reply.is_string()) return foreign("a reply that is no value");
  if (!may_restate(reply.text, tag)) return foreign("a value that restates another key");
  return std::optional<std::string>(reply.text);
}

Generation generation_of(const ReplyView& element) {
  if (element.is_null()) return {};
  if (!element.is_string() || element.text.size() != kGenerationBytes) return {.malformed = true};
  return {.number = base::read_u64(element.text), .owner = base::read_u64(element.text.substr(8))};
}

Result<std::vector<Generation>> decode_generations(const ReplyView& reply, std::uint64_t tag) {
  if (!reply.is_aggregate()) return foreign("a reply that is no list of generations");
  std::vector<Generation> generations;
  for (const ReplyView& element : reply.elements) generations.push_back(generation_of(element));
  if (generations.empty()) return foreign("an empty list of generations");
  const Generation& first = generations.front();
  if (first.number != 0 && first.owner != tag) return foreign("a generation of another tag");
  return generations;
}

Result<bool> decode_set(const ReplyView& reply, std::uint64_t) {
  if (reply.is_null()) return false;
  if (reply.is_string() && reply.text == "OK") return true;
  return foreign("a reply to something else than SET");
}

Result<bool> decode_carried(const ReplyView& reply, std::uint64_t tag) {
  const bool shaped = reply.is_aggregate() && reply.elements.size() == 2 && reply.elements[0].is_string() &&
                      reply.elements[0].text.size() == 8 && reply.elements[1].is_integer();
  if (!shaped || base::read_u64(reply.elements[0].text) != tag) return foreign("a script's reply with another echo");
  return reply.elements[1].integer == 1;
}

const redis::Script& carry_over_script() {
  static const redis::Script script(scripts::kCarryOver);
  return script;
}

}  // namespace

redis::Command<std::optional<std::string>> get_entry(const Name& entry) {
  return {Words("GET", entry.key), decode_entry, Repeat::kIsSafe, tag_of(entry.digest)};
}

redis::Command<std::vector<Generation>> get_generations(const std::vector<const Name*>& tags) {
  Words words("MGET");
  for (const Name* tag : tags) words.add(tag->key);
  return {std::move(words), decode_generations, Repeat::kIsSafe, tag_of(tags.front()->digest)};
}

redis::Command<bool> set_generation(const Name& tag, std::uint64_t number, Milliseconds ttl, bool replace) {
  std::string value;
  base::append_u64(value, number);
  base::append_u64(value, tag_of(tag.digest));
  Words words("SET", tag.key, value, "PX", ttl.count());
  if (!replace) words.add("NX");
  return {std::move(words), decode_set, Repeat::kIsSafe};
}

redis::Command<bool> set_entry(const Name& entry, std::string_view envelope, Milliseconds ttl, bool only_if_absent) {
  Words words("SET", entry.key, envelope, "PX", ttl.count());
  if (only_if_absent) words.add("NX");
  return {std::move(words), decode_set, Repeat::kIsSafe};
}

redis::Command<std::int64_t> remove(const std::vector<Name>& names) {
  Words words("DEL");
  for (const Name& name : names) words.add(name.key);
  return {std::move(words), redis::decode_integer, Repeat::kIsSafe};
}

redis::Command<std::int64_t> extend(const Name& name, Milliseconds ttl) {
  return {Words("PEXPIRE", name.key, ttl.count()), redis::decode_integer, Repeat::kIsSafe};
}

redis::Command<std::int64_t> time_left(const Name& name) {
  return {Words("PTTL", name.key), redis::decode_integer, Repeat::kIsSafe};
}

redis::Command<bool> carry_over(const Name& entry, WallTime written, Milliseconds ttl, std::string_view envelope) {
  const redis::Script& script = carry_over_script();
  Words words = script.words(1);
  words.add(entry.key).add(entry.bytes().substr(0, 8)).add(kEnvelopeBegins).add(to_unix_ms(written));
  words.add(envelope.empty() ? 0 : ttl.count()).add(envelope);
  return script.command<bool>(std::move(words), decode_carried, Repeat::kIsSafe, tag_of(entry.digest));
}

}  // namespace envoyou::cache::commands
