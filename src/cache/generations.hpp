// What was invalidated, as numbers: an entry remembers the number of each of its tags, and is good as long as these are
// still the tags' numbers. Invalidating whatever a tag covers is changing one number.
//
// This is the table of this process: of what is kept here while Redis is away, and, in both modes, of what was
// invalidated here while an answer was being made. In Redis the numbers lie under names of their own (names.hpp).
//
// A tag that nobody invalidated needs no entry: it has the number of the last time that the table was full and forgot,
// which is then a new one for every tag.
//
// Thread-safe.
#pragma once

#include "base/hash.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace envoyou::cache {

inline constexpr std::size_t kMaxLocalGenerations = 65'536;

class LocalGenerations {
 public:
  explicit LocalGenerations(std::size_t max_tags = kMaxLocalGenerations) : max_tags_(max_tags) {}

  std::uint64_t of(std::string_view tag) const {
    const std::lock_guard lock(mutex_);
    const auto at = numbers_.find(tag);
    return at == numbers_.end() ? forgotten_at_ : at->second;
  }

  void bump(std::string_view tag) {
    const std::lock_guard lock(mutex_);
    ++last_;
    if (numbers_.size() >= max_tags_ && !numbers_.contains(tag)) {
      numbers_.clear();
      forgotten_at_ = last_;
      return;
    }
    numbers_[std::string(tag)] = last_;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view tag) const noexcept { return base::hash64(tag); }
  };

  const std::size_t max_tags_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>> numbers_;  // guarded by mutex_
  std::uint64_t last_ = 0;                                                         // guarded by mutex_
  std::uint64_t forgotten_at_ = 0;                                                 // guarded by mutex_
};

}  // namespace envoyou::cache
