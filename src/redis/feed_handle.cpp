#include "redis/feed_handle.hpp"

#include "redis/client_impl.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

namespace envoyou::redis {

namespace {

Result<void> check(const InvalidationFeedOptions& options) {
  if (options.heartbeat < Milliseconds(1)) return invalid_argument("heartbeat", "must be at least 1 ms");
  if (options.lease <= options.heartbeat) return invalid_argument("lease", "must be more than heartbeat");
  if (options.tracking == TrackingMode::kByKey && !options.prefixes.empty()) {
    return invalid_argument("prefixes", "are for broadcast tracking only");
  }
  for (const std::string& a : options.prefixes) {
    const auto overlaps = [&](const std::string& b) { return &a != &b && b.starts_with(a); };
    if (!std::any_of(options.prefixes.begin(), options.prefixes.end(), overlaps)) continue;
    return invalid_argument("prefixes", "one is the beginning of another, which the server refuses");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<FeedHandle>> FeedHandle::open(std::shared_ptr<Client> client, InvalidationListener& listener,
                                                     InvalidationFeedOptions options) {
  if (auto valid = check(options); !valid) return valid.error();
  if (client->impl().fork_guard.forked()) return Error(Errc::kForked, "the client was opened before fork()");
  const ClientOptions of_client = client->options();
  if (of_client.topology != Topology::kStandalone) {
    return Error(Errc::kUnsupported, "invalidations are followed at one server, and this client has several");
  }
  std::unique_ptr<FeedHandle> handle(new FeedHandle(std::move(client), listener, std::move(options)));
  if (auto made = handle->core_->make(of_client); !made) {
    handle->core_.reset();
    return made.error();
  }
  return handle;
}

FeedHandle::FeedHandle(std::shared_ptr<Client> client, InvalidationListener& listener, InvalidationFeedOptions options)
    : client_(std::move(client)),
      clock_(client_->runtime().clock),
      host_(std::make_unique<ReactorHost>(*client_->impl().core->reactor, *client_->impl().nodes)) {
  const auto elsewhere = [client = client_.get()](std::vector<Submission> group, Deadline deadline) {
    client->submit_all(std::move(group), {deadline});
  };
  core_ = std::make_shared<FeedCore>(*host_, client_->runtime(), listener, std::move(options), elsewhere);
}

FeedHandle::~FeedHandle() {
  if (core_ == nullptr) return;
  if (forked()) {
    (void)new (std::nothrow) std::shared_ptr<FeedCore>(std::move(core_));
    (void)host_.release();
    return;
  }
  core_->deafen();
  host_->post([core = core_] { core->end(Error(Errc::kClosed, "the feed is closed")); });
  if (client_->may_block()) core_->wait_ended();
}

bool FeedHandle::forked() const noexcept { return client_->impl().fork_guard.forked(); }

Deadline FeedHandle::deadline_of(const CallOptions& options) const {
  return options.deadline.value_or(Deadline::never().share(now(), client_->options().command_timeout));
}

}  // namespace envoyou::redis
