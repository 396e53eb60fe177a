// What Redis has yet to hear of one log: admissions that were decided here while it was away, and perhaps that the log was reset.
//
//              add                  freeze                        settle(token)
//   nothing --------> waiting -------------------> in a batch ----------------------> told
//                        ^  later ones wait behind     |  not told (yet): the same batch again, with the same token
//                        '-----------------------------'
//
// A batch keeps its token until it is known to have arrived, so that the server can tell a repeated one from a new one: a merge
// whose answer was lost is sent again and counts once.
//
// Bounded: beyond kMaxOwedEntries distinct milliseconds the newest entry takes on more cost, at a later time, which can only
// make the limit stricter. Confined to one thread.
#pragma once

#include "limiter/algorithms/log_ring.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace envoyou::limiter {

inline constexpr std::size_t kMaxOwedEntries = 4'096;
// Entries of one merge, so that no script holds the server for long.
inline constexpr std::size_t kMaxMergeEntries = 1'024;

struct OwedEntry {
  Ms at = 0;  // on this process' clock
  std::int64_t cost = 0;
};

// One message to Redis about one log. Merging it twice is merging it once.
struct Merge {
  std::string key;  // the user's
  Ms window = 0;
  std::uint64_t token = 0;
  std::optional<Ms> reset_at;      // forget what is older, on this process' clock
  std::vector<OwedEntry> entries;  // oldest first
};

class Owed {
 public:
  bool empty() const noexcept { return entries_.empty() && !reset_at_; }
  std::size_t bytes() const noexcept { return sizeof(Owed) + entries_.capacity() * sizeof(OwedEntry); }
  // The cost of entries after `time`.
  std::int64_t cost_after(Ms time) const noexcept;

  // `expired`: what is no later than that counts no more.
  void add(Ms at, std::int64_t cost, Ms expired);
  // Drops what counts no more and is in no batch.
  void prune(Ms expired);
  // Everything before is forgotten, here and, when it hears of it, in Redis.
  void reset(Ms at);
  // Redis has lost what it knew: these are all that still count.
  void replace(std::vector<OwedEntry> entries);

  // The present batch, or a new one under `fresh_token`. REQUIRES: !empty(); fresh_token != 0.
  Merge freeze(std::uint64_t fresh_token);
  // The batch has arrived, or is given up. Returns how many entries that were; 0 for a token that is not the present one.
  std::size_t settle(std::uint64_t token);

 private:
  std::vector<OwedEntry> entries_;  // oldest first; the first in_batch_ of them belong to token_
  std::optional<Ms> reset_at_;
  std::size_t in_batch_ = 0;
  std::uint64_t token_ = 0;  // 0: no batch
};

}  // namespace envoyou::limiter
