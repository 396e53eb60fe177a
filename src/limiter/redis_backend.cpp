#include "limiter/redis_backend.hpp"

#include "base/bytes.hpp"
#include "base/name.hpp"
#include "limiter/scripts.hpp"

#include <envoyou/redis/node_of.hpp>
#include <envoyou/redis/script.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace envoyou::limiter {

namespace {

// A merge may be sent again for as long as its entries count; this much longer for what lies in socket buffers.
constexpr Ms kMarkerSlack = 10'000;

// The scripts are never destroyed: a client that outlives the statics of its host may still hold a command made from
// one.
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
  static const redis::Script& script = script_of(scripts::kSlidingLogCommon, scripts::kSlidingLogReset);
  return script;
}
const redis::Script& epoch_script() {
  static const redis::Script& script = script_of("", scripts::kEpoch);
  return script;
}

// A command that needs no script on the server.
template <class R>
redis::Command<R> with_text(redis::Command<R> command) {
  command.words = command.script->with_text(command.words);
  command.script = nullptr;
  return command;
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

// What became of a call, now on the server's clock, and what the script says beside.
struct RedisBackend::Integers {
  static constexpr std::int64_t kYes = 1;
  static constexpr std::int64_t kTooLate = 2;
  // Logs that started afresh; two a log; one a rule.
  static constexpr std::size_t kMost = 1 + 3 * kMaxRulesPerCheck;

  std::int64_t outcome = 0;
  Ms server_time = 0;
  std::size_t count = 0;
  std::array<std::int64_t, kMost> values;
};

Result<RedisBackend::Integers> RedisBackend::decode(const redis::ReplyView& reply, std::uint64_t tag) {
  if (!restates(reply, tag)) return foreign();
  const auto numbers = reply.elements.subspan(1);
  Integers made;
  if (numbers.size() < 2 || numbers.size() > 2 + Integers::kMost) return malformed();
  if (!std::ranges::all_of(numbers, [](const redis::ReplyView& each) { return each.is_integer(); })) return malformed();
  made.outcome = numbers[0].integer;
  made.server_time = numbers[1].integer;
  made.count = numbers.size() - 2;
  for (std::size_t i = 0; i < made.count; ++i) made.values[i] = numbers[i + 2].integer;
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

bool RedisBackend::has_many_nodes() const noexcept { return client_->options().topology == redis::Topology::kCluster; }

Ms RedisBackend::now() const { return to_ms(client_->runtime().clock->now()); }

RedisBackend::Trip RedisBackend::begin(std::string_view key, Deadline deadline) {
  const std::string node = has_many_nodes() ? redis::node_of(*client_, stem(key)) : std::string();
  Trip trip{.clock = server_clocks_.of(node), .begun = now(), .not_after = std::nullopt, .deadline = deadline};
  if (!deadline.is_never()) trip.not_after = trip.clock->at(to_ms(deadline.time()));
  return trip;
}

void RedisBackend::learn(const Trip& trip, Result<Integers>& reply) {
  if (!reply) return;
  trip.clock->learn(trip.begun, now(), reply->server_time);
  if (reply->outcome == Integers::kTooLate) reply = Error(Errc::kNotSent, "redis came to it after its deadline");
}

Result<RedisBackend::Integers> RedisBackend::run(const Trip& trip, Command command) {
  Result<Integers> reply = client_->run(std::move(command), {trip.deadline});
  learn(trip, reply);
  return reply;
}

RedisBackend::Command RedisBackend::ask_command(const Request& request, bool take, const Trip& trip) {
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
  add_moment(words, request.now ? std::nullopt : trip.not_after);
  words.add(request.cost).add(take ? 1 : 0).add(options_.least_ttl.count());
  for (std::size_t i = 0; i < request.log_count; ++i) words.add(request.windows[i]);
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    words.add(request.log_of_rule[i] + 1).add(request.rules[i].limit);
  }
  const auto repeat = take ? redis::Repeat::kNever : redis::Repeat::kIsSafe;
  return ask_script().command<Integers>(std::move(words), &RedisBackend::decode, repeat, tag);
}

RedisBackend::Command RedisBackend::merge_command(const Merge& merge, std::optional<Ms> virtual_now, const Trip& trip) {
  const std::uint64_t tag = tokens_.next();
  const std::string base_key = stem(merge.key);
  const Ms local_now = virtual_now.value_or(trip.begun);
  redis::Words words = merge_script().words(2);
  words.add(base_key + "w" + std::to_string(merge.window)).add(base_key + "m" + hex(merge.token));
  words.add(tag);
  add_moment(words, virtual_now);
  add_moment(words, virtual_now ? std::nullopt : trip.not_after);
  words.add(merge.window).add(options_.least_ttl.count());
  words.add(std::max(merge.window + kMarkerSlack, options_.least_ttl.count()));
  add_moment(words, merge.reset_at ? std::optional(age(local_now, *merge.reset_at)) : std::nullopt);
  words.add(pack(merge, local_now));
  return merge_script().command<Integers>(std::move(words), &RedisBackend::decode, redis::Repeat::kIsSafe, tag);
}

Result<Answer> RedisBackend::to_answer(const Request& request, const Result<Integers>& reply) {
  if (!reply) return reply.error();
  if (reply->count != 1 + 2 * request.log_count + request.rules.size()) return malformed();
  const std::int64_t* next = reply->values.data();
  Answer answer;
  answer.allowed = reply->outcome == Integers::kYes;
  answer.clock_resets = static_cast<std::uint32_t>(*next++);
  for (std::size_t i = 0; i < request.log_count; ++i) {
    answer.logs[i].used = *next++;
    answer.logs[i].reset_after = *next++;
  }
  for (std::size_t i = 0; i < request.rules.size(); ++i) answer.retry_after[i] = *next++;
  return answer;
}

Result<Merged> RedisBackend::to_merged(const Result<Integers>& reply) {
  if (!reply) return reply.error();
  if (reply->count != 2) return malformed();
  return Merged{reply->values[0], reply->values[1]};
}

Result<Answer> RedisBackend::take(const Request& request, Deadline deadline) {
  const Trip trip = begin(request.key, deadline);
  return to_answer(request, run(trip, ask_command(request, true, trip)));
}

Result<Answer> RedisBackend::peek(const Request& request, Deadline deadline) {
  const Trip trip = begin(request.key, deadline);
  return to_answer(request, run(trip, ask_command(request, false, trip)));
}

Result<void> RedisBackend::reset(const Request& request, Deadline deadline) {
  const Trip trip = begin(request.key, deadline);
  const std::uint64_t tag = tokens_.next();
  const std::string base_key = stem(request.key);
  redis::Words words = reset_script().words(request.log_count);
  for (std::size_t i = 0; i < request.log_count; ++i) words.add(base_key + "w" + std::to_string(request.windows[i]));
  words.add(tag);
  add_moment(words, request.now);
  add_moment(words, request.now ? std::nullopt : trip.not_after);
  const auto reply =
      run(trip, reset_script().command<Integers>(std::move(words), &RedisBackend::decode, redis::Repeat::kIsSafe, tag));
  if (!reply) return reply.error();
  return {};
}

RedisBackend::TakeAfter RedisBackend::ask_after(std::span<const Merge> merges, const Request& request, bool take,
                                                Deadline deadline) {
  const Trip trip = begin(request.key, deadline);
  redis::Pipeline pipeline;
  std::vector<redis::Pipeline::Slot<Integers>> slots;
  // As text: a merge whose script the server does not know would be sent once more, and then behind the question.
  for (const Merge& each : merges) slots.push_back(pipeline.add(with_text(merge_command(each, std::nullopt, trip))));
  auto answer = pipeline.add(ask_command(request, take, trip));
  const Result<void> ran = client_->run(pipeline, {deadline});
  if (!ran) return {std::vector<Result<Merged>>(merges.size(), ran.error()), ran.error()};
  TakeAfter made{{}, Error()};
  for (auto& slot : slots) {
    learn(trip, redis::Pipeline::take(slot));
    made.merged.push_back(to_merged(redis::Pipeline::take(slot)));
  }
  learn(trip, redis::Pipeline::take(answer));
  made.answer = to_answer(request, redis::Pipeline::take(answer));
  return made;
}

std::vector<Result<Merged>> RedisBackend::merge(std::span<const Merge> merges, Deadline deadline,
                                                std::optional<Ms> virtual_now) {
  redis::Pipeline pipeline;
  std::vector<Trip> trips;
  std::vector<redis::Pipeline::Slot<Integers>> slots;
  for (const Merge& each : merges) {
    trips.push_back(begin(each.key, deadline));
    slots.push_back(pipeline.add(merge_command(each, virtual_now, trips.back())));
  }
  const Result<void> ran = client_->run(pipeline, {deadline});
  if (!ran) return std::vector<Result<Merged>>(merges.size(), ran.error());
  std::vector<Result<Merged>> made;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    learn(trips[i], redis::Pipeline::take(slots[i]));
    made.push_back(to_merged(redis::Pipeline::take(slots[i])));
  }
  return made;
}

Result<std::string> RedisBackend::epoch(Ms lifetime, Deadline deadline) {
  const std::uint64_t tag = tokens_.next();
  redis::Words words = epoch_script().words(1);
  words.add(options_.prefix + ":epoch").add(tag).add(hex(tokens_.next())).add(lifetime);
  return client_->run(epoch_script().command<std::string>(std::move(words), decode_epoch, redis::Repeat::kIsSafe, tag),
                      {deadline});
}

}  // namespace envoyou::limiter
