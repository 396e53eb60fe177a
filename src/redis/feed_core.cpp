#include "redis/feed_core.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace envoyou::redis {

std::string_view to_string(FeedSource source) noexcept {
  switch (source) {
    case FeedSource::kNone: return "none";
    case FeedSource::kTracking: return "tracking";
    case FeedSource::kPubSub: return "pub/sub";
  }
  return "unknown";
}

FeedCore::FeedCore(NodeHost& host, const Runtime& runtime, InvalidationListener& listener,
                   InvalidationFeedOptions options, Elsewhere elsewhere)
    : host_(host),
      clock_(runtime.clock),
      runtime_(runtime),
      options_(std::move(options)),
      elsewhere_(std::move(elsewhere)),
      listener_(&listener) {}

FeedCore::~FeedCore() {
  if (subscriber_) subscriber_->deafen();
}

Result<void> FeedCore::make(ClientOptions client) {
  client_ = std::move(client);
  client_.connections = 1;
  client_.idle_ping = options_.heartbeat;
  link_ = std::make_shared<TrackingLink>(shared_from_this());
  auto node = host_.make(client_, link_);
  if (!node) {
    link_->forget_core();
    return node.error();
  }
  node_ = std::move(node).value();
  link_->attach(node_);
  return {};
}

void FeedCore::start() { host_.add(node_, link_); }

void FeedCore::deafen() {
  const std::lock_guard lock(telling_);
  listener_ = nullptr;
}

template <class Tell>
void FeedCore::tell(Tell call) {
  const std::lock_guard lock(telling_);
  if (listener_ != nullptr) call(*listener_);
}

bool FeedCore::covers(std::string_view key) const noexcept {
  if (options_.tracking == TrackingMode::kByKey || options_.prefixes.empty()) return true;
  // The channel tells of any key.
  if (source() == FeedSource::kPubSub) return true;
  return std::any_of(options_.prefixes.begin(), options_.prefixes.end(),
                     [key](const std::string& prefix) { return key.starts_with(prefix); });
}

std::string FeedCore::why() const {
  const std::lock_guard lock(explaining_);
  return why_;
}

void FeedCore::explain(std::string why) {
  const std::lock_guard lock(explaining_);
  why_ = std::move(why);
}

void FeedCore::submit(std::vector<Submission> reads, Deadline deadline) {
  if (source() != FeedSource::kTracking) return elsewhere_(std::move(reads), deadline);
  std::vector<Pending> group;
  group.reserve(reads.size());
  for (Submission& read : reads) {
    group.emplace_back(std::move(read), deadline.time());
    group.back().more_follow = true;
  }
  group.back().more_follow = false;
  const Result<void> posted = node_->board.is_away() ? Result<void>(node_->board.why_away()) : node_->inbox.post(group);
  if (posted) return;
  for (Pending& pending : group) pending.fail(posted.error());
}

void FeedCore::publish(const std::vector<std::string_view>& keys, Deadline deadline) {
  if (keys.empty() || options_.channel.empty()) return;
  if (source() == FeedSource::kTracking && !options_.publish_always) return;
  std::vector<Submission> group;
  for (const std::string_view key : keys) {
    Command<std::int64_t> command(Words("PUBLISH", std::string_view(options_.channel), key), decode_integer,
                                  Repeat::kIsSafe);
    group.push_back(to_submission(std::move(command), [](const Result<std::int64_t>&) {}));
  }
  elsewhere_(std::move(group), deadline);
}

void FeedCore::renew(TimePoint asked) noexcept {
  const TimePoint until = asked + options_.lease;
  if (until.time_since_epoch().count() > lease_.load(std::memory_order_relaxed)) {
    lease_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
  }
}

// Whatever changes goes through here: the source that counts now, if it is another than before.
void FeedCore::choose(const Error& why) {
  const FeedSource best =
      is_tracked_ ? FeedSource::kTracking : (is_subscribed_ ? FeedSource::kPubSub : FeedSource::kNone);
  if (best == source()) return;
  lose(why);
  if (best != FeedSource::kNone) begin(best);
}

void FeedCore::lose(const Error& why) {
  if (epoch() == 0) return;
  epoch_.store(0, std::memory_order_release);
  source_.store(FeedSource::kNone, std::memory_order_release);
  tell([&](InvalidationListener& listener) { listener.on_lost(why); });
}

// What is read from here on was asked after now, so the lease begins now.
void FeedCore::begin(FeedSource source) {
  if (source == FeedSource::kTracking) explain("");
  say(source);
  renew(clock_->now());
  source_.store(source, std::memory_order_release);
  epoch_.store(++last_epoch_, std::memory_order_release);
  tell([&](InvalidationListener& listener) { listener.on_restored(source, last_epoch_); });
}

// One line for what it is, and one for each change of that.
void FeedCore::say(FeedSource source) {
  if (std::exchange(has_said_, true) && said_ == source) return;
  said_ = source;
  if (!said_gate_.passes(clock_->now())) return;
  const std::string reason = why();
  if (source == FeedSource::kTracking) {
    runtime_.logger.info("redis", "values are kept in this process, and dropped as the server tells",
                         {{"node", describe(client_)}});
  } else if (source == FeedSource::kPubSub) {
    runtime_.logger.warning("redis", "values are kept in this process, and dropped as writers tell over a channel",
                            {{"node", describe(client_)}, {"channel", options_.channel}, {"reason", reason}});
  } else {
    runtime_.logger.warning("redis", "no values are kept in this process",
                            {{"node", describe(client_)}, {"reason", reason}});
  }
}

void FeedCore::on_tracked() {
  is_tracked_ = true;
  choose(Error(Errc::kUnsupported, "the server tracks again"));
}

// The channel is asked for once; where it was refused, again with each new link.
void FeedCore::on_tracking_refused(const Error& why) {
  explain("no tracking: " + std::string(why.message()));
  if (options_.channel.empty()) return say(FeedSource::kNone);
  if (has_ended_ || wants_channel_) return;
  if (subscriber_ == nullptr && !open_channel()) return;
  wants_channel_ = true;
  subscriber_->subscribe(Subscription::channel(options_.channel), TimePoint::max(),
                         Completion<void>([weak = weak_from_this()](const Result<void>& said) {
                           if (const auto core = weak.lock()) core->on_subscribed(said);
                         }));
}

void FeedCore::on_tracking_lost(const Error& why) {
  if (!std::exchange(is_tracked_, false)) return;
  explain("the tracked link is lost: " + std::string(why.message()));
  choose(why);
}

void FeedCore::on_fence(TimePoint asked) {
  if (source() != FeedSource::kTracking) return;
  renew(asked);
  tell([](InvalidationListener& listener) { listener.on_heartbeat(); });
}

void FeedCore::on_keys(const ReplyView& keys) {
  tell([&](InvalidationListener& listener) {
    for (const ReplyView& key : keys.elements) listener.on_invalidated(key.text);
  });
}

void FeedCore::on_all_keys() {
  tell([](InvalidationListener& listener) { listener.on_all_invalidated(); });
}

bool FeedCore::open_channel() {
  SubscriberOptions limits;
  limits.heartbeat = options_.heartbeat;
  limits.max_name_bytes = options_.channel.size();
  auto subscriber = std::make_shared<SubscriberCore>(host_, runtime_, *this, limits);
  if (auto started = subscriber->start(client_); !started) {
    no_channel(started.error());
    return false;
  }
  subscriber_ = std::move(subscriber);
  return true;
}

void FeedCore::no_channel(const Error& why) {
  is_subscribed_ = false;
  wants_channel_ = false;
  explain(this->why() + ", and no channel: " + std::string(why.message()));
  choose(why);
  if (!is_tracked_) say(FeedSource::kNone);
}

void FeedCore::on_subscribed(const Result<void>& said) {
  if (!said) return said.error().code() == Errc::kClosed ? void() : no_channel(said.error());
  is_subscribed_ = true;
  choose(Error(Errc::kUnsupported, why()));
}

void FeedCore::on_message(const MessageView& message) noexcept {
  tell([&](InvalidationListener& listener) {
    message.payload.empty() ? listener.on_all_invalidated() : listener.on_invalidated(message.payload);
  });
}

void FeedCore::on_lost(const Error& why) noexcept {
  is_subscribed_ = false;
  choose(why);
}

// Also told when what was missing is rejected.
void FeedCore::on_resubscribed() noexcept {
  is_subscribed_ = wants_channel_;
  choose(Error(Errc::kUnsupported, why()));
}

// In force before, and forbidden now.
void FeedCore::on_rejected(const Subscription&, const Error& why) noexcept { no_channel(why); }

void FeedCore::on_heartbeat(TimePoint asked) noexcept {
  if (source() != FeedSource::kPubSub) return;
  renew(asked);
  tell([](InvalidationListener& listener) { listener.on_heartbeat(); });
}

void FeedCore::end(const Error& why) {
  if (subscriber_) subscriber_->end(why);
  host_.stop(node_);
}

void FeedCore::on_tracking_end(const Error& why) {
  has_ended_ = true;
  is_tracked_ = false;
  choose(why);
  const std::lock_guard lock(ending_);
  tracking_ended_ = true;
  ended_.notify_all();
}

void FeedCore::wait_ended() {
  {
    std::unique_lock lock(ending_);
    ended_.wait(lock, [this] { return tracking_ended_; });
  }
  if (subscriber_) subscriber_->wait_ended();
}

}  // namespace envoyou::redis
