// What was invalidated here and Redis has yet to learn: tags and entries, each once. Until Redis has, nothing that they
// cover is read from it.
//
// Bounded: where they do not fit, all of them become one, the purge of everything.
//
// Thread-safe.
#pragma once

#include "cache/backend.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace envoyou::cache {

class PendingPurges {
 public:
  // `everything`: the tag that every entry has, under every secret.
  PendingPurges(std::size_t max_entries, std::vector<Name> everything);

  void put(const Purge& purge);
  // True if something pending covers the entry.
  bool covers(const Identity& identity) const;

  struct Batch {
    Purge purge;
    std::vector<std::pair<std::string, std::uint64_t>> versions;
  };
  Batch batch(std::size_t at_most) const;
  // Redis has acknowledged these.
  void done(const Batch& batch);

  std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }
  std::uint64_t overflowed() const noexcept { return overflowed_.load(std::memory_order_relaxed); }

 private:
  struct Pending {
    Name name;
    bool is_tag = true;
    std::uint64_t version = 0;
  };
  void add(const Name& name, bool is_tag);

  const std::size_t max_entries_;
  const std::vector<Name> everything_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Pending> pending_;  // guarded by mutex_; by digest
  std::uint64_t last_version_ = 0;                    // guarded by mutex_
  std::atomic<std::size_t> size_{0};
  std::atomic<std::uint64_t> overflowed_{0};
};

}  // namespace envoyou::cache
