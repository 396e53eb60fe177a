#include "redis/subscriber_core.hpp"

#include "redis/topology/redirect.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace envoyou::redis {

namespace {

// The server has spoken; anything else is a matter of the link, which is made anew.
bool is_word_of_server(Errc code) noexcept {
  switch (code) {
    case Errc::kServerError:
    case Errc::kWrongType:
    case Errc::kNoScript:
    case Errc::kLoading:
    case Errc::kReadOnly:
    case Errc::kServerMemory:
    case Errc::kMisconfigured:
    case Errc::kRedirect:
    case Errc::kAuthentication:
    case Errc::kPermission: return true;
    default: return false;
  }
}

// Passes by itself.
bool is_for_a_while(Errc code) noexcept { return code == Errc::kLoading || code == Errc::kMisconfigured; }

// The error names who speaks before it says what.
Redirect redirect_in(std::string_view message) {
  const std::size_t at = message.find("MOVED ");
  return at == std::string_view::npos ? Redirect{} : parse_redirect(message.substr(at));
}

bool is_same_place(const ClientOptions& a, const ClientOptions& b) noexcept {
  return a.host == b.host && a.port == b.port && a.unix_socket == b.unix_socket;
}

}  // namespace

SubscriberCore::SubscriberCore(NodeHost& host, const Runtime& runtime, SubscriptionListener& listener,
                               SubscriberOptions limits, NextHome next_home)
    : host_(host),
      next_home_(std::move(next_home)),
      clock_(runtime.clock),
      limits_(limits),
      metrics_(runtime.metrics),
      messages_counter_(metrics_->counter("envoyou_redis_pubsub_messages_total", "", "messages told to subscribers")),
      lost_counter_(
          metrics_->counter("envoyou_redis_pubsub_lost_total", "", "times that subscriptions were not in force")),
      listener_(&listener) {}

Result<void> SubscriberCore::start(ClientOptions home) {
  home_ = std::make_shared<SubscriberLink>(shared_from_this(), std::move(home));
  auto node = host_.make(home_->options(), home_);
  if (!node) return node.error();
  home_->attach(*node);
  home_away(clock_->now());
  host_.add(std::move(node).value(), home_);
  return {};
}

void SubscriberCore::deafen() {
  const std::lock_guard lock(telling_);
  listener_ = nullptr;
}

template <class Tell>
void SubscriberCore::tell(Tell call) {
  const std::lock_guard lock(telling_);
  if (listener_ != nullptr) call(*listener_);
}

SubscriberStats SubscriberCore::stats() const noexcept {
  return {messages_.load(std::memory_order_relaxed), lost_.load(std::memory_order_relaxed),
          resubscribed_.load(std::memory_order_relaxed), rejected_.load(std::memory_order_relaxed),
          wanted_.load(std::memory_order_relaxed)};
}

void SubscriberCore::subscribe(const Subscription& subscription, TimePoint deadline, Completion<void> then) {
  if (finished_) return then(Error(Errc::kClosed, "the subscriber is closed"));
  auto at = book_.find(subscription);
  if (at == book_.end()) {
    if (book_.size() >= limits_.max_subscriptions) {
      return then(Error(Errc::kQueueFull, "max_subscriptions is " + std::to_string(limits_.max_subscriptions)));
    }
    at = book_.emplace(subscription, Wanted()).first;
    at->second.link = home_;
    wanted_.store(book_.size(), std::memory_order_relaxed);
  }
  Wanted& wanted = at->second;
  if (wanted.stage == Stage::kInForce) return then({});
  wanted.waiters.push_back({deadline, std::move(then)});
  wake_by(deadline);
  if (wanted.stage == Stage::kIdle && wanted.link->is_up()) ask(subscription, wanted);
}

void SubscriberCore::mute(const Subscription& subscription) {
  if (const auto at = book_.find(subscription); at != book_.end()) at->second.is_muted = true;
}

void SubscriberCore::unsubscribe(const Subscription& subscription, TimePoint deadline, Completion<void> then) {
  const auto at = book_.find(subscription);
  if (finished_ || at == book_.end()) return then({});
  const std::shared_ptr<SubscriberLink> link = at->second.link;
  const bool must_say = link->is_up() && at->second.stage != Stage::kIdle;
  std::vector<Waiter> waiters = std::move(at->second.waiters);
  forget(at);
  for (Waiter& waiter : waiters) waiter.then(Error(Errc::kNotFound, "unsubscribed before it was confirmed"));
  if (!must_say) return then({});
  const std::uint64_t serial = next_serial_++;
  leaving_.emplace(serial, Waiter{deadline, std::move(then)});
  wake_by(deadline);
  link->ask(subscription, false, serial);
}

void SubscriberCore::ask(const Subscription& subscription, Wanted& wanted) {
  wanted.stage = Stage::kAsked;
  wanted.serial = next_serial_++;
  wanted.retry_at = TimePoint::max();
  wanted.link->ask(subscription, true, wanted.serial);
}

void SubscriberCore::on_link_up(SubscriberLink& link, TimePoint) {
  if (is_home(link)) {
    home_up_.store(true, std::memory_order_release);
    home_away_since_ = TimePoint::max();
  }
  for (auto& [subscription, wanted] : book_) {
    if (wanted.link.get() == &link) ask(subscription, wanted);
  }
}

void SubscriberCore::on_link_down(SubscriberLink& link, const Error& why, TimePoint now) {
  if (is_home(link)) {
    home_up_.store(false, std::memory_order_release);
    home_away(now);
  }
  for (auto& [subscription, wanted] : book_) {
    if (wanted.link.get() != &link) continue;
    miss(wanted, why);
    wanted.stage = Stage::kIdle;
    if (!is_home(link)) retry_at(wanted, now + kRetryAfter);
  }
  // What is not in force on any link has been left.
  auto leaving = std::exchange(leaving_, {});
  for (auto& [serial, waiter] : leaving) waiter.then({});
}

void SubscriberCore::home_away(TimePoint now) noexcept {
  if (!next_home_) return;
  home_away_since_ = now;
  wake_by(now + kHomeAwayFor);
}

// Another server of the client's becomes home: any of them hears what is published at any other.
void SubscriberCore::move_home(TimePoint now) {
  if (home_away_since_ == TimePoint::max() || now < home_away_since_ + kHomeAwayFor) return;
  home_away(now);
  const auto to = next_home_({home_->options().host, home_->options().port});
  if (!to) return;
  ClientOptions options = home_->options();
  options.host = to->host;
  options.port = to->port;
  auto link = std::make_shared<SubscriberLink>(shared_from_this(), std::move(options));
  auto node = host_.make(link->options(), link);
  if (!node) return;
  link->attach(*node);
  const auto left = std::exchange(home_, link);
  for (auto& [subscription, wanted] : book_) {
    if (wanted.link == left) wanted.link = home_;
  }
  host_.add(std::move(node).value(), link);
  if (left->node()) host_.stop(left->node());
}

void SubscriberCore::miss(Wanted& wanted, const Error& why) {
  if (wanted.stage != Stage::kInForce) return;
  ++missing_;
  if (std::exchange(is_lost_, true)) return;
  lost_.fetch_add(1, std::memory_order_relaxed);
  lost_counter_.add();
  tell([&](SubscriptionListener& listener) { listener.on_lost(why); });
}

void SubscriberCore::tell_if_whole() {
  if (missing_ > 0 || !std::exchange(is_lost_, false)) return;
  resubscribed_.fetch_add(1, std::memory_order_relaxed);
  tell([](SubscriptionListener& listener) { listener.on_resubscribed(); });
}

void SubscriberCore::on_push(SubscriberLink& link, const PubSubPush& push, TimePoint) {
  const auto at = book_.find(Subscription{push.by, std::string(push.name)});
  if (at == book_.end() || at->second.link.get() != &link) return;
  Wanted& wanted = at->second;
  if (push.kind == PubSubPush::Kind::kMessage) {
    if (wanted.is_muted) return;
    messages_.fetch_add(1, std::memory_order_relaxed);
    messages_counter_.add();
    const bool by_pattern = push.by == SubscriptionKind::kPattern;
    const MessageView message{push.by, by_pattern ? push.name : std::string_view(), push.channel, push.payload};
    return tell([&](SubscriptionListener& listener) { listener.on_message(message); });
  }
  if (push.kind != PubSubPush::Kind::kUnsubscribed || wanted.stage != Stage::kInForce) return;
  miss(wanted, Error(Errc::kRedirect, "the server has ended the subscription"));
  ask(at->first, wanted);
}

void SubscriberCore::on_heartbeat(TimePoint asked) {
  tell([&](SubscriptionListener& listener) { listener.on_heartbeat(asked); });
}

void SubscriberCore::on_said(SubscriberLink& link, const Subscription& subscription, bool wanted, std::uint64_t serial,
                             Result<void> said) {
  if (!wanted) {
    const auto at = leaving_.find(serial);
    if (at == leaving_.end()) return;
    Waiter waiter = std::move(at->second);
    leaving_.erase(at);
    return waiter.then(std::move(said));
  }
  const auto at = book_.find(subscription);
  const bool is_current = at != book_.end() && at->second.serial == serial;
  if (is_current) return on_said_of_wanted(link, at, said);
  // Sent before a loss and confirmed after it, or withdrawn meanwhile: the link is put right.
  const bool wanted_here = at != book_.end() && at->second.link.get() == &link;
  if (said && !wanted_here && link.is_up()) link.ask(subscription, false, next_serial_++);
}

void SubscriberCore::on_said_of_wanted(SubscriberLink&, Book::iterator at, const Result<void>& said) {
  Wanted& wanted = at->second;
  if (wanted.stage != Stage::kAsked) return;
  if (said) return confirm(wanted);
  const Errc code = said.error().code();
  const bool is_shard = at->first.kind == SubscriptionKind::kShardChannel;
  if (is_shard && code == Errc::kRedirect) return follow(at->first, wanted, said.error());
  if (is_word_of_server(code) && !is_for_a_while(code)) return refuse(at, said.error());
  retry_later(wanted);
}

void SubscriberCore::confirm(Wanted& wanted) {
  wanted.stage = Stage::kInForce;
  wanted.redirects = 0;
  if (std::exchange(wanted.was_in_force, true)) --missing_;
  std::vector<Waiter> waiters = std::move(wanted.waiters);
  for (Waiter& waiter : waiters) waiter.then({});
  tell_if_whole();
}

void SubscriberCore::retry_later(Wanted& wanted) {
  wanted.stage = Stage::kIdle;
  retry_at(wanted, clock_->now() + kRetryAfter);
}

void SubscriberCore::retry_at(Wanted& wanted, TimePoint time) noexcept {
  wanted.retry_at = time;
  wake_by(time);
}

// The server will not have it.
void SubscriberCore::refuse(Book::iterator at, const Error& why) {
  const Subscription subscription = at->first;
  const bool was_in_force = at->second.was_in_force;
  std::vector<Waiter> waiters = std::move(at->second.waiters);
  forget(at);
  for (Waiter& waiter : waiters) waiter.then(why);
  if (!was_in_force) return;
  rejected_.fetch_add(1, std::memory_order_relaxed);
  tell([&](SubscriptionListener& listener) { listener.on_rejected(subscription, why); });
  tell_if_whole();
}

void SubscriberCore::follow(const Subscription& subscription, Wanted& wanted, const Error& moved) {
  const Redirect redirect = redirect_in(moved.message());
  if (redirect.kind != Redirect::Kind::kMoved || ++wanted.redirects > kMaxRedirects) {
    wanted.redirects = 0;
    wanted.link = home_;
    return retry_later(wanted);
  }
  ClientOptions there = wanted.link->options();
  there.unix_socket.clear();
  if (!redirect.to.host.empty()) there.host = redirect.to.host;
  there.port = redirect.to.port;
  wanted.link = link_to(there);
  wanted.stage = Stage::kIdle;
  if (wanted.link->is_up()) return ask(subscription, wanted);
  retry_at(wanted, clock_->now() + home_->options().connect_timeout + kRetryAfter);
}

std::shared_ptr<SubscriberLink> SubscriberCore::link_to(const ClientOptions& options) {
  if (is_same_place(home_->options(), options)) return home_;
  for (const auto& link : others_) {
    if (is_same_place(link->options(), options)) return link;
  }
  if (others_.size() >= kMaxLinks) return home_;
  auto link = std::make_shared<SubscriberLink>(shared_from_this(), options);
  auto node = host_.make(options, link);
  if (!node) return home_;
  link->attach(*node);
  host_.add(std::move(node).value(), link);
  others_.push_back(link);
  return link;
}

void SubscriberCore::forget(Book::iterator at) {
  if (at->second.was_in_force && at->second.stage != Stage::kInForce) --missing_;
  book_.erase(at);
  wanted_.store(book_.size(), std::memory_order_relaxed);
}

TimePoint SubscriberCore::earliest() const noexcept {
  TimePoint earliest = home_away_since_ == TimePoint::max() ? TimePoint::max() : home_away_since_ + kHomeAwayFor;
  for (const auto& [subscription, wanted] : book_) {
    earliest = std::min(earliest, wanted.retry_at);
    for (const Waiter& waiter : wanted.waiters) earliest = std::min(earliest, waiter.deadline);
  }
  for (const auto& [serial, waiter] : leaving_) earliest = std::min(earliest, waiter.deadline);
  return earliest;
}

void SubscriberCore::on_turn(TimePoint now) {
  if (now < due_) return;
  expire(now);
  retry_due(now);
  stop_unused_links();
  if (!finished_) move_home(now);
  due_ = earliest();
}

void SubscriberCore::expire(TimePoint now) {
  for (auto at = book_.begin(); at != book_.end();) expire_waiters(at++, now);
  for (auto at = leaving_.begin(); at != leaving_.end();) {
    if (now < at->second.deadline) {
      ++at;
      continue;
    }
    Waiter waiter = std::move(at->second);
    at = leaving_.erase(at);
    waiter.then(Error(Errc::kTimeout, "the server did not confirm within the deadline"));
  }
}

// Whoever gave up wants it no more; what nobody wants any more is withdrawn.
void SubscriberCore::expire_waiters(Book::iterator at, TimePoint now) {
  Wanted& wanted = at->second;
  const auto late = std::stable_partition(wanted.waiters.begin(), wanted.waiters.end(),
                                          [now](const Waiter& waiter) { return now < waiter.deadline; });
  if (late == wanted.waiters.end()) return;
  const bool was_asked = wanted.stage == Stage::kAsked;
  const Error why = was_asked ? Error(Errc::kTimeout, "the server did not confirm within the deadline")
                              : Error(Errc::kNotSent, "no link within the deadline");
  std::vector<Waiter> gone(std::make_move_iterator(late), std::make_move_iterator(wanted.waiters.end()));
  wanted.waiters.erase(late, wanted.waiters.end());
  if (wanted.waiters.empty() && !wanted.was_in_force) {
    if (was_asked && wanted.link->is_up()) wanted.link->ask(at->first, false, next_serial_++);
    forget(at);
  }
  for (Waiter& waiter : gone) waiter.then(why);
}

void SubscriberCore::retry_due(TimePoint now) {
  for (auto& [subscription, wanted] : book_) {
    if (now < wanted.retry_at) continue;
    wanted.retry_at = TimePoint::max();
    // An owner that is away for so long may have lost its slots to another.
    if (!wanted.link->is_up()) wanted.link = home_;
    if (wanted.link->is_up() && wanted.stage == Stage::kIdle) ask(subscription, wanted);
  }
}

void SubscriberCore::stop_unused_links() {
  const auto is_used = [this](const std::shared_ptr<SubscriberLink>& link) {
    return std::any_of(book_.begin(), book_.end(), [&](const auto& each) { return each.second.link == link; });
  };
  const auto unused = std::stable_partition(others_.begin(), others_.end(), is_used);
  for (auto at = unused; at != others_.end(); ++at) {
    if ((*at)->node()) host_.stop((*at)->node());
  }
  others_.erase(unused, others_.end());
}

void SubscriberCore::end(const Error& why) {
  finish(why);
  for (const auto& link : others_) {
    if (link->node()) host_.stop(link->node());
  }
  if (home_ != nullptr && home_->node()) host_.stop(home_->node());
}

void SubscriberCore::finish(const Error& why) {
  if (std::exchange(finished_, true)) return;
  for (auto& [subscription, wanted] : book_) miss(wanted, why);
  auto book = std::exchange(book_, {});
  auto leaving = std::exchange(leaving_, {});
  for (auto& [subscription, wanted] : book) {
    for (Waiter& waiter : wanted.waiters) waiter.then(why);
  }
  for (auto& [serial, waiter] : leaving) waiter.then(why);
}

void SubscriberCore::on_link_end(SubscriberLink& link, const Error& why) {
  if (!is_home(link)) return;
  home_up_.store(false, std::memory_order_release);
  finish(why);
  // The links know the core, and the core its links.
  others_.clear();
  home_.reset();
  const std::lock_guard lock(ending_);
  has_ended_ = true;
  ended_.notify_all();
}

void SubscriberCore::wait_ended() {
  std::unique_lock lock(ending_);
  ended_.wait(lock, [this] { return has_ended_; });
}

}  // namespace envoyou::redis
