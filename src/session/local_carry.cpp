// The other half of the journal: what waits for Redis, and what happens when Redis has it. An entry is taken away only
// if it has not changed since it was handed out; its stamp tells. Nothing here waits for the disk: what is carried
// twice changes nothing.
#include "session/local_backend.hpp"

namespace envoyou::session {
namespace {
constexpr std::size_t kMaxBatchBytes = 4U << 20U;
constexpr std::string_view kOffset = "server_offset_ms";
}  // namespace

Result<Batch> LocalBackend::next_batch(std::size_t most, const Tags& held) {
  const std::lock_guard lock(mutex_);
  Batch batch;
  auto tombstones = rows_->some_tombstones(most, held);
  if (!tombstones) return tombstones.error();
  batch.tombstones = std::move(*tombstones);
  auto revocations = rows_->some_revocations(most - batch.size(), held);
  if (!revocations) return revocations.error();
  batch.revocations = std::move(*revocations);
  // Ends first: no row leaves while an end of its user waits.
  if (batch.size() > 0) return batch;
  auto rows = rows_->some_rows(most, held);
  if (!rows) return rows.error();
  std::size_t bytes = 0;
  for (Row& row : *rows) {
    bytes += row.record.user_data.size() + row.record.device_info.size();
    if (bytes > kMaxBatchBytes && !batch.rows.empty()) break;
    batch.rows.push_back(std::move(row));
  }
  return batch;
}

Result<void> LocalBackend::settle(std::span<const Tombstone> tombstones, std::span<const Revocation> revocations,
                                  std::span<const SettledRow> rows) {
  const Guard guard(*this);
  return rows_->transact([&]() -> Result<void> {
    for (const Tombstone& it : tombstones) {
      const auto current = rows_->find_tombstone(it.address.name);
      if (!current) return current.error();
      if (!current->has_value() || (*current)->stamp != it.stamp) continue;
      if (auto erased = rows_->erase_tombstone(it.address.name); !erased) return erased;
    }
    for (const Revocation& it : revocations) {
      const auto current = rows_->find_revocation(it.user);
      if (!current) return current.error();
      if (!current->has_value() || (*current)->stamp != it.stamp) continue;
      if (auto erased = rows_->erase_revocation(it.user); !erased) return erased;
    }
    for (const SettledRow& it : rows)
      if (auto settled = settle_row(it); !settled) return settled;
    return {};
  });
}

// A row that changed meanwhile stays, as one that Redis knows now.
Result<void> LocalBackend::settle_row(const SettledRow& settled) {
  auto current = rows_->find(settled.row.record.address.name);
  if (!current) return current.error();
  if (!current->has_value()) return {};
  Row& row = **current;
  if (auto done = settle_parent(row); !done) return done;
  if (row.stamp == settled.row.stamp) return rows_->erase(row.record.address.name);
  row.parent.clear();
  row.confirmed_ms = time_->now_ms(row.record.address.tag);
  row.base_version = settled.version;
  row.record.epoch = settled.epoch;
  return put(row);
}

// The tombstone of the session that this one succeeded went along with it.
Result<void> LocalBackend::settle_parent(const Row& row) {
  if (row.parent.empty()) return {};
  const auto tombstone = rows_->find_tombstone(row.parent);
  if (!tombstone) return tombstone.error();
  if (!tombstone->has_value() || (*tombstone)->successor != row.record.address.name) return {};
  return rows_->erase_tombstone(row.parent);
}

Result<void> LocalBackend::forget(std::span<const Row> rows) {
  const Guard guard(*this);
  return rows_->transact([&]() -> Result<void> {
    for (const Row& row : rows) {
      if (auto done = settle_parent(row); !done) return done;
      if (auto erased = rows_->erase(row.record.address.name); !erased) return erased;
    }
    return {};
  });
}

Result<void> LocalBackend::settle_revocation(const UserKey& user, const std::string& change) {
  const Guard guard(*this);
  const auto current = rows_->find_revocation(user);
  if (!current) return current.error();
  if (!current->has_value() || (*current)->change != change) return {};
  return rows_->transact([&] { return rows_->erase_revocation(user); });
}

Result<std::int64_t> LocalBackend::remembered_offset() {
  const std::lock_guard lock(mutex_);
  return rows_->remembered(kOffset);
}

Result<void> LocalBackend::remember_offset(std::int64_t offset_ms) {
  const std::lock_guard lock(mutex_);
  return rows_->transact([&] { return rows_->remember(kOffset, offset_ms); });
}

}  // namespace envoyou::session
