// What Redis has yet to hear of one log: admissions that were decided here while it was away, and perhaps that the log
// was reset.
//
//             freeze                       settle: arrived, or given up
//   waiting ----------> in a batch -----------------------------------------> gone
//      ^                    |  ^
//      |   release:         |  '-- it may have arrived: sent again as it is, under the same token
//      '-- certainly not ---'
//
// Batches keep their tokens for as long as they may have arrived, so that the server can tell a repeated one from a new
// one: a merge whose answer was lost is sent again and counts once. What came later goes into further batches beside
// them, so that all that is owed can be told at any time.
//
// Bounded: beyond kMaxOwedEntries distinct milliseconds the newest entry takes on more cost, at a later time, which can
// only make the limit stricter. Confined to one thread.
#pragma once

#include "limiter/algorithms/meter.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::limiter {

inline constexpr std::size_t kMaxOwedEntries = 4'096;
// Entries of one merge, so that no script holds the server for long.
inline constexpr std::size_t kMaxMergeEntries = 1'024;
// Batches that may have arrived, of one log. Beyond it what is new waits until one of them is settled.
inline constexpr std::size_t kMaxOwedBatches = 16;

struct OwedEntry {
  Ms at = 0;  // on this process' clock
  std::int64_t cost = 0;
  std::string request_id = {};  // if Redis has admitted it already, it counts no more
};

// How one lease stands here.
struct OwedLease {
  std::string id;
  Ms until = 0;           // on this process' clock
  std::int64_t cost = 0;  // 0: it was released
  std::uint64_t version = 0;
};

// One message to Redis about one meter. Merging it twice is merging it once.
struct Merge {
  std::string key;  // the user's
  MeterId meter{};
  std::int64_t rate = 0;  // of GCRA
  Ms ahead = 0;           // of GCRA: until the whole quota is back, as this process sees it
  std::uint64_t token = 0;
  std::optional<Ms> reset_at;      // forget what is older, on this process' clock
  std::vector<OwedEntry> entries;  // oldest first
  std::vector<OwedLease> leases;   // of concurrency, instead of entries
};

class Owed {
 public:
  bool empty() const noexcept { return entries_.empty() && !reset_at_ && batches_.empty(); }
  std::size_t bytes() const noexcept {
    return sizeof(Owed) + entries_.capacity() * sizeof(OwedEntry) + batches_.capacity() * sizeof(Batch);
  }
  // The cost of entries after `time`.
  std::int64_t cost_after(Ms time) const noexcept;

  // `expired`: what is no later than that counts no more.
  void add(OwedEntry entry, Ms expired);
  // Drops what counts no more and is in no batch.
  void prune(Ms expired);
  // Everything before is forgotten, here and, when it hears of it, in Redis.
  void reset(Ms at);
  // Redis has lost what it knew: these are all that still count.
  void replace(std::vector<OwedEntry> entries);

  // Everything that is owed, in the order in which it must be sent; `next_token` names new batches, and never with 0.
  std::vector<Merge> freeze(const std::function<std::uint64_t()>& next_token);
  // The batch has arrived, or is given up. Returns how many entries that were; nothing if it is not known (any more).
  std::optional<std::size_t> settle(std::uint64_t token);
  // The batch has certainly not arrived. If it is the last one, what is in it waits again, together with what is new.
  void release(std::uint64_t token);

 private:
  struct Batch {
    std::uint64_t token = 0;
    std::size_t count = 0;
    std::optional<Ms> reset_at;
  };

  std::size_t in_batches() const noexcept;

  std::vector<OwedEntry> entries_;  // oldest first; those of the batches come first, in their order
  std::vector<Batch> batches_;
  std::optional<Ms> reset_at_;  // not in a batch yet
};

// The same of concurrency. A lease is told as it stands, which may be repeated without harm; so what is kept is only
// whose state Redis may not know.
class OwedLeases {
 public:
  bool empty() const noexcept { return changed_.empty() && !reset_at_; }
  std::size_t bytes() const noexcept { return sizeof(OwedLeases) + changed_.size() * kBytesPerLease; }

  void add(std::string_view id) { changed_.insert_or_assign(std::string(id), ++version_); }
  // All leases ended; `token` names that, so that it happens once.
  void reset(Ms at, std::uint64_t token) {
    changed_.clear();
    reset_at_ = at;
    token_ = token;
  }

  // visit(id, version)
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [id, version] : changed_) visit(id, version);
  }
  const std::optional<Ms>& reset_at() const noexcept { return reset_at_; }
  std::uint64_t token() const noexcept { return token_; }

  // Returns how many leases that were. What has changed since is still owed.
  std::size_t settle(const Merge& merge);

 private:
  static constexpr std::size_t kBytesPerLease = 96;

  std::map<std::string, std::uint64_t, std::less<>> changed_;  // and when that was, in changes
  std::uint64_t version_ = 0;
  std::optional<Ms> reset_at_;
  std::uint64_t token_ = 0;
};

}  // namespace envoyou::limiter
