// A backend of the limiter to hold against the conformance suite, and what it stands on.
#pragma once

#include "base/random.hpp"
#include "limiter/key_store.hpp"
#include "limiter/memory_backend.hpp"
#include "limiter/redis_backend.hpp"
#include "support/certificates.hpp"
#include "support/redis_server.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace envoyou::limiter {

class Stage {
 public:
  virtual ~Stage() = default;
  virtual Backend& backend() = 0;
  // Something that is another one whenever the backend has written anything.
  virtual std::string state() = 0;
};

class MemoryStage final : public Stage {
 public:
  Backend& backend() override { return backend_; }
  std::string state() override { return std::to_string(store_.keys()) + "/" + std::to_string(store_.bytes()); }

 private:
  MetricsRegistry registry_;
  KeyStore store_{
      {.linger = 1'000'000'000},
      {registry_.counter("evicted", "", ""), registry_.counter("lost", "", ""), registry_.gauge("keys", "", ""),
       registry_.gauge("bytes", "", ""), registry_.gauge("owing", "", "")}};
  MemoryBackend backend_{store_, *system_clock()};
};

class RedisStage final : public Stage {
 public:
  // `servers`: all that may be written to.
  RedisStage(std::vector<testing::RedisServer*> servers, std::shared_ptr<redis::Client> client, SecretRing secrets = {})
      : servers_(std::move(servers)),
        tokens_(base::jitter_seed()),
        backend_({.prefix = "conformance:" + std::to_string(tokens_.next()),
                  .secrets = std::move(secrets),
                  .least_ttl = std::chrono::minutes(5)},
                 std::move(client), tokens_) {}

  Backend& backend() override { return backend_; }
  RedisBackend& redis() { return backend_; }
  std::string state() override {
    std::string digests;
    for (const auto* server : servers_) digests += server->cli({"DEBUG", "DIGEST"}) + " ";
    return digests + std::to_string(writes());
  }

  // Writing commands executed, whether or not they changed anything.
  std::int64_t writes() const {
    std::int64_t sum = 0;
    for (const auto* command : {"zadd", "zremrangebyscore", "pexpire", "del", "unlink", "set"}) {
      for (const auto* server : servers_) sum += server->calls_of(command);
    }
    return sum;
  }

 private:
  std::vector<testing::RedisServer*> servers_;
  Tokens tokens_;
  RedisBackend backend_;
};

inline std::shared_ptr<redis::Client> connect(redis::ClientOptions options) {
  options.command_timeout = std::chrono::seconds(5);
  options.stall_limit = std::chrono::seconds(5);
  auto client = redis::Client::open(std::move(options)).value();
  EXPECT_TRUE(client->wait_until_connected(Deadline::after(*system_clock(), std::chrono::seconds(5))));
  return client;
}

}  // namespace envoyou::limiter
