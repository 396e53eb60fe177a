// Concurrency: leases of one key that live until they are released or their time is up. Pure arithmetic over (state,
// now, request); the same runs in Redis (scripts/concurrency.lua), and the conformance suite holds the two equal.
//
//            acquire: fits                    release, or `ttl` later
//   absent ----------------> live ----------------------------------------> absent
//                           |    ^
//                           '----'  acquire again: renewed, at its first cost
//
// A lease taken at `s` lives until `s + ttl`. Its id is its holder's, so asking again after an answer that was lost is
// harmless. Time goes forward: a clock that steps back is taken to stand at the newest acquisition, one that steps
// back by more than the time to live and a second has been wrong, and the book starts empty.
//
// "Others" are the leases that Redis told of and that this process did not hand out: one lump, until all of them would
// have expired.
//
// Time O(log n) to acquire and release, O(n) for when enough will have expired. At most kMaxLeases leases. Confined to
// one thread.
#pragma once

#include "limiter/algorithms/meter.hpp"

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::limiter {

inline constexpr std::size_t kMaxLeases = 65'536;

class LeaseBook {
 public:
  struct Lease {
    Ms until = 0;
    std::int64_t cost = 0;
  };

  explicit LeaseBook(Ms ttl) noexcept : ttl_(ttl) {}

  Ms window() const noexcept { return ttl_; }
  Look look(Moment moment) const noexcept;
  // The lease is live at that moment.
  bool holds(const Look& look, std::string_view id) const noexcept { return find(look, id).has_value(); }
  std::optional<Lease> find(const Look& look, std::string_view id) const noexcept;
  // As for all meters; 0 also where the lease is live, whatever the cost.
  Ms retry_after(const Look& look, const RateRule& rule, std::int64_t cost, std::string_view id) const noexcept;
  Ms forget_at() const noexcept;

  // Takes or renews. REQUIRES: look is of this book as it is; cost > 0 or the lease is live.
  void acquire(const Look& look, std::string_view id, std::int64_t cost);
  void release(std::string_view id);
  void hear(Moment moment, const MeterAnswer& answer, std::int64_t unknown_to_redis) noexcept;
  void clear() noexcept;

  template <class Visit>
  void for_each_own(const Look& look, Visit visit) const {
    if (look.afresh) return;
    for (const auto& [id, lease] : leases_) {
      if (lease.until > look.at) visit(std::string_view(id), lease);
    }
  }
  std::size_t bytes() const noexcept { return leases_.size() * kBytesPerLease; }

 private:
  static constexpr Ms kLongAgo = std::numeric_limits<Ms>::min() / 2;
  static constexpr std::size_t kBytesPerLease = 192;  // two nodes and a short id

  void drop_expired(Ms at) noexcept;
  void drop(std::map<std::string, Lease, std::less<>>::iterator lease) noexcept;

  Ms ttl_;
  std::map<std::string, Lease, std::less<>> leases_;
  std::set<std::pair<Ms, std::string_view>> by_expiry_;  // views into leases_
  std::int64_t total_ = 0;                               // the cost of all in leases_
  Ms newest_ = kLongAgo;
  std::int64_t heard_ = 0;
  Ms heard_until_ = kLongAgo;
};

}  // namespace envoyou::limiter
