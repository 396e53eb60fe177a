#include "redis/tracking_link.hpp"

#include "redis/feed_core.hpp"

#include <span>
#include <utility>

namespace envoyou::redis {

namespace {

class TrackingReader final : public ReplyReader {
 public:
  TrackingReader(std::shared_ptr<TrackingLink> link, std::uint64_t asking) : link_(std::move(link)), asking_(asking) {}

  Verdict on_reply(const ReplyView& reply) noexcept override {
    auto answer = decode_ok(reply, 0);
    const bool foreign = !answer && answer.error().code() == Errc::kForeignReply;
    link_->on_answer(asking_, answer);
    return foreign ? Verdict::kForeign : Verdict::kMine;
  }
  void on_error(Error error) noexcept override { link_->on_answer(asking_, Result<void>(std::move(error))); }

 private:
  const std::shared_ptr<TrackingLink> link_;
  const std::uint64_t asking_;
};

Words tracking_words(const InvalidationFeedOptions& options) {
  Words words("CLIENT", "TRACKING", "ON");
  if (options.tracking == TrackingMode::kByKey) return words;
  words.add("BCAST");
  for (const std::string& prefix : options.prefixes) words.add("PREFIX").add(prefix);
  return words;
}

// What another link to the same server would be told as well.
bool is_refusal(Errc code) noexcept {
  return code == Errc::kServerError || code == Errc::kPermission || code == Errc::kAuthentication ||
         code == Errc::kUnsupported;
}

}  // namespace

TrackingLink::~TrackingLink() = default;

void TrackingLink::on_link_up(const ServerInfo& server, TimePoint) {
  is_up_ = true;
  if (server.protocol >= 3) return ask();
  core_->on_tracking_refused(Error(Errc::kUnsupported, "the server does not speak RESP3"));
}

void TrackingLink::ask() {
  retry_at_ = TimePoint::max();
  Submission submission;
  submission.words = tracking_words(core_->options());
  submission.reader = ReaderHandle(new TrackingReader(shared_from_this(), ++asking_));
  Pending pending(std::move(submission), TimePoint::max());
  if (auto posted = node_->inbox.post(std::span(&pending, 1)); !posted) pending.fail(posted.error());
}

void TrackingLink::on_answer(std::uint64_t asking, const Result<void>& answer) {
  // Of a link that is gone, or that came back without having been asked.
  if (core_ == nullptr || !is_up_ || asking != asking_) return;
  is_tracked_ = answer.has_value();
  if (answer) return core_->on_tracked();
  if (is_refusal(answer.error().code())) return core_->on_tracking_refused(answer.error());
  retry_at_ = core_->now() + kRetryAfter;
}

void TrackingLink::on_link_down(const Error& why, TimePoint) {
  is_up_ = false;
  is_tracked_ = false;
  retry_at_ = TimePoint::max();
  // What was asked on this link, and may be sent on the next, is not the next one's own asking.
  ++asking_;
  core_->on_tracking_lost(why);
}

bool TrackingLink::on_push(const ReplyView& push, TimePoint) {
  if (push.elements.size() != 2 || push.elements[0].text != "invalidate") return false;
  const ReplyView& keys = push.elements[1];
  if (keys.is_null()) {
    core_->on_all_keys();
  } else {
    core_->on_keys(keys);
  }
  return true;
}

void TrackingLink::on_fence(TimePoint asked, TimePoint) {
  if (is_tracked_) core_->on_fence(asked);
}

void TrackingLink::on_turn(TimePoint now) {
  if (is_up_ && now >= retry_at_) ask();
}

void TrackingLink::on_end(const Error& why) {
  is_up_ = false;
  retry_at_ = TimePoint::max();
  // The core knows the node, the node its sink.
  if (const auto core = std::exchange(core_, nullptr)) core->on_tracking_end(why);
}

}  // namespace envoyou::redis
