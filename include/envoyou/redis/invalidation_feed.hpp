// Which keys have changed in Redis: what a cache in this process must know to stay true. `ClientCache` stands on it,
// and so can any other store.
//
//   not in force --(the server tracks, or the channel is subscribed)--> in force, epoch n --(link lost)--> not in force
//        ^                                                                                                    |
//        '----------------------------------------------------------------------------------------------------'
//
// How a cache stays true with it:
//
//   1. before it asks Redis it notes `epoch()` and that it is asking; an `on_invalidated` of the key, an
//      `on_all_invalidated` or an `on_lost` that comes before the reply means that the reply may be given to the caller
//      and must not be kept;
//   2. it reads with `submit`: along the link that the invalidations come on, so that both are in one order;
//   3. it keeps the epoch with the value, and serves the value only while `holds(epoch, now)`.
//
// `holds` is false from the moment on at which the link is lost, before any command of the link is answered with an
// error. And it is false while the link is silent for longer than the lease: a heartbeat goes over it every
// `heartbeat`, and only the last that came back, counted from when it was asked, renews the lease. So a value is served
// for at most `lease` after it was changed, whatever happens to the network, and for at most the time that the
// invalidation travels, where nothing happens to it. (In broadcast mode Redis sends invalidations at the end of a turn
// of its own loop: add that turn.)
//
// Where it comes from, by what the server can do; `why` tells, and so does one line of log:
//
//   kTracking  RESP3 and CLIENT TRACKING: every write by anybody, expiry, eviction, FLUSHALL
//   kPubSub    else, a channel: only what is told by `publish`, or by any writer that does PUBLISH <channel> <key>
//              (an empty message: all keys). Writes that nobody tells of are not seen: they last until the TTL
//   kNone      else: never in force
//
// Thread-safe. Destroy it on any thread but the I/O thread; it keeps the client alive. `listener` must outlive it and
// is not called any more when the destructor has returned, which waits for no server.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/completion.hpp>
#include <envoyou/result.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::redis {

enum class TrackingMode : std::uint8_t {
  kByKey,      // the server remembers which keys were read over the link; costs it memory, and tells only of those
  kBroadcast,  // the server tells of every key with one of the prefixes; costs it no memory
};

enum class FeedSource : std::uint8_t { kNone, kTracking, kPubSub };
std::string_view to_string(FeedSource source) noexcept;

struct InvalidationFeedOptions {
  TrackingMode tracking = TrackingMode::kByKey;
  std::vector<std::string> prefixes{};  // kBroadcast: none of them the beginning of another; empty: all keys
  Milliseconds heartbeat{500};
  Milliseconds lease{2'000};                    // more than `heartbeat`
  std::string channel = "envoyou:invalidated";  // where there is no tracking; empty: then nothing
  bool publish_always = false;  // `publish` also while this process has tracking: for others that have not
};

// Called on the I/O thread, in the order of the link; must not block, throw, or destroy the feed.
class InvalidationListener {
 public:
  virtual ~InvalidationListener() = default;
  virtual void on_invalidated(std::string_view key) noexcept = 0;
  virtual void on_all_invalidated() noexcept = 0;
  // In force from here on, under `epoch`.
  virtual void on_restored(FeedSource source, std::uint64_t epoch) noexcept = 0;
  // Not in force any more: nothing that was kept before may be served.
  virtual void on_lost(const Error& why) noexcept = 0;
  // A heartbeat has come back.
  virtual void on_heartbeat() noexcept {}
};

class InvalidationFeed {
 public:
  // Never waits for the server. Errors: kInvalidArgument, kForked, kUnsupported (a client of
  // several servers), kTls (files that can not be read).
  static Result<std::unique_ptr<InvalidationFeed>> open(std::shared_ptr<Client> client, InvalidationListener& listener,
                                                        InvalidationFeedOptions options = {});
  ~InvalidationFeed();
  InvalidationFeed(const InvalidationFeed&) = delete;
  InvalidationFeed& operator=(const InvalidationFeed&) = delete;

  // 0: not in force.
  std::uint64_t epoch() const noexcept;
  // May be asked at every hit: two loads.
  bool holds(std::uint64_t epoch, TimePoint now) const noexcept;
  // Whether invalidations of this key come at all (kBroadcast with prefixes).
  bool covers(std::string_view key) const noexcept;
  FeedSource source() const noexcept;
  // Why it is not kTracking; empty where it is.
  std::string why() const;

  // Reads in order: along the feed's link (kTracking), else with the client.
  void submit(std::vector<Submission> reads, CallOptions options);
  // Tells the other processes' feeds that these keys were changed, where that is done by the channel. Does not wait.
  void publish(const std::vector<std::string_view>& keys);

  struct Impl;

 private:
  explicit InvalidationFeed(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace envoyou::redis
