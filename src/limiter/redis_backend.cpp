#include "limiter/redis_backend.hpp"

#include "base/bytes.hpp"
#include "base/name.hpp"
#include "limiter/scripts.hpp"

#include <envoyou/redis/commands.hpp>
#include <envoyou/redis/node_of.hpp>
#include <envoyou/redis/script.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <limits>
#include <mutex>

namespace envoyou::limiter {

namespace {

// A merge may be sent again for as long as its entries count; this much longer for what lies in socket buffers.
constexpr Ms kMarkerSlack = 10'000;

// Which algorithms a script knows, a bit for each.
using Mask = std::uint32_t;
constexpr std::size_t kAlgorithms = 6;

Mask bit(Algorithm algorithm) { return Mask{1} << static_cast<unsigned>(algorithm); }

// The scripts are never destroyed: a client that outlives the statics of its host may still hold a command made from
// one.
const redis::Script& script_of(std::string_view part, std::string_view rest) {
  return *new redis::Script(std::string(part) + std::string(rest));
}

std::string algorithms_text(Mask mask) {
  const auto has = [mask](Algorithm algorithm) { return (mask & bit(algorithm)) != 0; };
  std::string text(scripts::kCommon);
  if (has(Algorithm::kSlidingLog)) text += scripts::kSlidingLog;
  if (has(Algorithm::kCompactLog)) text += scripts::kCompactLog;
  if (has(Algorithm::kSlidingCounter) || has(Algorithm::kFixedWindow)) text += scripts::kBuckets;
  if (has(Algorithm::kSlidingCounter)) text += scripts::kSlidingCounter;
  if (has(Algorithm::kGcra)) text += scripts::kGcra;
  if (has(Algorithm::kFixedWindow)) text += scripts::kFixedWindow;
  if (has(Algorithm::kConcurrency)) text += scripts::kConcurrency;
  return text;
}

// The same question for every set of algorithms: a script holds only what it needs, since Redis makes its functions
// anew at each call.
const redis::Script& ask_script(Mask mask) {
  static std::array<std::atomic<const redis::Script*>, std::size_t{1} << kAlgorithms> made{};
  static std::mutex mutex;
  if (const auto* found = made[mask].load(std::memory_order_acquire)) return *found;
  const std::lock_guard lock(mutex);
  if (const auto* found = made[mask].load(std::memory_order_relaxed)) return *found;
  const redis::Script& script = script_of(algorithms_text(mask), scripts::kAsk);
  made[mask].store(&script, std::memory_order_release);
  return script;
}

std::string merge_text(Algorithm algorithm) {
  std::string text = algorithms_text(bit(algorithm));
  switch (algorithm) {
    case Algorithm::kSlidingLog: text += scripts::kSlidingLogMerge; break;
    case Algorithm::kCompactLog: text += scripts::kCompactLogMerge; break;
    case Algorithm::kGcra: text += scripts::kGcraMerge; break;
    case Algorithm::kSlidingCounter:
    case Algorithm::kFixedWindow: text += scripts::kBucketsMerge; break;
    case Algorithm::kConcurrency: return text + std::string(scripts::kMergeLeases);
  }
  return text + std::string(scripts::kMerge);
}

const redis::Script& merge_script(Algorithm algorithm) {
  using Scripts = std::array<const redis::Script*, kAlgorithms>;
  static const Scripts scripts = [] {
    Scripts made{};
    for (std::size_t i = 0; i < kAlgorithms; ++i) made[i] = &script_of(merge_text(static_cast<Algorithm>(i)), "");
    return made;
  }();
  return *scripts[static_cast<std::size_t>(algorithm)];
}

const redis::Script& forget_script() {
  static const redis::Script& script = script_of(scripts::kCommon, scripts::kForget);
  return script;
}
const redis::Script& epoch_script() {
  static const redis::Script& script = script_of("", scripts::kEpoch);
  return script;
}

// What a question asks for, as in scripts/ask.lua.
enum Flag : std::uint8_t {
  kTake = 1,
  kForce = 2,
  kRefund = 4,
  kBlocks = 8,
  kId = 16,
  kLease = 32,
  kJoined = 64,
  kRelease = 128,
};

void append_byte(std::string& to, std::size_t value) { to += static_cast<char>(static_cast<unsigned char>(value)); }

void append_meter(std::string& to, const MeterId& meter, std::int64_t rate) {
  append_byte(to, static_cast<std::size_t>(meter.algorithm) + 1);
  base::append_u64(to, static_cast<std::uint64_t>(meter.window));
  base::append_u32(to, static_cast<std::uint32_t>(rate));
}

std::string pack(const Request& request, std::uint8_t flags) {
  std::string packed;
  packed.reserve(16 + 13 * request.meter_count + 9 * request.rules.size() + 2 + request.lease.size());
  append_byte(packed, flags);
  append_byte(packed, request.meter_count);
  append_byte(packed, request.rules.size());
  base::append_u32(packed, static_cast<std::uint32_t>(request.cost));
  base::append_u64(packed, static_cast<std::uint64_t>(request.widest_window()));
  for (std::size_t i = 0; i < request.meter_count; ++i) append_meter(packed, request.meters[i], request.rates[i]);
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    append_byte(packed, request.meter_of_rule[i] + std::size_t{1});
    base::append_u32(packed, static_cast<std::uint32_t>(request.rules[i].limit));
    base::append_u32(packed, static_cast<std::uint32_t>(request.rules[i].capacity()));
  }
  if ((flags & kLease) == 0) return packed;
  append_byte(packed, request.lease.size() & 0xff);
  append_byte(packed, request.lease.size() >> 8);
  packed += request.lease;
  return packed;
}

std::uint8_t flags_of(const Request& request, Ask ask) {
  unsigned flags = 0;
  switch (ask) {
    case Ask::kPeek: break;
    case Ask::kTake: flags = kTake; break;
    case Ask::kForce: flags = kForce; break;
    case Ask::kRefund: flags = kRefund; break;
    case Ask::kRelease: flags = kRelease; break;
  }
  if (request.heeds_blocks && (ask == Ask::kPeek || ask == Ask::kTake)) flags |= kBlocks;
  const bool knows_ids = ask == Ask::kTake || ask == Ask::kForce || ask == Ask::kRefund;
  if (!request.request_id.empty() && knows_ids) flags |= kId;
  if (!request.lease.empty()) flags |= kLease;
  return static_cast<std::uint8_t>(flags);
}

std::size_t key_count(const Request& request, std::uint8_t flags) {
  std::size_t count = request.meter_count + ((flags & kBlocks) != 0 ? 1 : 0) + ((flags & kId) != 0 ? 1 : 0);
  for (const MeterId& meter : request.meter_ids()) count += meter.algorithm == Algorithm::kConcurrency ? 1 : 0;
  return count;
}

Mask mask_of(const Request& request) {
  Mask mask = 0;
  for (const MeterId& meter : request.meter_ids()) mask |= bit(meter.algorithm);
  return mask;
}

// The name of a meter behind the stem of its caller: docs/formats.md.
std::string meter_name(const MeterId& meter) {
  constexpr std::string_view kLetters = "wpsgfl";
  std::string name(1, kLetters[static_cast<std::size_t>(meter.algorithm)]);
  name += std::to_string(meter.window);
  if (meter.place > 0) name += "." + std::to_string(meter.place);
  return name;
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

constexpr std::int64_t kMostCost = std::numeric_limits<std::uint32_t>::max();

std::string pack(const Merge& merge, Ms local_now) {
  std::string packed;
  packed.reserve(merge.entries.size() * 14);
  std::size_t ids = 0;
  for (const OwedEntry& entry : merge.entries) {
    base::append_u64(packed, static_cast<std::uint64_t>(age(local_now, entry.at)));
    base::append_u32(packed, static_cast<std::uint32_t>(std::min(entry.cost, kMostCost)));
    const std::size_t id = entry.request_id.empty() ? 0 : ++ids;
    append_byte(packed, id & 0xff);
    append_byte(packed, id >> 8);
  }
  return packed;
}

std::string pack(const OwedLease& lease, Ms local_now) {
  std::string packed;
  base::append_u64(packed, static_cast<std::uint64_t>(std::max<Ms>(0, lease.until - local_now)));
  base::append_u32(packed, static_cast<std::uint32_t>(std::min(lease.cost, kMostCost)));
  return packed + lease.id;
}

}  // namespace

// What became of a call, now on the server's clock, and what the script says beside.
struct RedisBackend::Integers {
  static constexpr std::int64_t kYes = 1;
  static constexpr std::int64_t kTooLate = 2;

  std::int64_t outcome = 0;
  Ms server_time = 0;
  std::vector<std::int64_t> values;
};

Result<RedisBackend::Integers> RedisBackend::decode(const redis::ReplyView& reply, std::uint64_t tag) {
  if (!restates(reply, tag)) return foreign();
  const auto numbers = reply.elements.subspan(1);
  Integers made;
  if (numbers.size() < 2) return malformed();
  if (!std::ranges::all_of(numbers, [](const redis::ReplyView& each) { return each.is_integer(); })) return malformed();
  made.outcome = numbers[0].integer;
  made.server_time = numbers[1].integer;
  made.values.reserve(numbers.size() - 2);
  for (const redis::ReplyView& each : numbers.subspan(2)) made.values.push_back(each.integer);
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

std::string RedisBackend::node_with(std::string_view key) const {
  return has_many_nodes() ? redis::node_of(*client_, stem(key)) : std::string();
}

std::optional<Ms> RedisBackend::phase_of(std::string_view key) { return server_clocks_.of(node_with(key))->at(0); }

RedisBackend::Trip RedisBackend::begin(std::string_view key, Deadline deadline) {
  Trip trip{
      .clock = server_clocks_.of(node_with(key)), .begun = now(), .not_after = std::nullopt, .deadline = deadline};
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

void RedisBackend::add_keys(redis::Words& words, const Request& request, std::uint8_t flags) const {
  std::string key = stem(request.key);
  const std::size_t stem_size = key.size();
  const auto add = [&](std::string_view name) {
    key.resize(stem_size);
    key += name;
    words.add(key);
  };
  for (const MeterId& meter : request.meter_ids()) {
    const std::string name = meter_name(meter);
    add(name);
    if (meter.algorithm == Algorithm::kConcurrency) add(name + "c");
  }
  if ((flags & kBlocks) != 0) add("b");
  if ((flags & kId) != 0) add(id_name(request.request_id));
}

std::string RedisBackend::id_name(std::string_view id) const {
  return "i" + base::key_part(options_.secrets, "request", id);
}

RedisBackend::Command RedisBackend::ask_command(std::span<const Request> requests, Ask ask, bool joined,
                                                const Trip& trip) {
  const std::uint64_t tag = tokens_.next();
  Mask mask = 0;
  std::size_t keys = 0;
  for (const Request& each : requests) {
    mask |= mask_of(each);
    keys += key_count(each, flags_of(each, ask));
  }
  const redis::Script& script = ask_script(mask);
  redis::Words words = script.words(keys);
  for (const Request& each : requests) add_keys(words, each, flags_of(each, ask));
  const std::optional<Ms> virtual_now = requests.front().now;
  words.add(tag);
  add_moment(words, virtual_now);
  add_moment(words, virtual_now ? std::nullopt : trip.not_after);
  words.add(options_.least_ttl.count());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const bool goes_on = joined && i + 1 < requests.size();
    const unsigned flags = flags_of(requests[i], ask) | (goes_on ? unsigned{kJoined} : 0u);
    words.add(pack(requests[i], static_cast<std::uint8_t>(flags)));
  }
  const bool is_safe = ask == Ask::kPeek || ask == Ask::kRelease;
  const auto repeat = is_safe ? redis::Repeat::kIsSafe : redis::Repeat::kNever;
  return script.command<Integers>(std::move(words), &RedisBackend::decode, repeat, tag);
}

void RedisBackend::begin_merge(redis::Words& words, const Merge& merge, std::uint64_t tag,
                               std::optional<Ms> virtual_now, const Trip& trip) const {
  words.add(tag);
  add_moment(words, virtual_now);
  add_moment(words, virtual_now ? std::nullopt : trip.not_after);
  words.add(options_.least_ttl.count());
  words.add(std::max(merge.meter.window + kMarkerSlack, options_.least_ttl.count()));
}

RedisBackend::Command RedisBackend::merge_command(const Merge& merge, std::optional<Ms> virtual_now, const Trip& trip) {
  if (merge.meter.algorithm == Algorithm::kConcurrency) return merge_leases_command(merge, virtual_now, trip);
  const std::uint64_t tag = tokens_.next();
  const std::string base_key = stem(merge.key);
  const Ms local_now = virtual_now.value_or(trip.begun);
  const redis::Script& script = merge_script(merge.meter.algorithm);
  std::size_t ids = 0;
  for (const OwedEntry& each : merge.entries) ids += each.request_id.empty() ? 0u : 1u;
  redis::Words words = script.words(2 + ids);
  words.add(base_key + meter_name(merge.meter)).add(base_key + "m" + hex(merge.token));
  for (const OwedEntry& each : merge.entries) {
    if (!each.request_id.empty()) words.add(base_key + id_name(each.request_id));
  }
  begin_merge(words, merge, tag, virtual_now, trip);
  add_moment(words, merge.reset_at ? std::optional(age(local_now, *merge.reset_at)) : std::nullopt);
  std::string meter;
  append_meter(meter, merge.meter, std::max<std::int64_t>(1, merge.rate));
  base::append_u64(meter, static_cast<std::uint64_t>(merge.ahead));
  words.add(meter).add(pack(merge, local_now));
  return script.command<Integers>(std::move(words), &RedisBackend::decode, redis::Repeat::kIsSafe, tag);
}

RedisBackend::Command RedisBackend::merge_leases_command(const Merge& merge, std::optional<Ms> virtual_now,
                                                         const Trip& trip) {
  const std::uint64_t tag = tokens_.next();
  const std::string key = stem(merge.key) + meter_name(merge.meter);
  const Ms local_now = virtual_now.value_or(trip.begun);
  const redis::Script& script = merge_script(Algorithm::kConcurrency);
  redis::Words words = script.words(3);
  words.add(key).add(key + "c").add(stem(merge.key) + "m" + hex(merge.token));
  begin_merge(words, merge, tag, virtual_now, trip);
  words.add(merge.reset_at ? "1" : "").add(merge.meter.window);
  for (const OwedLease& each : merge.leases) words.add(pack(each, local_now));
  return script.command<Integers>(std::move(words), &RedisBackend::decode, redis::Repeat::kIsSafe, tag);
}

// Reads the answer to one question from `next` on, and leaves it behind that.
Answer RedisBackend::read_answer(const Request& request, const std::int64_t*& next) {
  constexpr std::int64_t kRepeated = 2;
  Answer answer;
  const std::int64_t outcome = *next++;
  answer.allowed = outcome != 0;
  answer.repeated = outcome == kRepeated;
  for (std::size_t i = 0; i < request.meter_count; ++i) {
    answer.meters[i] = {next[0], next[1], next[2]};
    next += 3;
  }
  for (std::size_t i = 0; i < request.rules.size(); ++i) answer.retry_after[i] = *next++;
  if (answer.repeated) answer.retry_after.fill(0);
  return answer;
}

Result<std::vector<Answer>> RedisBackend::to_answers(std::span<const Request> requests, const Result<Integers>& reply) {
  if (!reply) return reply.error();
  std::size_t expected = 1;
  for (const Request& each : requests) expected += 1 + 3 * each.meter_count + each.rules.size();
  if (reply->values.size() != expected) return malformed();
  const std::int64_t* next = reply->values.data();
  const auto resets = static_cast<std::uint32_t>(*next++);
  std::vector<Answer> answers;
  answers.reserve(requests.size());
  for (const Request& each : requests) answers.push_back(read_answer(each, next));
  answers.front().clock_resets = resets;
  return answers;
}

Result<Answer> RedisBackend::to_answer(const Request& request, const Result<Integers>& reply) {
  auto answers = to_answers({&request, 1}, reply);
  if (!answers) return answers.error();
  return answers->front();
}

Result<Merged> RedisBackend::to_merged(const Result<Integers>& reply) {
  if (!reply) return reply.error();
  if (reply->values.size() != 2) return malformed();
  return Merged{reply->values[0], reply->values[1]};
}

Result<Answer> RedisBackend::ask(const Request& request, Ask what, Deadline deadline) {
  const Trip trip = begin(request.key, deadline);
  auto answer = to_answer(request, run(trip, ask_command({&request, 1}, what, false, trip)));
  if (answer && what != Ask::kPeek && what != Ask::kTake) grant(*answer);
  return answer;
}

Result<void> RedisBackend::reset(const Request& request, Deadline deadline) {
  const Trip trip = begin(request.key, deadline);
  const std::uint64_t tag = tokens_.next();
  redis::Words words = forget_script().words(key_count(request, 0));
  add_keys(words, request, 0);
  words.add(tag);
  add_moment(words, request.now);
  add_moment(words, request.now ? std::nullopt : trip.not_after);
  const auto reply = run(
      trip, forget_script().command<Integers>(std::move(words), &RedisBackend::decode, redis::Repeat::kIsSafe, tag));
  if (!reply) return reply.error();
  return {};
}

Result<void> RedisBackend::block(const Request& request, Milliseconds duration, Deadline deadline) {
  const std::string key = stem(request.key) + "b";
  if (duration.count() == 0) {
    const auto removed = client_->run(redis::cmd::del({key}), {deadline});
    return removed ? Result<void>() : Result<void>(removed.error());
  }
  const auto set = client_->run(redis::cmd::set(key, "", {.expires_in = duration}), {deadline});
  return set ? Result<void>() : Result<void>(set.error());
}

std::vector<Result<Answer>> RedisBackend::take_batch(std::span<const Request> requests, Deadline deadline) {
  if (!has_many_nodes()) {
    auto answers = take_together(requests, false, deadline);
    if (!answers) return std::vector<Result<Answer>>(requests.size(), answers.error());
    return {answers->begin(), answers->end()};
  }
  redis::Pipeline pipeline;
  std::vector<Trip> trips;
  std::vector<redis::Pipeline::Slot<Integers>> slots;
  for (const Request& each : requests) {
    trips.push_back(begin(each.key, deadline));
    slots.push_back(pipeline.add(ask_command({&each, 1}, Ask::kTake, false, trips.back())));
  }
  const Result<void> ran = client_->run(pipeline, {deadline});
  if (!ran) return std::vector<Result<Answer>>(requests.size(), ran.error());
  std::vector<Result<Answer>> made;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    learn(trips[i], redis::Pipeline::take(slots[i]));
    made.push_back(to_answer(requests[i], redis::Pipeline::take(slots[i])));
  }
  return made;
}

Result<std::vector<Answer>> RedisBackend::take_together(std::span<const Request> requests, bool all_or_nothing,
                                                        Deadline deadline) {
  const Trip trip = begin(requests.front().key, deadline);
  return to_answers(requests, run(trip, ask_command(requests, Ask::kTake, all_or_nothing, trip)));
}

RedisBackend::TakeAfter RedisBackend::ask_after(std::span<const Merge> merges, const Request& request, Ask ask,
                                                Deadline deadline) {
  const Trip trip = begin(request.key, deadline);
  redis::Pipeline pipeline;
  std::vector<redis::Pipeline::Slot<Integers>> slots;
  // As text: a merge whose script the server does not know would be sent once more, and then behind the question.
  for (const Merge& each : merges) slots.push_back(pipeline.add(with_text(merge_command(each, std::nullopt, trip))));
  auto answer = pipeline.add(ask_command({&request, 1}, ask, false, trip));
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
