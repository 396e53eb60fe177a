#include "limiter/owed.hpp"

#include <algorithm>

namespace envoyou::limiter {

std::int64_t Owed::cost_after(Ms time) const noexcept {
  std::int64_t sum = 0;
  for (const OwedEntry& entry : entries_) {
    if (entry.at > time) sum += entry.cost;
  }
  return sum;
}

void Owed::add(Ms at, std::int64_t cost, Ms expired) {
  if (entries_.size() == entries_.capacity()) prune(expired);
  const std::size_t waiting = entries_.size() - in_batch_;
  if (waiting > 0 && (entries_.back().at == at || waiting >= kMaxOwedEntries)) {
    entries_.back().at = at;
    entries_.back().cost += cost;
    return;
  }
  entries_.push_back({at, cost});
}

void Owed::prune(Ms expired) {
  const auto waiting = entries_.begin() + static_cast<std::ptrdiff_t>(in_batch_);
  const auto counts = [expired](const OwedEntry& entry) { return entry.at > expired; };
  entries_.erase(waiting, std::find_if(waiting, entries_.end(), counts));
}

void Owed::reset(Ms at) {
  entries_.clear();
  reset_at_ = at;
  in_batch_ = 0;
  token_ = 0;
}

void Owed::replace(std::vector<OwedEntry> entries) {
  entries_ = std::move(entries);
  in_batch_ = 0;
  token_ = 0;
}

Merge Owed::freeze(std::uint64_t fresh_token) {
  if (token_ == 0) {
    token_ = fresh_token;
    in_batch_ = std::min(entries_.size(), kMaxMergeEntries);
  }
  Merge made;
  made.token = token_;
  made.reset_at = reset_at_;
  made.entries.assign(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(in_batch_));
  return made;
}

std::size_t Owed::settle(std::uint64_t token) {
  if (token_ == 0 || token != token_) return 0;
  const std::size_t count = in_batch_;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(in_batch_));
  reset_at_.reset();
  in_batch_ = 0;
  token_ = 0;
  return count;
}

}  // namespace envoyou::limiter
