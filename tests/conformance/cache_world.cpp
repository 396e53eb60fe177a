#include "cache_world.hpp"

#include "support/redis_cluster.hpp"
#include "support/redis_server.hpp"

#include <atomic>
#include <thread>

namespace envoyou::testing {
namespace {

// One server for the whole run, in clear and with TLS; started by the first test that wants it.
class Servers final : public ::testing::Environment {
 public:
  static RedisServer& get() {
    if (!server()) {
      RedisOptions options;
      options.tls = RedisTls{.server = certificates().files(CertificateKind::kGood), .ca = certificates().ca()};
      server() = std::make_unique<RedisServer>(RedisServer::start(std::move(options)));
    }
    return *server();
  }
  static Certificates& certificates() {
    static Certificates made;
    return made;
  }
  void TearDown() override { server().reset(); }

 private:
  static std::unique_ptr<RedisServer>& server() {
    static std::unique_ptr<RedisServer> running;
    return running;
  }
};

const ::testing::Environment* const kServers = ::testing::AddGlobalTestEnvironment(new Servers);

std::string url_of(Where where) {
  if (where == Where::kRedis) return Servers::get().url();
  if (where == Where::kRedisTls) return Servers::get().tls_url();
  static RedisCluster cluster = RedisCluster::start();
  return cluster.url();
}

Backing redis_backing(Where where) {
  BackingOptions options;
  options.redis = redis::parse_url(url_of(where)).value();
  if (where == Where::kRedisTls) options.redis.tls.ca_file = Servers::certificates().ca().string();
  options.redis.connect_timeout = kPatience;
  options.redis.stall_limit = kPatience;
  options.wait_for_first_answer = kPatience;
  auto backing = open_backing(options).value();
  EXPECT_TRUE(backing.fallback->uses_redis());
  return backing;
}

}  // namespace

std::string to_string(Where where) {
  switch (where) {
    case Where::kMemory: return "Memory";
    case Where::kRedis: return "Redis";
    case Where::kRedisTls: return "RedisTls";
    case Where::kRedisCluster: return "RedisCluster";
  }
  return "Unknown";
}

CacheWorld::CacheWorld(Where where) : where_(where) {
  static std::atomic<int> worlds{0};
  prefix_ = "conformance:" + std::to_string(++worlds);
  if (where != Where::kMemory) {
    backing_ = redis_backing(where);
    return;
  }
  clock_ = std::make_shared<ManualClock>();
  Runtime runtime;
  runtime.clock = clock_;
  backing_ = in_process_backing(runtime);
}

CacheOptions CacheWorld::options() const {
  CacheOptions options;
  options.prefix = prefix_;
  options.read_share = kPatience;
  return options;
}

std::unique_ptr<ResponseCache> CacheWorld::responses(std::vector<EndpointRule> rules) const {
  return responses(ResponseCacheOptions{.cache = options(), .rules = std::move(rules), .default_rule = {}});
}

std::unique_ptr<ResponseCache> CacheWorld::responses(ResponseCacheOptions options) const {
  return ResponseCache::open(std::move(options), backing_).value();
}

std::unique_ptr<Cache> CacheWorld::cache(CacheOptions options) const {
  return Cache::open(std::move(options), backing_).value();
}

void CacheWorld::pass(Milliseconds time) const {
  if (clock_ != nullptr) {
    clock_->advance(time);
  } else {
    std::this_thread::sleep_for(time);
  }
}

std::uint64_t CacheWorld::counted(std::string_view name, std::string_view labels) const {
  return backing_.runtime.metrics->counter(name, labels, "").value();
}

}  // namespace envoyou::testing
