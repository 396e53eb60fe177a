#include "redis/subscriber_link.hpp"

#include "redis/pubsub_push.hpp"
#include "redis/subscriber_core.hpp"

#include <span>
#include <utility>

namespace envoyou::redis {

namespace {

// Waits for the server's word on one (UN)SUBSCRIBE: a push that names it, or an error.
class ConfirmReader final : public ReplyReader {
 public:
  ConfirmReader(std::shared_ptr<SubscriberCore> core, std::shared_ptr<SubscriberLink> link, Subscription subscription,
                bool wanted, std::uint64_t serial)
      : core_(std::move(core)),
        link_(std::move(link)),
        subscription_(std::move(subscription)),
        wanted_(wanted),
        serial_(serial) {}

  bool is_answered_by(const ReplyView& push) const noexcept override {
    const auto read = read_pubsub_push(push);
    const auto kind = wanted_ ? PubSubPush::Kind::kSubscribed : PubSubPush::Kind::kUnsubscribed;
    return read && read->kind == kind && read->by == subscription_.kind && read->name == subscription_.name;
  }
  Verdict on_reply(const ReplyView& reply) noexcept override {
    if (!is_answered_by(reply)) return Verdict::kForeign;
    core_->on_said(*link_, subscription_, wanted_, serial_, {});
    return Verdict::kMine;
  }
  void on_error(Error error) noexcept override {
    core_->on_said(*link_, subscription_, wanted_, serial_, Result<void>(std::move(error)));
  }

 private:
  const std::shared_ptr<SubscriberCore> core_;
  const std::shared_ptr<SubscriberLink> link_;
  const Subscription subscription_;
  const bool wanted_;
  const std::uint64_t serial_;
};

}  // namespace

SubscriberLink::SubscriberLink(std::shared_ptr<SubscriberCore> core, ClientOptions options)
    : core_(std::move(core)), options_(std::move(options)) {}

SubscriberLink::~SubscriberLink() = default;

bool SubscriberLink::ask(const Subscription& subscription, bool wanted, std::uint64_t serial) {
  Submission submission;
  submission.words = subscribe_words(subscription, wanted);
  submission.reader = ReaderHandle(new ConfirmReader(core_, shared_from_this(), subscription, wanted, serial));
  // Its own deadline is the core's business: the place in the order must be kept until the server's word has come.
  Pending pending(std::move(submission), TimePoint::max());
  auto posted = node_->inbox.post(std::span(&pending, 1));
  if (!posted) pending.fail(posted.error());
  return posted.has_value();
}

void SubscriberLink::on_link_up(const ServerInfo& server, TimePoint now) {
  is_up_ = true;
  protocol_ = server.protocol;
  core_->on_link_up(*this, now);
}

void SubscriberLink::on_link_down(const Error& why, TimePoint now) {
  is_up_ = false;
  core_->on_link_down(*this, why, now);
}

bool SubscriberLink::is_push(const ReplyView& reply) const noexcept {
  return protocol_ == 2 && reply.type == ReplyType::kArray && read_pubsub_push(reply).has_value();
}

bool SubscriberLink::on_push(const ReplyView& push, TimePoint now) {
  const auto read = read_pubsub_push(push);
  if (!read) return false;
  core_->on_push(*this, *read, now);
  return true;
}

void SubscriberLink::on_fence(TimePoint asked, TimePoint) {
  if (core_->is_home(*this)) core_->on_heartbeat(asked);
}

// The home link carries the core's timers.
void SubscriberLink::on_turn(TimePoint now) {
  if (core_->is_home(*this)) core_->on_turn(now);
}

TimePoint SubscriberLink::due() const noexcept { return core_->is_home(*this) ? core_->due() : TimePoint::max(); }

void SubscriberLink::on_end(const Error& why) {
  is_up_ = false;
  core_->on_link_end(*this, why);
  node_.reset();
}

}  // namespace envoyou::redis
