#include "limiter/owed.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::limiter {

namespace {

auto place(std::vector<OwedEntry>& entries, std::size_t index) {
  return entries.begin() + static_cast<std::ptrdiff_t>(index);
}

}  // namespace

std::size_t Owed::in_batches() const noexcept {
  std::size_t sum = 0;
  for (const Batch& batch : batches_) sum += batch.count;
  return sum;
}

std::int64_t Owed::cost_after(Ms time) const noexcept {
  std::int64_t sum = 0;
  for (const OwedEntry& entry : entries_) {
    if (entry.at > time) sum += entry.cost;
  }
  return sum;
}

void Owed::add(OwedEntry entry, Ms expired) {
  if (entries_.size() == entries_.capacity()) prune(expired);
  const std::size_t waiting = entries_.size() - in_batches();
  const bool full = waiting >= kMaxOwedEntries;
  const bool alike =
      waiting > 0 && entries_.back().at == entry.at && entries_.back().request_id.empty() && entry.request_id.empty();
  if (alike || full) {
    entries_.back().at = entry.at;
    entries_.back().cost += entry.cost;
    entries_.back().request_id.clear();
    return;
  }
  entries_.push_back(std::move(entry));
}

void Owed::prune(Ms expired) {
  const auto waiting = place(entries_, in_batches());
  const auto counts = [expired](const OwedEntry& entry) { return entry.at > expired; };
  entries_.erase(waiting, std::find_if(waiting, entries_.end(), counts));
}

void Owed::reset(Ms at) {
  entries_.clear();
  batches_.clear();
  reset_at_ = at;
}

void Owed::replace(std::vector<OwedEntry> entries) {
  entries_ = std::move(entries);
  batches_.clear();
}

std::vector<Merge> Owed::freeze(const std::function<std::uint64_t()>& next_token) {
  std::size_t waiting = entries_.size() - in_batches();
  while ((waiting > 0 || reset_at_) && batches_.size() < kMaxOwedBatches) {
    const std::size_t count = std::min(waiting, kMaxMergeEntries);
    batches_.push_back({next_token(), count, std::exchange(reset_at_, std::nullopt)});
    waiting -= count;
  }
  std::vector<Merge> merges;
  std::size_t first = 0;
  for (const Batch& batch : batches_) {
    Merge made;
    made.token = batch.token;
    made.reset_at = batch.reset_at;
    made.entries.assign(place(entries_, first), place(entries_, first + batch.count));
    merges.push_back(std::move(made));
    first += batch.count;
  }
  return merges;
}

std::optional<std::size_t> Owed::settle(std::uint64_t token) {
  std::size_t first = 0;
  for (auto batch = batches_.begin(); batch != batches_.end(); ++batch) {
    if (batch->token == token) {
      const std::size_t count = batch->count;
      entries_.erase(place(entries_, first), place(entries_, first + count));
      batches_.erase(batch);
      return count;
    }
    first += batch->count;
  }
  return std::nullopt;
}

void Owed::release(std::uint64_t token) {
  if (batches_.empty() || batches_.back().token != token) return;
  if (batches_.back().reset_at) reset_at_ = batches_.back().reset_at;
  batches_.pop_back();
}

std::size_t OwedLeases::settle(const Merge& merge) {
  std::size_t settled = 0;
  for (const OwedLease& lease : merge.leases) {
    const auto found = changed_.find(lease.id);
    if (found == changed_.end() || found->second != lease.version) continue;
    changed_.erase(found);
    ++settled;
  }
  if (merge.reset_at && token_ == merge.token) reset_at_.reset();
  return settled;
}

}  // namespace envoyou::limiter
