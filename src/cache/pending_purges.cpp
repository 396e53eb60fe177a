#include "cache/pending_purges.hpp"

#include <algorithm>

namespace envoyou::cache {

PendingPurges::PendingPurges(std::size_t max_entries, std::vector<Name> everything)
    : max_entries_(std::max(max_entries, everything.size())), everything_(std::move(everything)) {}

void PendingPurges::put(const Purge& purge) {
  const std::lock_guard lock(mutex_);
  for (const Name& tag : purge.tags) add(tag, true);
  for (const Name& entry : purge.entries) add(entry, false);
  if (pending_.size() > max_entries_) {
    overflowed_.fetch_add(1, std::memory_order_relaxed);
    pending_.clear();
    for (const Name& tag : everything_) add(tag, true);
  }
  size_.store(pending_.size(), std::memory_order_release);
}

void PendingPurges::add(const Name& name, bool is_tag) {
  pending_[std::string(name.bytes())] = {.name = name, .is_tag = is_tag, .version = ++last_version_};
}

bool PendingPurges::covers(const Identity& identity) const {
  if (size() == 0) return false;
  const std::lock_guard lock(mutex_);
  const auto is_pending = [this](const Name& name) { return pending_.contains(std::string(name.bytes())); };
  return is_pending(identity.entry) || std::ranges::any_of(identity.tags, is_pending, &Tag::name);
}

PendingPurges::Batch PendingPurges::batch(std::size_t at_most) const {
  Batch batch;
  const std::lock_guard lock(mutex_);
  for (const auto& [digest, pending] : pending_) {
    if (batch.versions.size() == at_most) break;
    (pending.is_tag ? batch.purge.tags : batch.purge.entries).push_back(pending.name);
    batch.versions.emplace_back(digest, pending.version);
  }
  return batch;
}

void PendingPurges::done(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  for (const auto& [digest, version] : batch.versions) {
    const auto at = pending_.find(digest);
    if (at != pending_.end() && at->second.version == version) pending_.erase(at);
  }
  size_.store(pending_.size(), std::memory_order_release);
}

}  // namespace envoyou::cache
