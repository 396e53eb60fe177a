// A backend of the limiter to hold against the conformance suite, and what it stands on.
#pragma once

#include "base/random.hpp"
#include "limiter/key_store.hpp"
#include "limiter/memory_backend.hpp"
#include "limiter/redis_backend.hpp"
#include "support/certificates.hpp"
#include "support/redis_cluster.hpp"
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
    for (const auto* command :
         {"zadd", "zremrangebyscore", "pexpire", "del", "unlink", "set", "setrange", "hset", "hdel", "zrem"}) {
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

// The servers that all suites of this program share; started when first asked for.
struct StageServers {
  testing::Certificates certificates;
  testing::RedisServer single = start_single(certificates);
  testing::RedisCluster cluster = testing::RedisCluster::start(3, {.config_lines = {"enable-debug-command yes"}});

  static testing::RedisServer start_single(testing::Certificates& certificates) {
    testing::RedisOptions options;
    options.tls = testing::RedisTls{.server = certificates.files(testing::CertificateKind::kGood)};
    options.config_lines = {"enable-debug-command yes"};
    return testing::RedisServer::start(options);
  }
  static StageServers& get() {
    static StageServers servers;
    return servers;
  }
};

// "memory", "redis…", "redis_tls…" or "redis_cluster…".
inline std::unique_ptr<Stage> make_stage(std::string_view kind) {
  if (kind.starts_with("memory")) return std::make_unique<MemoryStage>();
  StageServers& servers = StageServers::get();
  if (kind.starts_with("redis_cluster")) {
    std::vector<testing::RedisServer*> nodes;
    for (std::size_t i = 0; i < servers.cluster.size(); ++i) nodes.push_back(&servers.cluster.node(i));
    return std::make_unique<RedisStage>(nodes, connect(redis::parse_url(servers.cluster.url()).value()));
  }
  const bool tls = kind.starts_with("redis_tls");
  auto options = redis::parse_url(tls ? servers.single.tls_url() : servers.single.url()).value();
  if (tls) options.tls.ca_file = servers.certificates.ca().string();
  return std::make_unique<RedisStage>(std::vector{&servers.single}, connect(options));
}

}  // namespace envoyou::limiter
