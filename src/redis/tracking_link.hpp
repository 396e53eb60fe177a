// The link whose reads the server tracks. Its first command is CLIENT TRACKING ON; until that is answered nothing that
// is read over it counts as tracked. Invalidations and replies share its order.
//
//   link up --> RESP2: refused                        refused: not before the next link
//          '--> CLIENT TRACKING ON --> OK: tracked
//                                  '-> NOPERM, not known: refused
//                                  '-> LOADING, no room: again after kRetryAfter
//
// Confined to the I/O role, but for its making.
#pragma once

#include "redis/node.hpp"
#include "redis/push_sink.hpp"

#include <envoyou/redis/invalidation_feed.hpp>

#include <cstdint>
#include <memory>

namespace envoyou::redis {

class FeedCore;

class TrackingLink final : public PushSink, public std::enable_shared_from_this<TrackingLink> {
 public:
  static constexpr Milliseconds kRetryAfter{100};

  explicit TrackingLink(std::shared_ptr<FeedCore> core) : core_(std::move(core)) {}
  ~TrackingLink() override;

  // Before its first link is up.
  void attach(const std::shared_ptr<Node>& node) { node_ = node.get(); }

  void on_link_up(const ServerInfo& server, TimePoint now) override;
  void on_link_down(const Error& why, TimePoint now) override;
  bool is_push(const ReplyView&) const noexcept override { return false; }
  bool on_push(const ReplyView& push, TimePoint now) override;
  void on_fence(TimePoint asked, TimePoint now) override;
  void on_turn(TimePoint now) override;
  TimePoint due() const noexcept override { return retry_at_; }
  void on_end(const Error& why) override;

  // It will never be up.
  void forget_core() { core_.reset(); }
  // The answer to the asking of that number.
  void on_answer(std::uint64_t asking, const Result<void>& answer);

 private:
  void ask();

  std::shared_ptr<FeedCore> core_;  // null after its end
  Node* node_ = nullptr;            // whose sink it is
  bool is_up_ = false;
  bool is_tracked_ = false;
  std::uint64_t asking_ = 0;
  TimePoint retry_at_ = TimePoint::max();
};

}  // namespace envoyou::redis
