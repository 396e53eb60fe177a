// The life of a feed in a client: made with it, and ended so that no call comes after it. In a forked child, where
// nobody works on what it stands on, it is left alone.
//
// Thread-safe; destroyed on any thread but the I/O thread.
#pragma once

#include "redis/feed_core.hpp"
#include "redis/node_host.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/invalidation_feed.hpp>
#include <envoyou/result.hpp>

#include <memory>
#include <vector>

namespace envoyou::redis {

class FeedHandle {
 public:
  // Nothing is told before core()->start(), which is to be called. Errors: kInvalidArgument, kForked, kTls.
  static Result<std::unique_ptr<FeedHandle>> open(std::shared_ptr<Client> client, InvalidationListener& listener,
                                                  InvalidationFeedOptions options);
  ~FeedHandle();

  Client& client() const noexcept { return *client_; }
  const std::shared_ptr<FeedCore>& core() const noexcept { return core_; }
  bool forked() const noexcept;
  TimePoint now() const { return clock_->now(); }
  Deadline deadline_of(const CallOptions& options) const;

 private:
  FeedHandle(std::shared_ptr<Client> client, InvalidationListener& listener, InvalidationFeedOptions options);

  const std::shared_ptr<Client> client_;
  const std::shared_ptr<Clock> clock_;
  std::unique_ptr<ReactorHost> host_;
  std::shared_ptr<FeedCore> core_;
};

}  // namespace envoyou::redis
