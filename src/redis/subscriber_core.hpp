// What a subscriber wants, and how much of it is in force.
//
//              subscribe               link up               confirmed
//   (nothing) -----------> idle ------------------> asked -------------> in force
//        ^                  ^ ^                       |                     |
//        |                  | '--- link lost, moved --+---------------------'   a gap: on_lost ... on_resubscribed
//        |                  '--- LOADING, CLUSTERDOWN: again after kRetryAfter
//        '--- unsubscribe, refused, or not confirmed when the last deadline of those who asked has passed
//
// Every name is asked by a command of its own, so that the server's word (a push, or an error) is one for each and
// ties to its question by the order of the link. A server that confirms what is not wanted any more is told so.
//
// Shard channels live on the node that owns their slot. They are asked at home first; MOVED names the owner, and a link
// to it is made (at most kMaxLinks) with the settings of home but for host and port. When the server ends a shard
// subscription by itself, its slot has moved: it is asked there again, which is answered by MOVED. A shard channel
// whose owner can not be reached for kRetryAfter is asked at home again: another may have taken over.
//
// Home is one server of the client's. Where there are several, another becomes home when this one is away for
// kHomeAwayFor.
//
// Confined to the I/O role, but for what says otherwise.
#pragma once

#include "redis/node_host.hpp"
#include "redis/pubsub_push.hpp"
#include "redis/subscriber_link.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/deadline.hpp>
#include <envoyou/metrics.hpp>
#include <envoyou/redis/completion.hpp>
#include <envoyou/redis/subscriber.hpp>
#include <envoyou/redis/subscription.hpp>
#include <envoyou/result.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace envoyou::redis {

class SubscriberCore final : public std::enable_shared_from_this<SubscriberCore> {
 public:
  static constexpr Milliseconds kRetryAfter{100};
  static constexpr Milliseconds kHomeAwayFor{500};
  static constexpr std::size_t kMaxLinks = 128;
  static constexpr int kMaxRedirects = 5;  // in a row, then after kRetryAfter

  // Where else home can be, given where it is; asked in the I/O role. Empty: home stays.
  using NextHome = std::function<std::optional<Endpoint>(const Endpoint& home)>;

  // `host` and `next_home` must outlive the core's end (wait_ended); `listener` until `deafen`.
  SubscriberCore(NodeHost& host, const Runtime& runtime, SubscriptionListener& listener, SubscriberOptions limits,
                 NextHome next_home = nullptr);

  // Once, before anything else; any thread. Errors: as NodeHost::make.
  Result<void> start(ClientOptions home);
  // The listener is not called any more when this returns. Any thread.
  void deafen();
  // Ends all links, and everything that waits with kClosed.
  void end(const Error& why);
  // Any thread.
  void wait_ended();
  bool is_connected() const noexcept { return home_up_.load(std::memory_order_acquire); }
  SubscriberStats stats() const noexcept;

  void subscribe(const Subscription& subscription, TimePoint deadline, Completion<void> then);
  void unsubscribe(const Subscription& subscription, TimePoint deadline, Completion<void> then);
  // From here on no message comes by it; `unsubscribe` follows.
  void mute(const Subscription& subscription);

  // From the links.
  bool is_home(const SubscriberLink& link) const noexcept { return &link == home_.get(); }
  void on_link_up(SubscriberLink& link, TimePoint now);
  void on_link_down(SubscriberLink& link, const Error& why, TimePoint now);
  void on_link_end(SubscriberLink& link, const Error& why);
  void on_push(SubscriberLink& link, const PubSubPush& push, TimePoint now);
  void on_heartbeat(TimePoint asked);
  void on_said(SubscriberLink& link, const Subscription& subscription, bool wanted, std::uint64_t serial,
               Result<void> said);
  void on_turn(TimePoint now);
  TimePoint due() const noexcept { return due_; }

 private:
  struct Waiter {
    TimePoint deadline;
    Completion<void> then;
  };
  enum class Stage : std::uint8_t { kIdle, kAsked, kInForce };
  struct Wanted {
    std::shared_ptr<SubscriberLink> link;
    Stage stage = Stage::kIdle;
    bool was_in_force = false;  // so that it is missed while it is not
    bool is_muted = false;
    int redirects = 0;
    std::uint64_t serial = 0;  // of the last asking
    TimePoint retry_at = TimePoint::max();
    std::vector<Waiter> waiters;
  };
  using Book = std::map<Subscription, Wanted>;

  void ask(const Subscription& subscription, Wanted& wanted);
  void confirm(Wanted& wanted);
  void refuse(Book::iterator at, const Error& why);
  void retry_later(Wanted& wanted);
  void retry_at(Wanted& wanted, TimePoint time) noexcept;
  void follow(const Subscription& subscription, Wanted& wanted, const Error& moved);
  void on_said_of_wanted(SubscriberLink& link, Book::iterator at, const Result<void>& said);
  void forget(Book::iterator at);
  void wake_by(TimePoint time) noexcept { due_ = std::min(due_, time); }
  TimePoint earliest() const noexcept;
  void expire(TimePoint now);
  void expire_waiters(Book::iterator at, TimePoint now);
  void retry_due(TimePoint now);
  std::shared_ptr<SubscriberLink> link_to(const ClientOptions& options);
  void stop_unused_links();
  void home_away(TimePoint now) noexcept;
  void move_home(TimePoint now);
  void miss(Wanted& wanted, const Error& why);
  void tell_if_whole();
  void finish(const Error& why);
  template <class Tell>
  void tell(Tell call);

  NodeHost& host_;
  const NextHome next_home_;
  const std::shared_ptr<Clock> clock_;
  const SubscriberOptions limits_;
  const std::shared_ptr<MetricsRegistry> metrics_;  // keeps the counters alive
  Counter& messages_counter_;
  Counter& lost_counter_;

  std::shared_ptr<SubscriberLink> home_;
  TimePoint home_away_since_ = TimePoint::max();  // max: it is there, or stays whatever happens
  std::vector<std::shared_ptr<SubscriberLink>> others_;
  Book book_;
  std::map<std::uint64_t, Waiter> leaving_;  // by serial of the asking
  std::uint64_t next_serial_ = 1;
  TimePoint due_ = TimePoint::max();  // of what is in the book and leaving, or earlier
  std::size_t missing_ = 0;           // were in force, and are not
  bool is_lost_ = false;              // told so
  bool finished_ = false;

  std::mutex telling_;
  SubscriptionListener* listener_;  // guarded by telling_; null: deaf

  std::mutex ending_;
  std::condition_variable ended_;
  bool has_ended_ = false;  // guarded by ending_

  std::atomic<bool> home_up_{false};
  std::atomic<std::uint64_t> messages_{0}, lost_{0}, resubscribed_{0}, rejected_{0};
  std::atomic<std::size_t> wanted_{0};
};

}  // namespace envoyou::redis
