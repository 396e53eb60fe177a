#include "session/copies.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::session {
namespace {

// Entry, list node, both table nodes and the allocator's headers.
constexpr std::size_t kOverhead = sizeof(Record) + 320;

bool is_same(const Record& a, const Record& b) {
  return a.version == b.version && a.change == b.change && a.last_active_ms == b.last_active_ms && a.epoch == b.epoch;
}

}  // namespace

std::string Copies::key_of(const UserKey& user) { return user.tag + user.part; }

std::size_t Copies::weight_of(const Record& it) {
  return kOverhead + it.address.name.size() + it.user_part.size() + it.user_id.size() + it.user_data.size() +
         it.device_info.size() + it.ip_address.size() + it.change.size();
}

Copies::Ticket Copies::ticket() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

void Copies::put(const Record& record, std::int64_t confirmed_ms, Ticket ticket) {
  std::shared_ptr<const Record> replaced;  // dies after the lock
  const std::lock_guard lock(mutex_);
  if (is_void(record, ticket)) return;
  const auto found = by_name_.find(record.address.name);
  if (found == by_name_.end()) return insert(record, confirmed_ms);
  Entry& entry = *found->second;
  const bool is_older = record.version < entry.record->version && ticket < entry.put_at;
  if (is_older) return;
  order_.splice(order_.begin(), order_, found->second);
  entry.confirmed_ms = std::max(entry.confirmed_ms, confirmed_ms);
  if (is_same(record, *entry.record)) return;
  const std::int64_t noted_ms = entry.noted_ms;
  replaced = entry.record;
  erase(found->second);
  insert(record, confirmed_ms);
  const auto kept = by_name_.find(record.address.name);
  if (kept != by_name_.end()) kept->second->noted_ms = std::max(kept->second->noted_ms, noted_ms);
}

bool Copies::is_void(const Record& record, Ticket ticket) const {
  if (ticket < void_below_) return true;
  if (ends_.empty()) return false;
  const auto ended_after = [&](const std::string& key) {
    const auto end = ends_.find(key);
    return end != ends_.end() && ticket < end->second.at;
  };
  return ended_after(record.address.name) || ended_after(key_of(record.user_key()));
}

void Copies::insert(const Record& record, std::int64_t confirmed_ms) {
  const std::size_t weight = weight_of(record);
  if (limits_.max_copies == 0 || weight > limits_.max_bytes) return;
  while (by_name_.size() >= limits_.max_copies || bytes_ + weight > limits_.max_bytes) erase(std::prev(order_.end()));
  order_.push_front({std::make_shared<const Record>(record), confirmed_ms, record.last_active_ms, weight, ++now_});
  const Record& kept = *order_.front().record;
  by_name_.emplace(kept.address.name, order_.begin());
  by_user_[key_of(kept.user_key())].insert(&kept);
  bytes_ += weight;
}

void Copies::erase(Order::iterator entry) {
  const Record& record = *entry->record;
  const auto user = by_user_.find(key_of(record.user_key()));
  if (user != by_user_.end()) {
    user->second.erase(&record);
    if (user->second.empty()) by_user_.erase(user);
  }
  by_name_.erase(record.address.name);
  bytes_ -= entry->weight;
  order_.erase(entry);
}

std::optional<Known> Copies::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  return known_of(*found->second);
}

// Redis was told of an activity that its last answer does not show yet.
Known Copies::known_of(const Entry& entry) {
  Known known{*entry.record, entry.confirmed_ms};
  known.record.last_active_ms = std::max(known.record.last_active_ms, entry.noted_ms);
  return known;
}

std::vector<Known> Copies::of_user(const UserKey& user) const {
  const std::lock_guard lock(mutex_);
  std::vector<Known> found;
  const auto records = by_user_.find(key_of(user));
  if (records == by_user_.end()) return found;
  for (const Record* record : records->second) found.push_back(known_of(*by_name_.at(record->address.name)));
  return found;
}

void Copies::drop(const std::string& name) {
  const std::lock_guard lock(mutex_);
  erase(name);
  remember(name, false);
}

void Copies::end(const std::string& name) {
  const std::lock_guard lock(mutex_);
  erase(name);
  remember(name, true);
}

void Copies::end_user(const UserKey& user) {
  const std::lock_guard lock(mutex_);
  const auto records = by_user_.find(key_of(user));
  if (records != by_user_.end()) {
    std::vector<std::string> names;
    for (const Record* record : records->second) names.push_back(record->address.name);
    for (const auto& name : names) {
      erase(name);
      remember(name, true);
    }
  }
  remember(key_of(user), true);
}

bool Copies::has_ended(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto end = ends_.find(name);
  return end != ends_.end() && end->second.acknowledged;
}

void Copies::erase(const std::string& name) {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) erase(found->second);
}

void Copies::remember(std::string key, bool acknowledged) {
  const Ticket at = ++now_;
  ends_.insert_or_assign(key, End{at, acknowledged});
  end_order_.emplace_back(std::move(key), at);
  if (end_order_.size() <= kMaxRememberedEnds) return;
  const auto& [oldest, ended_at] = end_order_.front();
  const auto end = ends_.find(oldest);
  if (end != ends_.end() && end->second.at == ended_at) ends_.erase(end);
  void_below_ = ended_at;
  end_order_.pop_front();
}

bool Copies::claim_note(std::string_view name, std::int64_t now_ms, std::int64_t interval_ms) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return true;
  Entry& entry = *found->second;
  if (now_ms - entry.noted_ms < interval_ms) return false;
  entry.noted_ms = now_ms;
  return true;
}

std::size_t Copies::size() const {
  const std::lock_guard lock(mutex_);
  return by_name_.size();
}

std::size_t Copies::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace envoyou::session
