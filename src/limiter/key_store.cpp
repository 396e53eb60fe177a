#include "limiter/key_store.hpp"

#include "base/hash.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace envoyou::limiter {

namespace {

constexpr std::size_t kMaxShards = 64;
constexpr std::size_t kKeysPerShard = 1'024;
// Records looked at on each change, to free what has expired.
constexpr int kTidyPerVisit = 2;
// A record is moved to the end of its queue only after this part of its window: the order need not be exact.
constexpr Ms kRequeueFraction = 16;
// Before every time, and far enough from the edge to subtract it.
constexpr Ms kLongAgo = std::numeric_limits<Ms>::min() / 2;

std::size_t shards_for(std::size_t max_keys) {
  return std::bit_floor(std::clamp<std::size_t>(max_keys / kKeysPerShard, 1, kMaxShards));
}

}  // namespace

KeyStore::KeyStore(KeyStoreBounds bounds, KeyStoreMetrics metrics)
    : bounds_(bounds),
      evicted_(metrics.evicted),
      owed_lost_(metrics.owed_lost),
      shard_count_(shards_for(bounds.max_keys)),
      shards_(std::make_unique<Shard[]>(shard_count_)),
      keys_(metrics.keys),
      bytes_(metrics.bytes),
      owing_(metrics.owing) {}

KeyStore::~KeyStore() {
  for (std::size_t i = 0; i < shard_count_; ++i) {
    shards_[i].table.for_each([](KeyRecord& record) { delete &record; });
  }
}

KeyStore::Visit KeyStore::visit(std::string_view key) {
  const std::uint64_t hash = base::hash64(key);
  // The table uses the low bits of the hash, so the shard comes from the high ones.
  return Visit(*this, shards_[(hash >> 48) & (shard_count_ - 1)], hash, key);
}

KeyStore::Visit KeyStore::visit_shard(std::size_t index) { return Visit(*this, shards_[index], 0, {}); }

KeyRecord& KeyStore::Visit::get(const MeterId& meter) {
  if (KeyRecord* found = find()) return *found;
  auto made = std::make_unique<KeyRecord>(hash_, key_, meter);
  shard_.table.insert(*made);
  store_.keys_.add(1);
  KeyRecord& record = *made.release();
  store_.enqueue(shard_, record, 0, kLongAgo);
  return record;
}

void KeyStore::Visit::changed(KeyRecord& record, Ms now) {
  touched(record, now);
  if (store_.over_bounds()) store_.enforce(shard_, record, now);
  store_.tidy(shard_, now);
}

void KeyStore::Visit::touched(KeyRecord& record, Ms now) {
  const bool owes = record.owes();
  if (owes != record.in_owed_chain) {
    record.in_owed_chain = owes;
    owes ? shard_.owed.push_back(record) : shard_.owed.remove(record);
    store_.owing_.add(owes ? 1 : -1);
  }
  const std::size_t queue = store_.queue_of(record, now);
  if (queue != record.queue || now - record.queued_at > record.widest_window() / kRequeueFraction) {
    store_.dequeue(shard_, record);
    store_.enqueue(shard_, record, queue, now);
  }
  store_.account(record);
}

void KeyStore::Visit::put_off(KeyRecord& record) noexcept {
  if (!record.in_owed_chain) return;
  shard_.owed.remove(record);
  shard_.owed.push_back(record);
}

std::size_t KeyStore::queue_of(const KeyRecord& record, Ms now) noexcept {
  const auto bits = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(record.widest_window())));
  const std::size_t width = std::min(bits / 2, kClasses - 1);
  const bool important = record.important_until > now || record.in_owed_chain;
  return width + (important ? kClasses : 0);
}

void KeyStore::enqueue(Shard& shard, KeyRecord& record, std::size_t queue, Ms now) noexcept {
  record.queue = static_cast<std::uint8_t>(queue);
  record.queued_at = now;
  shard.queues[queue].push_back(record);
  shard.filled |= std::uint64_t{1} << queue;
}

void KeyStore::dequeue(Shard& shard, KeyRecord& record) noexcept {
  shard.queues[record.queue].remove(record);
  if (shard.queues[record.queue].empty()) shard.filled &= ~(std::uint64_t{1} << record.queue);
}

void KeyStore::destroy(Shard& shard, KeyRecord& record) noexcept {
  dequeue(shard, record);
  if (record.in_owed_chain) {
    shard.owed.remove(record);
    owing_.add(-1);
  }
  shard.table.erase(record);
  bytes_.add(-static_cast<std::int64_t>(record.accounted));
  keys_.add(-1);
  delete &record;
}

void KeyStore::evict(Shard& shard, KeyRecord& record, Ms now) noexcept {
  if (record.forget_at() > now) {
    evicted_.add();
    if (record.in_owed_chain) owed_lost_.add();
  }
  destroy(shard, record);
}

// Looks at the heads of the next queues: frees what has expired, and lets go of an importance that has passed.
void KeyStore::tidy(Shard& shard, Ms now) noexcept {
  for (int i = 0; i < kTidyPerVisit && shard.filled != 0; ++i) {
    const std::uint64_t ahead = shard.filled >> shard.cursor << shard.cursor;
    const auto queue = static_cast<std::size_t>(std::countr_zero(ahead != 0 ? ahead : shard.filled));
    shard.cursor = (queue + 1) % kQueues;
    KeyRecord& head = *shard.queues[queue].front();
    if (head.forget_at() + bounds_.linger <= now) {
      destroy(shard, head);
    } else if (const std::size_t place = queue_of(head, now); place != queue) {
      dequeue(shard, head);
      enqueue(shard, head, place, now);
    }
  }
}

void KeyStore::account(KeyRecord& record) noexcept {
  const std::size_t bytes = record.bytes();
  if (bytes == record.accounted) return;
  bytes_.add(static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(record.accounted));
  record.accounted = bytes;
}

bool KeyStore::over_bounds() const noexcept { return keys() > bounds_.max_keys || bytes() > bounds_.max_bytes; }

// Of this shard first; of others only those that nobody holds, so that two that make room never wait for each other.
void KeyStore::enforce(Shard& own, const KeyRecord& spare, Ms now) noexcept {
  for (const bool important : {false, true}) {
    while (over_bounds() && evict_one(own, &spare, important, now)) {
    }
    for (std::size_t i = 0; i < shard_count_ && over_bounds(); ++i) {
      Shard& other = shards_[i];
      if (&other == &own) continue;
      const std::unique_lock lock(other.mutex, std::try_to_lock);
      while (lock.owns_lock() && over_bounds() && evict_one(other, nullptr, important, now)) {
      }
    }
  }
}

// The head that expires soonest, of the ordinary queues or of the important ones.
bool KeyStore::evict_one(Shard& shard, const KeyRecord* spare, bool important, Ms now) noexcept {
  KeyRecord* victim = nullptr;
  const std::size_t first = important ? kClasses : 0;
  for (std::size_t queue = first; queue < first + kClasses; ++queue) {
    KeyRecord* head = shard.queues[queue].front();
    if (head != nullptr && head == spare) head = Queue::next(*head);
    if (head != nullptr && (victim == nullptr || head->forget_at() < victim->forget_at())) victim = head;
  }
  if (victim == nullptr) return false;
  evict(shard, *victim, now);
  return true;
}

}  // namespace envoyou::limiter
