// Space-Saving: the heavy hitters of a stream, with a fixed number m of counters.
//
// A key that has a counter is counted exactly. A key that has none takes over the counter with the least count, and
// that count with it, since it may have been here before and have lost its counter to another:
//
//     counters, m = 3     a:9  b:4  c:2
//     comes b             a:9  b:5  c:2
//     comes d             a:9  b:5  d:3 (over by at most 2)      c is forgotten; d has 1, and perhaps those 2
//
// What follows, with W for the weight of all that came, and `over` for the count that a key took over:
//   * count - over <= true <= count, for every key that has a counter;
//   * true <= least count <= W / m, for every key that has none;
//   * so every key with more than W / m has a counter, whatever the order in which they came.
// The least count is W / m only if all keys are alike. Where some keys stand out, they hold most of W in their own
// counters, and what the others push around is what is left. Weights other than 1 change nothing in this.
//
// The least count. The paper keeps the counters in a list of buckets of equal count, which is O(1) for weights of 1
// and a walk for others. Costs are others, so here it is a heap, and a lazy one: a place in it remembers the count from
// when it was last put there, which is never more than the count is now. To count a known key is then no more than a
// look into the hash table and an addition; the heap hears nothing of it. Who needs the least looks at the top: if what
// is remembered there is out of date it is brought up to date and sifted down, until the top tells the truth.
//
//     heap remembers   2  4  9       counts are   5  4  9      top says 2, is 5: sift down ->  4  5  9
//
// Each step of that makes good for at least one addition that had skipped the heap: amortised O(log m) with m fixed,
// and O(1) at once for known keys, which are nearly all of the traffic that such a list is looked at for. Under a flood
// of new keys each takes over a counter: O(log m), 7 levels for 128.
//
// Shards. A key is in one shard alone, so merging is putting the lists side by side; all bounds hold with the weight of
// the shard for W. `unlisted_at_most` is the greatest of what each shard could hide and of the first that is cut off.
//
// Ageing. Counts halve at every full interval of the clock, when a shard is next visited. They are doubles, because
// halving a double is exact, so that the two inequalities hold for the aged truth as they did before; with integers
// each halving would round, and either the bound or the end of a key's life would suffer. Sums of integers are exact
// below 2^53, and above that off by less than 1e-15 each. To halve all keeps the order, so the heap stays a heap.
//
// Who a key is. The first kMaxTopKeyBytes are kept; longer keys are told apart by length and a 64-bit hash with a
// random seed as well, so two long keys with one beginning are taken for one with a chance of 2^-64.
#include "limiter/live/top_keys.hpp"

#include "base/hash.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <mutex>
#include <optional>

namespace envoyou::limiter {

namespace {

constexpr std::int64_t kHalvingsToNothing = 64;  // after that many, 2^-64 of a count is left: it is dropped
constexpr double kLeastShown = 0.5;

// Two cache lines. Counts are upper bounds.
struct alignas(64) TrackedKey {
  std::uint64_t hash = 0;
  double count = 0;
  double over = 0;
  std::uint32_t length = 0;  // of the whole key
  char bytes[kMaxTopKeyBytes] = {};

  std::string_view shown() const noexcept { return {bytes, std::min<std::size_t>(length, kMaxTopKeyBytes)}; }

  bool is(std::uint64_t other_hash, std::string_view key) const noexcept {
    return hash == other_hash && length == static_cast<std::uint32_t>(key.size()) &&
           shown() == key.substr(0, kMaxTopKeyBytes);
  }
  void become(std::uint64_t new_hash, std::string_view key) noexcept {
    hash = new_hash;
    length = static_cast<std::uint32_t>(key.size());
    key.copy(bytes, kMaxTopKeyBytes);
  }
};
static_assert(sizeof(TrackedKey) == 128);

// Finds a counter by hash: open addressing at half load, linear probing, no tombstones. The shard took the upper bits.
class HashIndex {
 public:
  explicit HashIndex(std::size_t counters) : slots_(std::bit_ceil(counters * 2)) {}

  static std::size_t bytes_for(std::size_t counters) noexcept { return std::bit_ceil(counters * 2) * sizeof(Slot); }

  template <class Matches>
  std::optional<std::uint32_t> find(std::uint64_t hash, Matches matches) const noexcept {
    for (std::size_t i = home(hash); slots_[i].counter != kNone; i = after(i)) {
      if (slots_[i].hash == hash && matches(slots_[i].counter)) return slots_[i].counter;
    }
    return std::nullopt;
  }

  // REQUIRES: fewer than `counters` are in it.
  void insert(std::uint64_t hash, std::uint32_t counter) noexcept {
    std::size_t i = home(hash);
    while (slots_[i].counter != kNone) i = after(i);
    slots_[i] = {hash, counter};
  }

  // REQUIRES: it is there.
  void erase(std::uint64_t hash, std::uint32_t counter) noexcept {
    std::size_t hole = home(hash);
    while (slots_[hole].counter != counter) hole = after(hole);
    for (std::size_t i = after(hole); slots_[i].counter != kNone; i = after(i)) {
      const std::size_t wanted = home(slots_[i].hash);
      const bool may_move = ((i - wanted) & mask()) >= ((i - hole) & mask());
      if (!may_move) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = {};
  }

  void clear() noexcept { std::fill(slots_.begin(), slots_.end(), Slot{}); }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t counter = kNone;
  };

  std::size_t mask() const noexcept { return slots_.size() - 1; }
  std::size_t home(std::uint64_t hash) const noexcept { return static_cast<std::size_t>(hash) & mask(); }
  std::size_t after(std::size_t index) const noexcept { return (index + 1) & mask(); }

  std::vector<Slot> slots_;
};

// Cuts what the bound left of a character of several bytes, so that text stays text. Bytes that were no UTF-8 before
// may lose up to three.
std::string_view without_half_character(std::string_view text) noexcept {
  std::size_t tail = 0;
  while (tail < 3 && tail < text.size() && (static_cast<unsigned char>(text[text.size() - 1 - tail]) & 0xc0) == 0x80) {
    ++tail;
  }
  if (tail == text.size()) return text;
  const auto lead = static_cast<unsigned char>(text[text.size() - 1 - tail]);
  const std::size_t wanted = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  return tail < wanted ? text.substr(0, text.size() - 1 - tail) : text;
}

std::uint64_t rounded_up(double count) noexcept { return static_cast<std::uint64_t>(std::ceil(count)); }

// Bounds stay bounds: the upper one is rounded up, the lower one down.
TopKey to_top_key(std::string_view kept, std::uint32_t length, double count, double over) {
  const bool cut = length > kept.size();
  const std::uint64_t upper = rounded_up(count);
  const auto lower = static_cast<std::uint64_t>(std::max(0.0, std::floor(count - over)));
  return {std::string(cut ? without_half_character(kept) : kept), upper, upper - lower, cut};
}

}  // namespace

class alignas(64) TopKeys::Shard {
 public:
  // REQUIRES: once, before anything else.
  void open(std::size_t counters, Milliseconds halving) {
    halving_ = halving;
    index_.emplace(counters);
    capacity_ = counters;
    keys_.reserve(counters);
    heap_.reserve(counters);
  }

  static std::size_t bytes_for(std::size_t counters) noexcept {
    return sizeof(Shard) + counters * (sizeof(TrackedKey) + sizeof(Place)) + HashIndex::bytes_for(counters);
  }

  void add(std::uint64_t hash, std::string_view key, double weight, TimePoint now) noexcept {
    const std::lock_guard lock(mutex_);
    if (now >= next_halving_) age(now);
    total_ += weight;
    const auto found = index_->find(hash, [&](std::uint32_t i) { return keys_[i].is(hash, key); });
    if (found) {
      keys_[*found].count += weight;
    } else if (keys_.size() < capacity_) {
      track(hash, key, weight);
    } else {
      take_over(hash, key, weight);
    }
  }

  // Adds what it holds to `keys`, its total to `total`, and raises `hidden` to the most that a key can have which is
  // not among them.
  void collect(TimePoint now, std::vector<TopKey>& keys, double& total, double& hidden) const {
    const std::lock_guard lock(mutex_);
    const double share = std::ldexp(1.0, -static_cast<int>(halvings_until(now)));
    total += total_ * share;
    double least = keys_.size() == capacity_ ? total_ * share : 0;
    for (const TrackedKey& tracked : keys_) {
      const double count = tracked.count * share;
      least = std::min(least, count);
      if (count < kLeastShown) {
        hidden = std::max(hidden, count);
      } else {
        keys.push_back(to_top_key(tracked.shown(), tracked.length, count, tracked.over * share));
      }
    }
    hidden = std::max(hidden, least);
  }

 private:
  // A place in the heap: a counter, and the count it had when it was put there.
  struct Place {
    double count = 0;
    std::uint32_t counter = 0;
  };

  void track(std::uint64_t hash, std::string_view key, double weight) noexcept {
    const auto counter = static_cast<std::uint32_t>(keys_.size());
    TrackedKey& tracked = keys_.emplace_back();
    tracked.become(hash, key);
    tracked.count = weight;
    index_->insert(hash, counter);
    heap_.push_back({weight, counter});
    std::push_heap(heap_.begin(), heap_.end(), is_more);
  }

  void take_over(std::uint64_t hash, std::string_view key, double weight) noexcept {
    bring_up_to_date();
    const std::uint32_t counter = heap_.front().counter;
    TrackedKey& tracked = keys_[counter];
    index_->erase(tracked.hash, counter);
    index_->insert(hash, counter);
    tracked.become(hash, key);
    tracked.over = tracked.count;
    tracked.count += weight;
    set_top(tracked.count);
  }

  // Until the top of the heap tells the truth, and so is the least of all.
  void bring_up_to_date() noexcept {
    while (heap_.front().count < keys_[heap_.front().counter].count) set_top(keys_[heap_.front().counter].count);
  }

  // The top has `count` now: down to where it belongs. REQUIRES: `count` is no less than before.
  void set_top(double count) noexcept {
    const Place moved{count, heap_.front().counter};
    std::size_t hole = 0;
    for (std::size_t child = 1; child < heap_.size(); child = 2 * hole + 1) {
      if (child + 1 < heap_.size() && heap_[child + 1].count < heap_[child].count) ++child;
      if (heap_[child].count >= moved.count) break;
      heap_[hole] = heap_[child];
      hole = child;
    }
    heap_[hole] = moved;
  }

  static bool is_more(const Place& a, const Place& b) noexcept { return a.count > b.count; }

  std::int64_t halvings_until(TimePoint now) const noexcept {
    if (halving_.count() == 0 || now < next_halving_ || next_halving_ == TimePoint::min()) return 0;
    return std::min<std::int64_t>(1 + (now - next_halving_) / halving_, kHalvingsToNothing);
  }

  // REQUIRES: now >= next_halving_, which is so at the first call as well.
  void age(TimePoint now) noexcept {
    const std::int64_t halvings = halvings_until(now);
    schedule(now);
    if (halvings == kHalvingsToNothing) return forget();
    if (halvings == 0) return;
    const double share = std::ldexp(1.0, -static_cast<int>(halvings));
    total_ *= share;
    for (TrackedKey& tracked : keys_) {
      tracked.count *= share;
      tracked.over *= share;
    }
    for (Place& place : heap_) place.count *= share;
  }

  // At the whole multiples of the interval since the clock's beginning, so that all shards and lists halve as one: else
  // two keys of one rate would differ twofold, by nothing but the shard that they are in.
  void schedule(TimePoint now) noexcept {
    if (halving_.count() == 0) {
      next_halving_ = TimePoint::max();
      return;
    }
    const auto since_last = now.time_since_epoch() % halving_;
    next_halving_ = now - since_last + (since_last.count() < 0 ? Milliseconds(0) : halving_);
  }

  void forget() noexcept {
    keys_.clear();
    heap_.clear();
    index_->clear();
    total_ = 0;
  }

  mutable std::mutex mutex_;
  TimePoint next_halving_ = TimePoint::min();  // min: nothing has come yet
  double total_ = 0;
  std::optional<HashIndex> index_;
  std::vector<TrackedKey> keys_;  // never more than capacity_, so they never move
  std::vector<Place> heap_;       // the least at the top
  std::size_t capacity_ = 0;
  Milliseconds halving_{0};
};

TopKeys::TopKeys(TopKeysOptions options) : options_(options) {
  options_.counters = std::clamp<std::size_t>(options.counters, 1, kMaxTopCounters);
  options_.shards = std::clamp<std::size_t>(options.shards, 1, kMaxTopShards);
  options_.halving = std::clamp(options.halving, Milliseconds(0), kMaxTopHalving);
  shards_ = std::make_unique<Shard[]>(options_.shards);
  for (std::size_t i = 0; i < options_.shards; ++i) shards_[i].open(options_.counters, options_.halving);
}

TopKeys::~TopKeys() = default;

TopKeys::Shard& TopKeys::shard_of(std::uint64_t hash) const noexcept {
  return shards_[static_cast<std::size_t>(hash >> 32) * options_.shards >> 32];
}

void TopKeys::add(std::string_view key, std::int64_t weight, TimePoint now) noexcept {
  if (weight < 1) return;
  const std::uint64_t hash = base::hash64(key, options_.hash_seed);
  shard_of(hash).add(hash, key, static_cast<double>(weight), now);
}

TopList TopKeys::top(std::size_t most, TimePoint now) const {
  TopList list;
  double total = 0;
  double hidden = 0;
  for (std::size_t i = 0; i < options_.shards; ++i) shards_[i].collect(now, list.keys, total, hidden);
  std::uint64_t unlisted = rounded_up(hidden);
  std::ranges::sort(list.keys, [](const TopKey& a, const TopKey& b) {
    return a.count != b.count ? a.count > b.count : a.key < b.key;
  });
  if (list.keys.size() > most) {
    unlisted = std::max(unlisted, list.keys[most].count);
    list.keys.resize(most);
  }
  list.scope = {rounded_up(total), unlisted};
  return list;
}

std::size_t TopKeys::bytes() const noexcept {
  return sizeof *this + options_.shards * Shard::bytes_for(options_.counters);
}

}  // namespace envoyou::limiter
