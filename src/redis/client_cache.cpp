#include <envoyou/redis/client_cache.hpp>

#include "redis/cache_core.hpp"
#include "redis/feed_handle.hpp"

#include <utility>

namespace envoyou::redis {

struct ClientCache::Impl {
  ~Impl() {
    if (core) core->close();
  }

  Result<CachedReply> miss(std::string_view key, std::string aspect, Words words, CallOptions options) const;

  std::shared_ptr<CacheCore> core;
  std::unique_ptr<FeedHandle> feed;  // after the core, whom it tells
};

namespace {

Result<void> check(const ClientCacheOptions& options) {
  if (options.max_bytes < 1'024) return invalid_argument("max_bytes", "must be at least 1024");
  if (options.max_entries == 0) return invalid_argument("max_entries", "must be at least 1");
  if (options.max_ttl < Milliseconds(1)) return invalid_argument("max_ttl", "must be at least 1 ms");
  return {};
}

Words get_words(std::string_view key) { return Words("GET", key); }

// The reply of GET as a string that lives as long as the reply.
Result<CachedString> as_string(const Result<CachedReply>& reply) {
  if (!reply) return reply.error();
  if ((*reply)->type == ReplyType::kNull) return CachedString();
  if ((*reply)->type == ReplyType::kString) return CachedString(*reply, &(*reply)->text);
  return Error(Errc::kForeignReply, "the reply to GET is no string");
}

// What a blocking caller waits for, on its stack.
class Gather {
 public:
  explicit Gather(std::size_t size) : replies_(size) {}

  Completion<CachedReply> slot(std::size_t index) {
    state_.expect_one();
    return Completion<CachedReply>([this, index](Result<CachedReply> reply) {
      replies_[index].emplace(std::move(reply));
      state_.arrived();
    });
  }
  void put(std::size_t index, CachedReply reply) { replies_[index].emplace(std::move(reply)); }
  Result<CachedReply>& wait(std::size_t index) {
    state_.wait();
    return *replies_[index];
  }

 private:
  std::vector<std::optional<Result<CachedReply>>> replies_;
  WaitState state_;
};

}  // namespace

Result<std::shared_ptr<ClientCache>> ClientCache::open(std::shared_ptr<Client> client, ClientCacheOptions options) {
  if (auto valid = check(options); !valid) return valid.error();
  auto impl = std::make_unique<Impl>();
  impl->core = std::make_shared<CacheCore>(client->runtime(), options);
  auto feed = FeedHandle::open(std::move(client), *impl->core, std::move(options.feed));
  if (!feed) return feed.error();
  impl->feed = std::move(feed).value();
  impl->core->use(impl->feed->core());
  impl->feed->core()->start();
  return std::shared_ptr<ClientCache>(new ClientCache(std::move(impl)));
}

ClientCache::ClientCache(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ClientCache::~ClientCache() = default;

void ClientCache::ask(Words words, std::string_view key, CallOptions options, Completion<CachedReply> then) {
  const FeedHandle& feed = *impl_->feed;
  if (feed.forked()) return then(Error(Errc::kForked, "the client was opened before fork()"));
  std::string aspect(words.encoded());
  if (auto hit = impl_->core->find(key, aspect, feed.now())) return then(*std::move(hit));
  std::vector<CacheCore::Question> one;
  one.push_back({std::string(key), std::move(aspect), std::move(words), std::move(then)});
  impl_->core->ask(std::move(one), feed.deadline_of(options).time());
}

Result<CachedReply> ClientCache::Impl::miss(std::string_view key, std::string aspect, Words words,
                                            CallOptions options) const {
  if (auto may = feed->client().may_block(); !may) return may.error();
  Gather gather(1);
  std::vector<CacheCore::Question> one;
  one.push_back({std::string(key), std::move(aspect), std::move(words), gather.slot(0)});
  core->ask(std::move(one), feed->deadline_of(options).time());
  return std::move(gather.wait(0));
}

Result<CachedReply> ClientCache::read(Words words, std::string_view key, CallOptions options) {
  if (impl_->feed->forked()) return Error(Errc::kForked, "the client was opened before fork()");
  if (auto hit = impl_->core->find(key, words.encoded(), impl_->feed->now())) return *std::move(hit);
  std::string aspect(words.encoded());
  return impl_->miss(key, std::move(aspect), std::move(words), options);
}

Result<CachedString> ClientCache::get(std::string_view key, CallOptions options) {
  if (impl_->feed->forked()) return Error(Errc::kForked, "the client was opened before fork()");
  if (auto hit = impl_->core->find(key, "", impl_->feed->now())) return as_string(*std::move(hit));
  return as_string(impl_->miss(key, "", get_words(key), options));
}

Result<std::vector<CachedString>> ClientCache::get_many(const std::vector<std::string_view>& keys,
                                                        CallOptions options) {
  const FeedHandle& feed = *impl_->feed;
  if (feed.forked()) return Error(Errc::kForked, "the client was opened before fork()");
  const TimePoint now = feed.now();
  Gather gather(keys.size());
  std::vector<CacheCore::Question> missing;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (auto hit = impl_->core->find(keys[i], "", now)) {
      gather.put(i, *std::move(hit));
    } else {
      missing.push_back({std::string(keys[i]), "", get_words(keys[i]), gather.slot(i)});
    }
  }
  if (auto may = missing.empty() ? Result<void>() : feed.client().may_block(); !may) {
    for (auto& each : missing) each.then(may.error());
  } else if (!missing.empty()) {
    impl_->core->ask(std::move(missing), feed.deadline_of(options).time());
  }
  std::vector<CachedString> values;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto value = as_string(gather.wait(i));
    if (!value) return value.error();
    values.push_back(std::move(value).value());
  }
  return values;
}

void ClientCache::invalidate(const std::vector<std::string_view>& keys) {
  const FeedHandle& feed = *impl_->feed;
  if (feed.forked()) return;
  for (const std::string_view key : keys) impl_->core->invalidate(key);
  feed.core()->publish(keys, feed.deadline_of({}));
}

void ClientCache::clear() {
  if (!impl_->feed->forked()) impl_->core->clear();
}

FeedSource ClientCache::source() const noexcept { return impl_->feed->core()->source(); }

std::string ClientCache::why() const { return impl_->feed->core()->why(); }

ClientCacheStats ClientCache::stats() const { return impl_->core->stats(); }

Client& ClientCache::client() noexcept { return impl_->feed->client(); }

}  // namespace envoyou::redis
