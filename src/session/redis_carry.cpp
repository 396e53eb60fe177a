// Telling Redis what happened while it was away, a pipeline at a time: ends first, then rows.
#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "session/redis_backend.hpp"
#include "session/session_scripts.hpp"

#include <utility>

namespace envoyou::session {
namespace {

using redis::Command;
using redis::Pipeline;
using redis::Repeat;
using redis::Words;

// An entry is a question of its own, also when it is asked again.
std::uint64_t tag_of(std::string_view name, std::int64_t stamp) {
  return base::hash64(name, static_cast<std::uint64_t>(stamp));
}

void note_failure(Carried& carried, const Error& error) {
  if (carried.failure) carried.failure = error;
}

// The server said no to this entry, and would to no other.
bool is_about_the_entry(const Error& error) {
  return error.code() == Errc::kServerError || error.code() == Errc::kWrongType || error.code() == Errc::kInternal;
}

void sort_out(const Row& row, const Result<Told>& told, Carried& carried) {
  if (!told) {
    if (is_about_the_entry(told.error())) carried.refused.push_back(row);
    return;
  }
  if (told->status == "gone") return carried.ended.push_back(row);
  SettledRow settled{row, 0, row.record.version};
  if (!told->lists.empty() && told->lists[0].size() == 2) {
    settled.version = static_cast<std::uint64_t>(base::parse_int64(told->lists[0][0]).value_or(0));
    settled.epoch = base::parse_int64(told->lists[0][1]).value_or(0);
  }
  (told->status == "older" ? carried.outdone : carried.rows).push_back(std::move(settled));
}

}  // namespace

Command<Told> RedisBackend::bury_command(const Tombstone& it) const {
  const std::string base = base_of(it.address.tag);
  const std::uint64_t tag = tag_of(it.address.name, it.stamp);
  Words words = scripts_.bury.words(1);
  words.add(base + "s:" + it.address.name).add(tag_text(tag)).add(base).add(it.address.name).add(it.until_ms);
  // One that was only replaced does not take along what replaced it elsewhere.
  words.add(it.successor.empty() ? "1" : "0");
  return scripts_.bury.command<Told>(std::move(words), decode_told, Repeat::kIsSafe, tag);
}

Command<Told> RedisBackend::carry_command(const Row& row) const {
  const Record& it = row.record;
  const std::string base = base_of(it.address.tag);
  const std::uint64_t tag = tag_of(it.address.name, row.stamp);
  Words words = scripts_.carry.words(4);
  words.add(base + "s:" + it.address.name).add(base + "u:" + it.user_part).add(base + "e");
  words.add(base + "t:" + it.address.name);
  words.add(tag_text(tag)).add(base).add(it.address.name).add(it.user_part).add(it.user_id).add(it.user_data);
  words.add(it.device_info).add(it.ip_address).add(it.created_ms).add(it.last_active_ms).add(it.modified_ms);
  words.add(it.absolute_end_ms).add(it.idle_ms).add(it.version).add(it.change).add(it.epoch);
  words.add(row.parent).add(row.after).add(limits_.max_per_user).add(row.is_changed() ? "1" : "0");
  return scripts_.carry.command<Told>(std::move(words), decode_told, Repeat::kIsSafe, tag);
}

Carried RedisBackend::carry(const Batch& batch, Deadline deadline) {
  Carried carried;
  carry_ends(batch, deadline, carried);
  if (carried.failure && carried.held.empty()) carry_rows(batch, deadline, carried);
  return carried;
}

// In a cluster it may be one node that fails, and the users of others go on.
void RedisBackend::fail(Carried& carried, const std::string& tag, const Error& error) const {
  const bool is_one_node = time_->has_many_nodes() && (error.is_retryable() || error.is_ambiguous());
  if (is_one_node) carried.held.insert(tag);
  if (!is_one_node || error.code() != Errc::kUnavailable) note_failure(carried, error);
}

void RedisBackend::carry_ends(const Batch& batch, Deadline deadline, Carried& carried) {
  if (batch.tombstones.empty() && batch.revocations.empty()) return;
  Pipeline pipeline;
  std::vector<Pipeline::Slot<Told>> slots;
  for (const Tombstone& it : batch.tombstones) slots.push_back(pipeline.add(bury_command(it)));
  for (const Revocation& it : batch.revocations)
    slots.push_back(pipeline.add(revoke_command(it.user, it.change, it.at_ms, 0)));
  if (auto ran = client_->run(pipeline, {deadline}); !ran) return note_failure(carried, ran.error());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Result<Told>& told = Pipeline::take(slots[i]);
    const bool is_tombstone = i < batch.tombstones.size();
    if (!told) {
      const std::string& tag =
          is_tombstone ? batch.tombstones[i].address.tag : batch.revocations[i - batch.tombstones.size()].user.tag;
      fail(carried, tag, told.error());
    } else if (is_tombstone) {
      carried.tombstones.push_back(batch.tombstones[i]);
    } else {
      carried.revocations.push_back(batch.revocations[i - batch.tombstones.size()]);
    }
  }
}

void RedisBackend::carry_rows(const Batch& batch, Deadline deadline, Carried& carried) {
  if (batch.rows.empty()) return;
  Pipeline pipeline;
  std::vector<Pipeline::Slot<Told>> slots;
  slots.reserve(batch.rows.size());
  for (const Row& row : batch.rows) slots.push_back(pipeline.add(carry_command(row)));
  if (auto ran = client_->run(pipeline, {deadline}); !ran) return note_failure(carried, ran.error());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Result<Told>& told = Pipeline::take(slots[i]);
    if (!told) fail(carried, batch.rows[i].record.address.tag, told.error());
    sort_out(batch.rows[i], told, carried);
  }
}

}  // namespace envoyou::session
