#include "session_world.hpp"

#include "support/certificates.hpp"
#include "support/redis_cluster.hpp"
#include "support/redis_server.hpp"
#include "support/temp_dir.hpp"

#include <envoyou/testing/manual_clock.hpp>

#include <stdexcept>
#include <thread>

namespace envoyou::testing {
namespace {

class LocalWorld final : public SessionWorld {
 public:
  explicit LocalWorld(bool with_file) : with_file_(with_file) {}

  std::unique_ptr<SessionStore> open(SessionOptions options) override {
    if (with_file_) options.database_file = (directory_ / "sessions.db").string();
    Runtime runtime;
    runtime.clock = clock_;
    return SessionStore::open(std::move(options), in_process_backing(runtime)).value();
  }
  void pass(Milliseconds time) override { clock_->advance(time); }
  Source source() const override { return Source::kLocal; }

 private:
  const bool with_file_;
  TempDir directory_{"sessions"};
  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
};

// Time in a real server passes by itself.
class RedisWorld final : public SessionWorld {
 public:
  explicit RedisWorld(bool tls) : tls_(tls), server_(RedisServer::start(server_options())) {}

  std::unique_ptr<SessionStore> open(SessionOptions options) override {
    BackingOptions backing;
    backing.redis = redis::parse_url(tls_ ? server_.tls_url() : server_.url()).value();
    if (tls_) backing.redis.tls.ca_file = certificates_.ca().string();
    backing.wait_for_first_answer = Milliseconds(5'000);
    return SessionStore::open(std::move(options), open_backing(std::move(backing)).value()).value();
  }
  void pass(Milliseconds time) override { std::this_thread::sleep_for(time); }
  Source source() const override { return Source::kRedis; }

 private:
  RedisOptions server_options() const {
    RedisOptions options;
    if (tls_) options.tls = RedisTls{certificates_.files(CertificateKind::kGood), certificates_.ca(), false};
    return options;
  }

  const bool tls_;
  Certificates certificates_;
  RedisServer server_;
};

// All worlds of a run share one cluster, each with keys of its own.
class ClusterWorld final : public SessionWorld {
 public:
  std::unique_ptr<SessionStore> open(SessionOptions options) override {
    options.prefix = prefix_;
    BackingOptions backing;
    backing.redis = redis::parse_url(cluster().url()).value();
    backing.wait_for_first_answer = Milliseconds(5'000);
    return SessionStore::open(std::move(options), open_backing(std::move(backing)).value()).value();
  }
  void pass(Milliseconds time) override { std::this_thread::sleep_for(time); }
  Source source() const override { return Source::kRedis; }

 private:
  static RedisCluster& cluster() {
    static RedisCluster made = RedisCluster::start();
    return made;
  }
  static std::string next_prefix() {
    static int worlds = 0;
    return "conformance:" + std::to_string(++worlds);
  }

  const std::string prefix_ = next_prefix();
};

}  // namespace

std::string to_string(WorldKind kind) {
  switch (kind) {
    case WorldKind::kMemory: return "Memory";
    case WorldKind::kSqlite: return "Sqlite";
    case WorldKind::kRedis: return "Redis";
    case WorldKind::kRedisTls: return "RedisTls";
    case WorldKind::kRedisCluster: return "RedisCluster";
  }
  throw std::logic_error("no such world");
}

std::unique_ptr<SessionWorld> make_world(WorldKind kind) {
  switch (kind) {
    case WorldKind::kMemory: return std::make_unique<LocalWorld>(false);
    case WorldKind::kSqlite: return std::make_unique<LocalWorld>(true);
    case WorldKind::kRedis: return std::make_unique<RedisWorld>(false);
    case WorldKind::kRedisTls: return std::make_unique<RedisWorld>(true);
    case WorldKind::kRedisCluster: return std::make_unique<ClusterWorld>();
  }
  throw std::logic_error("no such world");
}

}  // namespace envoyou::testing
