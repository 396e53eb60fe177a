#include "session/redis_backend.hpp"

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "session/session_scripts.hpp"

#include <chrono>
#include <span>
#include <utility>

namespace envoyou::session {
namespace {

using redis::CallOptions;
using redis::Command;
using redis::Pipeline;
using redis::Repeat;
using redis::Words;

// How long a touch that nobody waits for may take.
constexpr Milliseconds kTouchBudget{1'000};
// And a question for the time.
constexpr Milliseconds kTimeBudget{1'000};
// What runs later than this after it was sent was held up, and its sender has given up.
constexpr std::int64_t kOnItsWayMs = 250;

// Each question of a script has a tag of its own. Where the generator fails, the time does.
std::uint64_t fresh_tag(const ServerTime& time) {
  std::uint64_t tag = 0;
  auto* bytes = reinterpret_cast<unsigned char*>(&tag);
  if (!base::secure_random(std::span(bytes, sizeof tag)))
    tag = static_cast<std::uint64_t>(time.clock().now().time_since_epoch().count());
  return tag;
}

Command<std::int64_t> time_command() { return {Words("TIME"), decode_time, Repeat::kIsSafe}; }

Error lost_epoch() { return Error(Errc::kUnknown, "session: Redis has lost the epoch of its user"); }

Error refusal(const Told& told) {
  if (told.status == "gone") return not_found();
  if (told.status == "unknown") return lost_epoch();
  if (told.status == "conflict") {
    const bool says = !told.lists.empty() && !told.lists[0].empty();
    return Error(Errc::kConflict, "version: is " + (says ? told.lists[0][0] : std::string("another")) + " now");
  }
  return Error(Errc::kInternal, "session: a script gave a status that is none");
}

}  // namespace

RedisBackend::RedisBackend(std::shared_ptr<redis::Client> client, std::string prefix, RedisLimits limits,
                           std::shared_ptr<ServerTime> time)
    : client_(std::move(client)),
      prefix_(std::move(prefix)),
      limits_(limits),
      time_(std::move(time)),
      scripts_(session_scripts()) {}

std::string RedisBackend::base_of(std::string_view tag) const { return prefix_ + ":{" + std::string(tag) + "}:"; }

Result<Told> RedisBackend::ask(Command<Told> command, std::string_view tag, Deadline deadline) {
  const TimePoint sent = time_->clock().now();
  auto told = client_->run(std::move(command), {deadline});
  if (told && !time_->has_many_nodes()) time_->measured(told->now_ms, sent, time_->clock().now());
  if (told) keep_time(tag);
  return told;
}

Result<Record> RedisBackend::told_record(Result<Told> told, const Address& address) const {
  if (!told) return told.error();
  if (told->status != "done" || told->lists.empty()) return refusal(*told);
  return parse_record(told->lists[0], address);
}

Result<void> RedisBackend::measure_node(const std::string& node, Deadline deadline) {
  const TimePoint sent = time_->clock().now();
  const auto server_ms = client_->run(time_command(), {deadline, node});
  if (!server_ms) return server_ms.error();
  time_->measured(*server_ms, sent, time_->clock().now(), node);
  return {};
}

// Of each node that is there; one that answers is enough.
Result<void> RedisBackend::measure(Deadline deadline) {
  if (!time_->has_many_nodes()) return measure_node({}, deadline);
  Result<void> outcome = Error(Errc::kUnavailable, "session: no node of the cluster can be asked for its time");
  bool any = false;
  for (const redis::NodeInfo& node : client_->nodes()) {
    if (!node.is_primary || !node.is_up) continue;
    outcome = measure_node(to_string(node.endpoint), deadline);
    any = any || outcome;
  }
  return any ? Result<void>() : outcome;
}

// Before the client has a map, a question with a key waits for it, or says why there is none.
Result<void> RedisBackend::measure_for(std::string_view tag, Deadline deadline) {
  std::string node = time_->node_of(tag);
  if (time_->has_many_nodes() && node.empty()) {
    const Command<std::int64_t> look(Words("EXISTS", base_of(tag) + "e"), redis::decode_integer, Repeat::kIsSafe);
    if (const auto there = client_->run(look, {deadline}); !there) return there.error();
    node = time_->node_of(tag);
    if (node.empty()) return Error(Errc::kUnavailable, "session: it is not known which node has the user's keys");
  }
  if (time_->was_measured(node)) return {};
  return measure_node(node, deadline);
}

void RedisBackend::keep_time(std::string_view tag) {
  std::string node = time_->node_of(tag);
  if (!time_->wants_measuring(node) || (time_->has_many_nodes() && node.empty())) return;
  const CallOptions options{Deadline::after(time_->clock(), kTimeBudget), node};
  const TimePoint sent = time_->clock().now();
  auto learn = [time = time_, name = node, sent](const Result<std::int64_t>& server_ms) {
    if (server_ms) time->measured(*server_ms, sent, time->clock().now(), name);
  };
  client_->run(time_command(), options, std::move(learn));
}

Result<Record> RedisBackend::create(const Record& draft, Deadline deadline) {
  if (auto measured = measure_for(draft.address.tag, deadline); !measured) return measured.error();
  const std::string base = base_of(draft.address.tag);
  const std::uint64_t tag = fresh_tag(*time_);
  Words words = scripts_.create.words(4);
  words.add(base + "s:" + draft.address.name).add(base + "u:" + draft.user_part).add(base + "e");
  words.add(base + "t:" + draft.address.name);
  words.add(tag_text(tag)).add(base).add(draft.address.name).add(draft.user_part).add(draft.user_id);
  words.add(draft.user_data).add(draft.device_info).add(draft.ip_address).add(draft.idle_ms);
  words.add(draft.absolute_end_ms - draft.created_ms).add(draft.change);
  words.add(time_->now_ms(draft.address.tag));
  words.add(limits_.max_per_user).add(kOnItsWayMs);
  auto told = ask(scripts_.create.command<Told>(std::move(words), decode_told, Repeat::kIsSafe, tag), draft.address.tag,
                  deadline);
  // It ended before it began: the script ran long after it was sent.
  if (told && told->status == "gone") return Error(Errc::kTimeout, "session: made too late");
  return told_record(std::move(told), draft.address);
}

// HGETALL of the session and of the epochs of those who share its tag; now and then the time as well, ahead of them.
Result<Record> RedisBackend::read(const Address& address, Deadline deadline) {
  const std::string base = base_of(address.tag);
  Pipeline pipeline;
  auto session = pipeline.add(Command<Fields>(Words("HGETALL", base + "s:" + address.name), decode_session,
                                              Repeat::kIsSafe, tag_of_name(address.name)));
  auto epochs = pipeline.add(Command<Fields>(Words("HGETALL", base + "e"), decode_fields, Repeat::kIsSafe));
  keep_time(address.tag);
  if (auto ran = client_->run(pipeline, {deadline}); !ran) return ran.error();
  return judge(Pipeline::take(session), Pipeline::take(epochs), address);
}

Result<Record> RedisBackend::judge(Result<Fields>& session, Result<Fields>& epochs, const Address& address) const {
  if (!session) return session.error();
  if (!epochs) return epochs.error();
  if (session->empty()) return not_found();
  auto record = parse_record(*session, address);
  if (!record) return record;
  const std::int64_t epoch = epoch_in(*epochs, record->user_part);
  if (epoch == 0) return lost_epoch();
  if (epoch != record->epoch) return not_found();
  return record;
}

Result<Record> RedisBackend::write(const Address& address, const Write& write, Deadline deadline) {
  const std::string base = base_of(address.tag);
  const std::uint64_t tag = fresh_tag(*time_);
  Words words = scripts_.write.words(2);
  words.add(base + "s:" + address.name).add(base + "e");
  words.add(tag_text(tag)).add(write.expected_version).add(write.user_data).add(write.change);
  return told_record(
      ask(scripts_.write.command<Told>(std::move(words), decode_told, Repeat::kIsSafe, tag), address.tag, deadline),
      address);
}

Command<Told> RedisBackend::touch_command(const Address& address) const {
  const std::string base = base_of(address.tag);
  const std::uint64_t tag = fresh_tag(*time_);
  Words words = scripts_.touch.words(2);
  words.add(base + "s:" + address.name).add(base + "e").add(tag_text(tag));
  return scripts_.touch.command<Told>(std::move(words), decode_told, Repeat::kIsSafe, tag);
}

Result<void> RedisBackend::touch(const Address& address, Deadline deadline) {
  const auto told = ask(touch_command(address), address.tag, deadline);
  if (!told) return told.error();
  if (told->status != "done") return refusal(*told);
  return {};
}

void RedisBackend::note_activity(const Record& read) {
  const auto deadline = Deadline::after(time_->clock(), kTouchBudget);
  client_->run(touch_command(read.address), {deadline}, [](const Result<Told>&) {});
}

Result<Record> RedisBackend::rotate(const Address& from, const Address& to, const std::string& change,
                                    Deadline deadline) {
  const std::string base = base_of(from.tag);
  const std::uint64_t tag = fresh_tag(*time_);
  Words words = scripts_.rotate.words(3);
  words.add(base + "s:" + from.name).add(base + "s:" + to.name).add(base + "e");
  words.add(tag_text(tag)).add(base).add(from.name).add(to.name).add(change);
  return told_record(
      ask(scripts_.rotate.command<Told>(std::move(words), decode_told, Repeat::kIsSafe, tag), from.tag, deadline), to);
}

// Not repeated on a lost link: the second answer would say that there was nothing.
Result<bool> RedisBackend::remove(const Address& address, Deadline deadline) {
  const std::string base = base_of(address.tag);
  const std::uint64_t tag = fresh_tag(*time_);
  Words words = scripts_.remove.words(2);
  words.add(base + "s:" + address.name).add(base + "e").add(tag_text(tag)).add(base).add(address.name);
  const auto told =
      ask(scripts_.remove.command<Told>(std::move(words), decode_told, Repeat::kNever, tag), address.tag, deadline);
  if (!told) return told.error();
  return told->status != "gone";
}

Result<Listing> RedisBackend::list(const UserKey& user, Deadline deadline) {
  const std::string base = base_of(user.tag);
  const std::uint64_t tag = fresh_tag(*time_);
  Words words = scripts_.list.words(2);
  words.add(base + "u:" + user.part).add(base + "e").add(tag_text(tag)).add(base).add(user.part);
  const auto told =
      ask(scripts_.list.command<Told>(std::move(words), decode_told, Repeat::kIsSafe, tag), user.tag, deadline);
  if (!told) return told.error();
  if (told->status != "done") return refusal(*told);
  Listing listing;
  for (const Fields& fields : told->lists) {
    auto record = parse_listed(fields, user.tag);
    if (!record) return record.error();
    listing.records.push_back(std::move(*record));
  }
  return listing;
}

Command<Told> RedisBackend::revoke_command(const UserKey& user, const std::string& change, std::int64_t at_ms,
                                           std::int64_t on_its_way_ms) const {
  const std::string base = base_of(user.tag);
  const std::uint64_t tag = fresh_tag(*time_);
  Words words = scripts_.revoke_all.words(2);
  words.add(base + "u:" + user.part).add(base + "e").add(tag_text(tag)).add(base).add(user.part);
  words.add(at_ms).add(limits_.absolute_ms).add(change).add(on_its_way_ms);
  return scripts_.revoke_all.command<Told>(std::move(words), decode_told, Repeat::kNever, tag);
}

Result<std::size_t> RedisBackend::revoke_all(const UserKey& user, const std::string& change, Deadline deadline) {
  if (auto measured = measure_for(user.tag, deadline); !measured) return measured.error();
  const auto told = ask(revoke_command(user, change, time_->now_ms(user.tag), kOnItsWayMs), user.tag, deadline);
  if (!told) return told.error();
  if (told->status != "done" || told->lists.empty() || told->lists[0].empty()) return refusal(*told);
  return static_cast<std::size_t>(base::parse_int64(told->lists[0][0]).value_or(0));
}

}  // namespace envoyou::session
