// Hash tables by name, and for each user the set of its names.
//
// What time has ended is found by walking the buckets of the table a few at a time, at each creation: with a walk of 8
// buckets a creation, n entries are all looked at within n / 8 creations, at a cost that does not depend on n.
#include "session/memory_backend.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace envoyou::session {
namespace {

constexpr std::size_t kBucketsPerPurge = 8;

std::string key_of(const UserKey& user) { return user.tag + user.part; }

class MemoryRows final : public Rows {
 public:
  Result<void> transact(const std::function<Result<void>()>& work) override { return work(); }
  Result<void> flush() override { return {}; }

  Result<std::optional<Row>> find(std::string_view name) override {
    const auto found = rows_.find(std::string(name));
    if (found == rows_.end()) return std::optional<Row>();
    return std::optional<Row>(found->second);
  }

  Result<void> put(const Row& row) override {
    saw(row.stamp);
    rows_.insert_or_assign(row.record.address.name, row);
    users_[key_of(row.record.user_key())].insert(row.record.address.name);
    return {};
  }

  Result<void> erase(std::string_view name) override {
    const auto found = rows_.find(std::string(name));
    if (found != rows_.end()) erase(found);
    return {};
  }

  Result<std::size_t> count_of(const UserKey& user) override {
    const auto names = users_.find(key_of(user));
    return names == users_.end() ? 0 : names->second.size();
  }

  Result<std::vector<Row>> of_user(const UserKey& user) override {
    std::vector<Row> found;
    const auto names = users_.find(key_of(user));
    if (names == users_.end()) return found;
    for (const auto& name : names->second) found.push_back(rows_.at(name));
    return found;
  }

  Result<std::optional<Tombstone>> find_tombstone(std::string_view name) override { return find_in(tombstones_, name); }
  Result<void> put(const Tombstone& tombstone) override {
    saw(tombstone.stamp);
    tombstones_.insert_or_assign(tombstone.address.name, tombstone);
    return {};
  }
  Result<void> erase_tombstone(std::string_view name) override {
    tombstones_.erase(std::string(name));
    return {};
  }

  Result<std::optional<Revocation>> find_revocation(const UserKey& user) override {
    return find_in(revocations_, key_of(user));
  }
  Result<void> put(const Revocation& revocation) override {
    saw(revocation.stamp);
    revocations_.insert_or_assign(key_of(revocation.user), revocation);
    return {};
  }
  Result<void> erase_revocation(const UserKey& user) override {
    revocations_.erase(key_of(user));
    return {};
  }

  Result<std::vector<Row>> some_rows(std::size_t most, const Tags& held) override {
    return some_of(rows_, most, [&](const Row& it) { return !held.contains(it.record.address.tag); });
  }
  Result<std::vector<Tombstone>> some_tombstones(std::size_t most, const Tags& held) override {
    return some_of(tombstones_, most, [&](const Tombstone& it) {
      return !held.contains(it.address.tag) && !rows_.contains(it.successor);
    });
  }
  Result<std::vector<Revocation>> some_revocations(std::size_t most, const Tags& held) override {
    return some_of(revocations_, most, [&](const Revocation& it) { return !held.contains(it.user.tag); });
  }

  Result<void> purge(std::int64_t now_ms, bool all) override {
    const std::size_t buckets = all ? rows_.bucket_count() : std::min(kBucketsPerPurge, rows_.bucket_count());
    for (std::size_t i = 0; i < buckets; ++i) purge_bucket(cursor_++ % rows_.bucket_count(), now_ms);
    const auto is_over = [now_ms](const auto& entry) { return entry.second.until_ms <= now_ms; };
    if (!all && now_ms < next_marks_purge_ms_) return {};
    next_marks_purge_ms_ = now_ms + kMarksPurgeEveryMs;
    std::erase_if(tombstones_, is_over);
    std::erase_if(revocations_, is_over);
    return {};
  }

  std::size_t rows() const noexcept override { return rows_.size(); }
  std::size_t marks() const noexcept override { return tombstones_.size() + revocations_.size(); }
  std::int64_t last_stamp() const noexcept override { return last_stamp_; }

  Result<std::int64_t> remembered(std::string_view name) override {
    const auto found = remembered_.find(name);
    return found == remembered_.end() ? 0 : found->second;
  }
  Result<void> remember(std::string_view name, std::int64_t value) override {
    remembered_.insert_or_assign(std::string(name), value);
    return {};
  }

 private:
  using Table = std::unordered_map<std::string, Row>;
  static constexpr std::int64_t kMarksPurgeEveryMs = 10'000;

  void saw(std::int64_t stamp) noexcept { last_stamp_ = std::max(last_stamp_, stamp); }

  void erase(Table::iterator row) {
    const auto names = users_.find(key_of(row->second.record.user_key()));
    if (names != users_.end()) {
      names->second.erase(row->first);
      if (names->second.empty()) users_.erase(names);
    }
    rows_.erase(row);
  }

  void purge_bucket(std::size_t bucket, std::int64_t now_ms) {
    std::vector<std::string> over;
    for (auto entry = rows_.begin(bucket); entry != rows_.end(bucket); ++entry)
      if (!entry->second.record.is_live(now_ms)) over.push_back(entry->first);
    for (const auto& name : over) erase(rows_.find(name));
  }

  template <class Map>
  static Result<std::optional<typename Map::mapped_type>> find_in(const Map& map, std::string_view name) {
    const auto found = map.find(std::string(name));
    if (found == map.end()) return std::optional<typename Map::mapped_type>();
    return std::optional<typename Map::mapped_type>(found->second);
  }

  template <class Map, class Wanted>
  static Result<std::vector<typename Map::mapped_type>> some_of(const Map& map, std::size_t most, Wanted wanted) {
    std::vector<typename Map::mapped_type> some;
    for (const auto& [name, value] : map) {
      if (some.size() == most) break;
      if (wanted(value)) some.push_back(value);
    }
    return some;
  }

  Table rows_;
  std::unordered_map<std::string, std::unordered_set<std::string>> users_;
  std::unordered_map<std::string, Tombstone> tombstones_;
  std::unordered_map<std::string, Revocation> revocations_;
  std::map<std::string, std::int64_t, std::less<>> remembered_;
  std::size_t cursor_ = 0;
  std::int64_t next_marks_purge_ms_ = 0;
  std::int64_t last_stamp_ = 0;
};

}  // namespace

std::unique_ptr<Rows> make_memory_rows() { return std::make_unique<MemoryRows>(); }

}  // namespace envoyou::session
