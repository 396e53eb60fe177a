// What a client cache keeps and asks.
//
//   find:  kept, of this epoch, within lease and time --> a hit, on the caller's thread
//   ask:   a flight for (key, question), joined by who asks the same meanwhile
//
//              ask                 reply                kept?      still in the table, and the time to
//   (caller) ------> flight in --------------> finish --------->   live is known and not over
//              |     the table                   |
//              '- joins the one that is there    '-> every waiter is answered in any case
//
// An invalidation takes the key's record out of the store and its flights out of the table, both under one mutex, and
// so does a writer of this process: a reply that arrives later is not kept, and who asks later does not join. The end
// of an epoch does the same to all of them; and what is kept says of which epoch it is.
//
// A joiner's deadline is not before the flight's; one whose deadline is earlier asks for itself. When a flight ends for
// lack of time, those who have some left ask again, the one with the least first, so that the others can join it.
//
// One record holds all that is known of a key (its aspects), so that one invalidation takes all of it.
//
// Thread-safe. Invalidations, and what is kept, come in the I/O role.
#pragma once

#include "memory/bounded_store.hpp"
#include "redis/feed_core.hpp"

#include <envoyou/redis/client_cache.hpp>
#include <envoyou/runtime.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace envoyou::redis {

class CacheCore final : public InvalidationListener, public std::enable_shared_from_this<CacheCore> {
 public:
  struct Question {
    std::string key;
    std::string aspect;  // the words as they are sent; empty: GET of the key
    Words words;
    Completion<CachedReply> then;
  };

  CacheCore(const Runtime& runtime, const ClientCacheOptions& options);

  // Once, before anything else.
  void use(std::shared_ptr<FeedCore> feed) { feed_ = std::move(feed); }

  // `aspect` is empty for GET.
  std::optional<CachedReply> find(std::string_view key, std::string_view aspect, TimePoint now);
  // Asks all of them at once, on one link. REQUIRES: none of them is kept.
  void ask(std::vector<Question> questions, TimePoint deadline);
  void invalidate(std::string_view key);
  void clear();
  // Nobody asks again when a flight fails.
  void close();
  ClientCacheStats stats() const;

  void on_invalidated(std::string_view key) noexcept override;
  void on_all_invalidated() noexcept override;
  void on_restored(FeedSource source, std::uint64_t epoch) noexcept override;
  void on_lost(const Error& why) noexcept override;
  void on_heartbeat() noexcept override;

 private:
  struct Aspect {
    std::string question;
    CachedReply reply;
    TimePoint expires;
  };
  struct Record {
    std::uint64_t epoch = 0;
    std::vector<Aspect> aspects;
  };
  using Store = memory::BoundedStore<std::shared_ptr<const Record>>;

  struct Waiter {
    TimePoint deadline;
    Completion<CachedReply> then;
  };
  struct Flight {
    std::string key;
    std::string aspect;
    Words words;
    std::uint64_t epoch = 0;  // of the asking; 0: nothing will be kept
    TimePoint asked{};
    TimePoint deadline{};
    std::vector<Waiter> waiters;  // guarded by mutex_
    bool in_table = false;        // guarded by mutex_; false: invalidated, or never was
    // Written where the replies come, one after the other.
    int left = 0;
    std::optional<std::int64_t> ttl;
    std::optional<Result<CachedReply>> value;
  };
  using FlightPtr = std::shared_ptr<Flight>;

  FlightPtr join_or_make(Question&& question, TimePoint now, TimePoint deadline);
  void append(const FlightPtr& flight, std::vector<Submission>& group);
  void on_ttl(const FlightPtr& flight, Result<std::int64_t> ttl);
  void on_value(const FlightPtr& flight, Result<Reply> value);
  void arrived(const FlightPtr& flight);
  void finish(const FlightPtr& flight);
  void keep(const Flight& flight, TimePoint now);
  std::optional<TimePoint> expiry(const Flight& flight) const;
  void answer(const FlightPtr& flight, std::vector<Waiter> waiters);
  void drop_flights_of(std::string_view key);
  void leave_table(Flight& flight);
  void drop_all();
  void publish_metrics();

  static constexpr std::size_t kStripes = 16;
  struct alignas(64) Stripe {
    std::atomic<std::uint64_t> hits{0};
  };
  std::uint64_t hits() const noexcept;

  struct Published {
    explicit Published(MetricsRegistry& metrics);
    void publish(const ClientCacheStats& now);

    Counter& hits;
    Counter& misses;
    Counter& invalidations;
    Counter& not_kept;
    Counter& drops;
    Counter& lease_expiries;
    Gauge& entries;
    Gauge& bytes;
    ClientCacheStats before;
  };

  const std::shared_ptr<Clock> clock_;
  const ClientCacheOptions options_;
  const std::size_t least_weight_;
  const std::shared_ptr<MetricsRegistry> metrics_;
  std::shared_ptr<FeedCore> feed_;
  Store store_;
  std::array<Stripe, kStripes> stripes_;
  std::atomic<std::uint64_t> misses_{0}, joined_{0}, invalidations_{0}, not_kept_{0}, drops_{0}, lease_expiries_{0};
  std::atomic<bool> closed_{false};

  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<FlightPtr>> flights_;  // by key; guarded by mutex_
  std::mutex publishing_;
  Published published_;  // guarded by publishing_
};

}  // namespace envoyou::redis
