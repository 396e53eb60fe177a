#include <envoyou/redis/invalidation_feed.hpp>

#include "redis/feed_handle.hpp"

#include <utility>

namespace envoyou::redis {

struct InvalidationFeed::Impl {
  std::unique_ptr<FeedHandle> handle;
};

Result<std::unique_ptr<InvalidationFeed>> InvalidationFeed::open(std::shared_ptr<Client> client,
                                                                 InvalidationListener& listener,
                                                                 InvalidationFeedOptions options) {
  auto handle = FeedHandle::open(std::move(client), listener, std::move(options));
  if (!handle) return handle.error();
  (*handle)->core()->start();
  auto impl = std::make_unique<Impl>(Impl{std::move(handle).value()});
  return std::unique_ptr<InvalidationFeed>(new InvalidationFeed(std::move(impl)));
}

InvalidationFeed::InvalidationFeed(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

InvalidationFeed::~InvalidationFeed() = default;

std::uint64_t InvalidationFeed::epoch() const noexcept { return impl_->handle->core()->epoch(); }

bool InvalidationFeed::holds(std::uint64_t epoch, TimePoint now) const noexcept {
  return impl_->handle->core()->holds(epoch, now);
}

bool InvalidationFeed::covers(std::string_view key) const noexcept { return impl_->handle->core()->covers(key); }

FeedSource InvalidationFeed::source() const noexcept { return impl_->handle->core()->source(); }

std::string InvalidationFeed::why() const { return impl_->handle->core()->why(); }

void InvalidationFeed::submit(std::vector<Submission> reads, CallOptions options) {
  const FeedHandle& handle = *impl_->handle;
  if (!handle.forked()) return handle.core()->submit(std::move(reads), handle.deadline_of(options));
  for (Submission& read : reads) {
    const ReaderHandle reader = std::move(read.reader);
    reader->on_error(Error(Errc::kForked, "the client was opened before fork()"));
  }
}

void InvalidationFeed::publish(const std::vector<std::string_view>& keys) {
  const FeedHandle& handle = *impl_->handle;
  if (!handle.forked()) handle.core()->publish(keys, handle.deadline_of({}));
}

}  // namespace envoyou::redis
