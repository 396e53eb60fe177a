#include "limiter/redis_backend.hpp"

#include "base/bytes.hpp"
#include "base/name.hpp"
#include "limiter/scripts.hpp"

#include <envoyou/redis/script.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace envoyou::limiter {

namespace {

// A merge may be sent again for as long as its entries count; this much longer for what lies in socket buffers.
constexpr Ms kMarkerSlack = 10'000;

// The scripts are never destroyed: a client that outlives the statics of its host may still hold a command made from one.
const redis::Script& script_of(std::string_view common, std::string_view text) {
  return *new redis::Script(std::string(common) + std::string(text));
}
const redis::Script& ask_script() {
  static const redis::Script& script = script_of(scripts::kSlidingLogCommon, scripts::kSlidingLog);
  return script;
}
const redis::Script& merge_script() {
  static const redis::Script& script = script_of(scripts::kSlidingLogCommon, scripts::kSlidingLogMerge);
  return script;
}
const redis::Script& reset_script() {
  static const redis::Script& script = script_of("", scripts::kReset);
  return script;
}
const redis::Script& epoch_script() {
  static const redis::Script& script = script_of("", scripts::kEpoch);
  return script;
}

// True if the first element restates the tag.
bool restates(const redis::ReplyView& reply, std::uint64_t tag) {
  if (!reply.is_aggregate() || reply.elements.empty() || !reply.elements[0].is_string()) return false;
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, tag).ptr;
  return reply.elements[0].text == std::string_view(digits, static_cast<std::size_t>(end - digits));
}

Error foreign() { return Error(Errc::kForeignReply, "a reply of the rate limiter does not restate its tag"); }
Error malformed() { return Error(Errc::kProtocol, "a reply of the rate limiter has the wrong shape"); }

Result<std::string> decode_epoch(const redis::ReplyView& reply, std::uint64_t tag) {
  if (!restates(reply, tag)) return foreign();
  if (reply.elements.size() != 2 || !reply.elements[1].is_string()) return malformed();
  return std::string(reply.elements[1].text);
}

Result<void> decode_reset(const redis::ReplyView& reply, std::uint64_t tag) {
  if (!restates(reply, tag)) return foreign();
  return {};
}

std::string hex(std::uint64_t value) {
  std::string bytes;
  base::append_u64(bytes, value);
  return base::to_hex(bytes);
}

void add_moment(redis::Words& words, const std::optional<Ms>& moment) {
  if (moment) {
    words.add(*moment);
  } else {
    words.add(std::string_view());
  }
}

Ms age(Ms local_now, Ms at) { return std::max<Ms>(0, local_now - at); }

std::string pack(const Merge& merge, Ms local_now) {
  std::string packed;
  packed.reserve(merge.entries.size() * 12);
  for (const OwedEntry& entry : merge.entries) {
    constexpr std::int64_t kMostCost = std::numeric_limits<std::uint32_t>::max();
    base::append_u64(packed, static_cast<std::uint64_t>(age(local_now, entry.at)));
    base::append_u32(packed, static_cast<std::uint32_t>(std::min(entry.cost, kMostCost)));
  }
  return packed;
}

}  // namespace

struct RedisBackend::TaggedIntegers {
  // admitted, afresh; two a log; one a rule
  static constexpr std::size_t kMost = 2 + 3 * kMaxRulesPerCheck;
  std::size_t count = 0;
  std::array<std::int64_t, kMost> values;
};

Result<RedisBackend::TaggedIntegers> RedisBackend::decode(const redis::ReplyView& reply, std::uint64_t tag) {
  if (!restates(reply, tag)) return foreign();
  TaggedIntegers made;
  made.count = reply.elements.size() - 1;
  if (made.count > TaggedIntegers::kMost) return malformed();
  for (std::size_t i = 0; i < made.count; ++i) {
    if (!reply.elements[i + 1].is_integer()) return malformed();
    made.values[i] = reply.elements[i + 1].integer;
  }
  return made;
}

RedisBackend::RedisBackend(RedisBackendOptions options, std::shared_ptr<redis::Client> client, Tokens& tokens)
    : options_(std::move(options)), client_(std::move(client)), tokens_(tokens) {}

std::string RedisBackend::stem(std::string_view key) const {
  std::string made = options_.prefix;
  made += ":{";
  made += base::key_part(options_.secrets, "limiter", key);
  made += "}:";
  return made;
}

RedisBackend::AskCommand RedisBackend::ask_command(const Request& request, bool take) {
  const std::uint64_t tag = tokens_.next();
  redis::Words words = ask_script().words(request.log_count);
  std::string key = stem(request.key);
  const std::size_t stem_size = key.size();
  for (std::size_t i = 0; i < request.log_count; ++i) {
    key.resize(stem_size);
    key += 'w';
    key += std::to_string(request.windows[i]);
    words.add(key);
  }
  words.add(tag);
  add_moment(words, request.now);
  words.add(request.cost).add(take ? 1 : 0).add(options_.least_ttl.count());
  for (std::size_t i = 0; i < request.log_count; ++i) words.add(request.windows[i]);
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    words.add(request.log_of_rule[i] + 1).add(request.rules[i].limit);
  }
  const auto repeat = take ? redis::Repeat::kNever : redis::Repeat::kIsSafe;
  return ask_script().command<TaggedIntegers>(std::move(words), &RedisBackend::decode, repeat, tag);
}

RedisBackend::AskCommand RedisBackend::merge_command(const Merge& merge, Ms local_now,
                                                      std::optional<Ms> server_now) {
  const std::uint64_t tag = tokens_.next();
  const std::string base_key = stem(merge.key);
  redis::Words words = merge_script().words(2);
  words.add(base_key + "w" + std::to_string(merge.window)).add(base_key + "m" + hex(merge.token));
  words.add(tag);
  add_moment(words, server_now);
  words.add(merge.window).add(options_.least_ttl.count());
  words.add(std::max(merge.window + kMarkerSlack, options_.least_ttl.count()));
  add_moment(words, merge.reset_at ? std::optional(age(local_now, *merge.reset_at)) : std::nullopt);
  words.add(pack(merge, local_now));
  return merge_script().command<TaggedIntegers>(std::move(words), &RedisBackend::decode, redis::Repeat::kIsSafe, tag);
}

Result<Answer> RedisBackend::to_answer(const Request& request, const Result<TaggedIntegers>& reply) {
  if (!reply) return reply.error();
  if (reply->count != 2 + 2 * request.log_count + request.rules.size()) return malformed();
  const std::int64_t* next = reply->values.data();
  Answer answer;
  answer.allowed = *next++ == 1;
  answer.clock_resets = static_cast<std::uint32_t>(*next++);
  for (std::size_t i = 0; i < request.log_count; ++i) {
    answer.logs[i].used = *next++;
    answer.logs[i].reset_after = *next++;
  }
  for (std::size_t i = 0; i < request.rules.size(); ++i) answer.retry_after[i] = *next++;
  return answer;
}

Result<Merged> RedisBackend::to_merged(const Result<TaggedIntegers>& reply) {
  if (!reply) return reply.error();
  if (reply->count != 3) return malformed();
  return Merged{reply->values[0], reply->values[1]};
}

Result<Answer> RedisBackend::take(const Request& request, Deadline deadline) {
  return to_answer(request, client_->run(ask_command(request, true), {deadline}));
}

Result<Answer> RedisBackend::peek(const Request& request, Deadline deadline) {
  return to_answer(request, client_->run(ask_command(request, false), {deadline}));
}

Result<void> RedisBackend::reset(const Request& request, Deadline deadline) {
  const std::uint64_t tag = tokens_.next();
  const std::string base_key = stem(request.key);
  redis::Words words = reset_script().words(request.log_count);
  for (std::size_t i = 0; i < request.log_count; ++i) words.add(base_key + "w" + std::to_string(request.windows[i]));
  words.add(tag);
  return client_->run(
      reset_script().command<void>(std::move(words), decode_reset, redis::Repeat::kIsSafe, tag), {deadline});
}

RedisBackend::TakeAfter RedisBackend::ask_after(std::span<const Merge> merges, Ms local_now, const Request& request,
                                                bool take, Deadline deadline) {
  redis::Pipeline pipeline;
  std::vector<redis::Pipeline::Slot<TaggedIntegers>> slots;
  for (const Merge& each : merges) slots.push_back(pipeline.add(merge_command(each, local_now, std::nullopt)));
  auto answer = pipeline.add(ask_command(request, take));
  const Result<void> ran = client_->run(pipeline, {deadline});
  if (!ran) return {std::vector<Result<Merged>>(merges.size(), ran.error()), ran.error()};
  TakeAfter made{{}, to_answer(request, redis::Pipeline::take(answer))};
  for (auto& slot : slots) made.merged.push_back(to_merged(redis::Pipeline::take(slot)));
  return made;
}

std::vector<Result<Merged>> RedisBackend::merge(std::span<const Merge> merges, Ms local_now, Deadline deadline,
                                                std::optional<Ms> server_now) {
  redis::Pipeline pipeline;
  std::vector<redis::Pipeline::Slot<TaggedIntegers>> slots;
  for (const Merge& each : merges) slots.push_back(pipeline.add(merge_command(each, local_now, server_now)));
  const Result<void> ran = client_->run(pipeline, {deadline});
  if (!ran) return std::vector<Result<Merged>>(merges.size(), ran.error());
  std::vector<Result<Merged>> made;
  for (auto& slot : slots) made.push_back(to_merged(redis::Pipeline::take(slot)));
  return made;
}

Result<std::string> RedisBackend::epoch(Deadline deadline) {
  const std::uint64_t tag = tokens_.next();
  redis::Words words = epoch_script().words(1);
  words.add(options_.prefix + ":epoch").add(tag).add(hex(tokens_.next()));
  return client_->run(
      epoch_script().command<std::string>(std::move(words), decode_epoch, redis::Repeat::kIsSafe, tag), {deadline});
}

}  // namespace envoyou::limiter
