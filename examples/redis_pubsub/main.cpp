// What Redis tells unasked: messages of pub/sub, and that a value which this process keeps has changed.
//
//   REDIS_URL=redis://127.0.0.1 build/release/bin/example_redis_pubsub
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/client_cache.hpp>
#include <envoyou/redis/message_queue.hpp>
#include <envoyou/redis/subscriber.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

namespace redis = envoyou::redis;

namespace {

envoyou::Deadline soon() { return envoyou::Deadline::after(*envoyou::system_clock(), std::chrono::seconds(5)); }

bool messages(const std::shared_ptr<redis::Client>& client) {
  redis::MessageQueue queue({});  // outlives the subscriber
  auto subscriber = redis::Subscriber::open(client, queue).value();
  if (auto subscribed = subscriber->subscribe(redis::Subscription::channel("example:news"), {soon()}); !subscribed) {
    std::cerr << subscribed.error().message() << '\n';
    return false;
  }
  const redis::Words words("PUBLISH", "example:news", "hello");
  (void)client->run(redis::Command<std::int64_t>(words, redis::decode_integer), {soon()});
  const auto event = queue.next(soon());
  if (!event || event->kind != redis::SubscriptionEvent::Kind::kMessage) return false;
  std::cout << event->message.channel << ": " << event->message.payload << '\n';
  return true;
}

// The value as the cache has it, once it is `wanted`: an invalidation takes as long as an answer does.
bool becomes(redis::ClientCache& cache, std::string_view key, std::string_view wanted) {
  const envoyou::Deadline deadline = soon();
  while (!deadline.expired(envoyou::system_clock()->now())) {
    const auto value = cache.get(key, {deadline});
    if (value && *value && **value == wanted) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// The cache has a link of its own. Until that is up, values are fetched and not kept.
bool keeps_values(const redis::ClientCache& cache) {
  const envoyou::Deadline deadline = soon();
  while (cache.source() == redis::FeedSource::kNone) {
    if (deadline.expired(envoyou::system_clock()->now())) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

bool values(const std::shared_ptr<redis::Client>& client) {
  auto cache = redis::ClientCache::open(client).value();
  if (!keeps_values(*cache)) std::cout << "the server tells of no changes: nothing is kept\n";
  const std::string key = "example:greeting";
  for (const std::string text : {"hello", "good bye"}) {
    // As another process would, who does not know of the cache.
    const redis::Words words("SET", std::string_view(key), std::string_view(text), "EX", "60");
    if (!client->run(redis::Command<void>(words, redis::decode_ok), {soon()})) return false;
    if (!becomes(*cache, key, text)) return false;
    std::cout << text << ", kept by " << to_string(cache->source()) << '\n';
  }
  return true;
}

}  // namespace

int main() {
  const char* const url = std::getenv("REDIS_URL");
  if (url == nullptr || *url == '\0') {
    std::cout << "REDIS_URL is not set: there is nobody to listen to\n";
    return 0;
  }
  auto options = redis::parse_url(url);
  if (!options) {
    std::cerr << options.error().message() << '\n';
    return 2;
  }
  auto client = redis::Client::open(*options).value();
  if (!client->wait_until_connected(soon())) {
    std::cerr << "not connected\n";
    return 1;
  }
  return messages(client) && values(client) ? 0 : 1;
}
