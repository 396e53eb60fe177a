// One server of a service, as far as the caches are concerned: both of them over one backing, with the keeper running.
#pragma once

#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <envoyou/cache.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace envoyou::testing {

using namespace std::chrono_literals;

struct ServerSetup {
  redis::ClientOptions redis{};
  CacheOptions cache{};
};

inline ServerSetup setup_for(const std::string& url) {
  ServerSetup setup;
  setup.redis = redis::parse_url(url).value();
  // A loaded machine is slow at times, and that is not what these tests are about.
  setup.redis.connect_timeout = 2s;
  setup.redis.stall_limit = 300ms;
  setup.cache.read_share = 100ms;
  return setup;
}

struct Server {
  explicit Server(ServerSetup setup) {
    BackingOptions options;
    options.redis = std::move(setup.redis);
    options.wait_for_first_answer = 5s;
    backing = open_backing(options).value();
    cache = Cache::open(setup.cache, backing).value();
    const std::vector<EndpointRule> rules{{.pattern = "/things/*", .ttl = 60s, .vary_headers = {}},
                                          {.pattern = "/others/*", .ttl = 60s, .vary_headers = {}}};
    responses = ResponseCache::open({.cache = setup.cache, .rules = rules, .default_rule = {}}, backing).value();
  }
  explicit Server(const std::string& url) : Server(setup_for(url)) {}

  // Calls with the default budget of a request; the longest of them is kept.
  template <class Call>
  auto timed(Call call) {
    const auto begun = std::chrono::steady_clock::now();
    auto result = call();
    longest = std::max(longest, std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begun));
    return result;
  }
  std::string get(std::string_view key) {
    const auto found = timed([&] { return cache->get(key); });
    if (!found) return "(" + std::string(to_string(found.error().code())) + ")";
    return *found ? (*found)->bytes : "(none)";
  }
  Source set(std::string_view key, std::string_view value, Milliseconds ttl = 60s) {
    return timed([&] { return cache->set(key, value, ttl); }).value();
  }
  Source remove(std::string_view key) {
    return timed([&] { return cache->remove(key); }).value();
  }

  static HttpRequest request_of(std::string path) {
    HttpRequest request;
    request.host = "h";
    request.path = std::move(path);
    return request;
  }
  std::string get_path(const std::string& path) {
    const auto found = timed([&] { return responses->get(request_of(path)); });
    return found ? found->body : "(none)";
  }
  bool store(const std::string& path, std::string body) {
    const auto request = request_of(path);
    const envoyou::HttpResponse response{200, {}, std::move(body)};
    return eventually([&] { return responses->set(request, response, responses->get(request)); });
  }
  // What is there is seen; a moment in which Redis did not answer in time is waited out.
  bool sees_path(const std::string& path, const std::string& body) {
    return eventually([&] { return get_path(path) == body; });
  }
  bool sees(std::string_view key, std::string_view value) {
    return eventually([&] { return get(key) == value; });
  }
  bool sets_in_redis(std::string_view key, std::string_view value) {
    return eventually([&] { return set(key, value) == Source::kRedis; });
  }
  bool put_path(const std::string& path) {
    auto request = request_of(path);
    request.method = "PUT";
    return timed([&] { return responses->on_unsafe_request(request, 204); }).ok();
  }

  bool becomes(Mode mode) {
    return eventually([&] { return backing.fallback->mode() == mode; }, 10s);
  }
  std::uint64_t counted(std::string_view name, std::string_view labels) const {
    return backing.runtime.metrics->counter(name, labels, "").value();
  }

  Backing backing;
  std::unique_ptr<Cache> cache;
  std::unique_ptr<ResponseCache> responses;
  Milliseconds longest{0};
};

// What a caller may wait at most: the budget of a request, and what a loaded machine adds.
inline constexpr Milliseconds kLongestWait{250};

}  // namespace envoyou::testing
