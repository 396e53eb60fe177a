// Which keys have changed, from the best source that there is (invalidation_feed.hpp).
//
//   a tracked link is always tried; where the server refuses tracking, the channel is subscribed as well
//
//   tracked? ------------ yes --> kTracking
//      | no
//   channel subscribed? - yes --> kPubSub
//      | no
//    kNone
//
// Whenever the source that counts goes or changes, the epoch ends: first the epoch is 0, then the listener is told.
// Then a new one begins.
//
// Confined to the I/O role, but for what says otherwise.
#pragma once

#include "redis/log_gate.hpp"
#include "redis/node_host.hpp"
#include "redis/subscriber_core.hpp"
#include "redis/tracking_link.hpp"

#include <envoyou/redis/invalidation_feed.hpp>
#include <envoyou/runtime.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace envoyou::redis {

class FeedCore final : public SubscriptionListener, public std::enable_shared_from_this<FeedCore> {
 public:
  // Submits a group on a link of the client's own.
  using Elsewhere = std::function<void(std::vector<Submission>, Deadline)>;

  // `host` must outlive the core's end (wait_ended), `listener` until `deafen`.
  FeedCore(NodeHost& host, const Runtime& runtime, InvalidationListener& listener, InvalidationFeedOptions options,
           Elsewhere elsewhere);
  ~FeedCore() override;

  // Once, before anything else. Errors: as NodeHost::make.
  Result<void> make(ClientOptions client);
  // Once, after it. Nothing is told before.
  void start();
  void deafen();
  void end(const Error& why);
  void wait_ended();

  // Any thread.
  std::uint64_t epoch() const noexcept { return epoch_.load(std::memory_order_acquire); }
  bool holds(std::uint64_t epoch, TimePoint now) const noexcept {
    return epoch != 0 && epoch == this->epoch() &&
           now.time_since_epoch().count() < lease_.load(std::memory_order_relaxed);
  }
  bool covers(std::string_view key) const noexcept;
  FeedSource source() const noexcept { return source_.load(std::memory_order_acquire); }
  std::string why() const;
  void submit(std::vector<Submission> reads, Deadline deadline);
  void publish(const std::vector<std::string_view>& keys, Deadline deadline);

  const InvalidationFeedOptions& options() const noexcept { return options_; }

  // From the tracked link.
  void on_tracked();
  TimePoint now() const { return clock_->now(); }
  void on_tracking_refused(const Error& why);
  void on_tracking_lost(const Error& why);
  void on_fence(TimePoint asked);
  void on_keys(const ReplyView& keys);
  void on_all_keys();
  void on_tracking_end(const Error& why);

  // From the channel.
  void on_message(const MessageView& message) noexcept override;
  void on_lost(const Error& why) noexcept override;
  void on_resubscribed() noexcept override;
  void on_rejected(const Subscription& subscription, const Error& why) noexcept override;
  void on_heartbeat(TimePoint asked) noexcept override;

 private:
  void choose(const Error& why);
  void lose(const Error& why);
  void begin(FeedSource source);
  void renew(TimePoint asked) noexcept;
  bool open_channel();
  void no_channel(const Error& why);
  void on_subscribed(const Result<void>& said);
  void say(FeedSource source);
  void explain(std::string why);
  template <class Tell>
  void tell(Tell call);

  NodeHost& host_;
  const std::shared_ptr<Clock> clock_;
  const Runtime runtime_;
  const InvalidationFeedOptions options_;
  const Elsewhere elsewhere_;
  ClientOptions client_;
  std::shared_ptr<TrackingLink> link_;
  std::shared_ptr<Node> node_;  // its node; constant after make
  std::shared_ptr<SubscriberCore> subscriber_;
  bool is_tracked_ = false;
  bool wants_channel_ = false;
  bool is_subscribed_ = false;
  bool has_ended_ = false;
  std::uint64_t last_epoch_ = 0;
  FeedSource said_ = FeedSource::kNone;
  bool has_said_ = false;
  LogGate said_gate_{3, Milliseconds(10'000)};

  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<TimePoint::rep> lease_{0};
  std::atomic<FeedSource> source_{FeedSource::kNone};

  mutable std::mutex explaining_;
  std::string why_ = "not connected yet";  // guarded by explaining_

  std::mutex telling_;
  InvalidationListener* listener_;  // guarded by telling_; null: deaf

  std::mutex ending_;
  std::condition_variable ended_;
  bool tracking_ended_ = false;  // guarded by ending_
};

}  // namespace envoyou::redis
