#include "cache/pending_writes.hpp"

namespace envoyou::cache {
namespace {

// The list's node, the index's node with its key, the write itself.
constexpr std::size_t kOverheadBytes = sizeof(PendingWrite) + 160;

}  // namespace

std::size_t PendingWrites::cost_of(const PendingWrite& write) noexcept {
  std::size_t bytes = kOverheadBytes + (write.payload == nullptr ? 0 : write.payload->size());
  for (const Name& name : write.names) bytes += sizeof(Name) + name.key.size();
  return bytes;
}

PendingWrites::Order& PendingWrites::list_of(const PendingWrite& write) noexcept {
  return write.kind == PendingWrite::Kind::kValue ? values_ : removals_;
}

bool PendingWrites::put(PendingWrite write) {
  const std::lock_guard lock(mutex_);
  const auto older = index_.find(std::string(write.names.front().bytes()));
  const bool has_older = older != index_.end();
  if (has_older && older->second->sequence > write.sequence) return true;
  if (has_older) erase(older);
  while (!fits(write) && !values_.empty()) drop_oldest_value();
  if (!fits(write)) drop_value(write);
  // Where there was an older write of the key, there is room for a removal of it.
  if (!fits(write) && !has_older) return false;
  insert(std::move(write));
  while (values_.size() > bounds_.max_values) drop_oldest_value();
  return true;
}

bool PendingWrites::fits(const PendingWrite& write) const noexcept {
  return bytes_ + cost_of(write) <= bounds_.max_bytes;
}

void PendingWrites::drop_value(PendingWrite& write) {
  if (write.kind != PendingWrite::Kind::kValue) return;
  write.kind = PendingWrite::Kind::kDropped;
  write.payload = nullptr;
  dropped_.fetch_add(1, std::memory_order_relaxed);
}

void PendingWrites::insert(PendingWrite write) {
  write.version = ++last_version_;
  bytes_ += cost_of(write);
  Order& list = list_of(write);
  list.push_back(std::move(write));
  index_.emplace(list.back().names.front().bytes(), std::prev(list.end()));
  size_.store(index_.size(), std::memory_order_release);
}

void PendingWrites::erase(Index::iterator at) {
  const Order::iterator write = at->second;
  bytes_ -= cost_of(*write);
  index_.erase(at);
  list_of(*write).erase(write);
  size_.store(index_.size(), std::memory_order_release);
}

void PendingWrites::drop_oldest_value() {
  PendingWrite& oldest = values_.front();
  bytes_ -= cost_of(oldest);
  drop_value(oldest);
  bytes_ += cost_of(oldest);
  oldest.version = ++last_version_;
  removals_.splice(removals_.end(), values_, values_.begin());
}

std::optional<PendingWrite> PendingWrites::find(const Name& name, TimePoint now) const {
  if (size() == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto at = index_.find(std::string(name.bytes()));
  if (at == index_.end()) return std::nullopt;
  PendingWrite found = *at->second;
  if (found.kind == PendingWrite::Kind::kValue && found.expires <= now) {
    found.kind = PendingWrite::Kind::kRemoved;
    found.payload = nullptr;
  }
  return found;
}

bool PendingWrites::contains(const Name& name) const {
  if (size() == 0) return false;
  const std::lock_guard lock(mutex_);
  return index_.contains(std::string(name.bytes()));
}

std::vector<PendingWrite> PendingWrites::batch(std::size_t at_most) const {
  std::vector<PendingWrite> taken;
  const std::lock_guard lock(mutex_);
  for (const Order* list : {&removals_, &values_}) {
    for (const PendingWrite& write : *list) {
      if (taken.size() == at_most) return taken;
      taken.push_back(write);
    }
  }
  return taken;
}

void PendingWrites::done(const PendingWrite& write) {
  const std::lock_guard lock(mutex_);
  const auto at = index_.find(std::string(write.names.front().bytes()));
  if (at != index_.end() && at->second->version == write.version) erase(at);
}

}  // namespace envoyou::cache
