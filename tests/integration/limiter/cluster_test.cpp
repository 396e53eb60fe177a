// Goal: in a cluster one node that stays away keeps neither the other nodes' debts back nor the whole in process, and
// its own debts are paid when it is back.
// Method: the public face with a keeper over a real cluster that is frozen, comes back but for one node, and then
// whole; a second limiter looks at what Redis knows.
#include <envoyou/limiter.hpp>

#include "support/redis_cluster.hpp"
#include "support/wait_for.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace envoyou::limiter_cluster_test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::RedisCluster;

const RateRule kRule{.limit = 100, .window = 600s};
constexpr int kKeys = 600;

struct Server {
  explicit Server(const std::string& url) {
    BackingOptions options;
    options.redis = redis::parse_url(url).value();
    options.wait_for_first_answer = 2s;
    backing = open_backing(options, runtime).value();
    limiter = RateLimiter::open({.decision_share = 50ms}, backing).value();
  }
  void admit_all() {
    for (int i = 0; i < kKeys; ++i) EXPECT_TRUE(limiter->check("k" + std::to_string(i), kRule)->allowed);
  }
  // Keys of which Redis itself says that one was admitted.
  int known_to_redis() {
    int known = 0;
    for (int i = 0; i < kKeys; ++i) {
      const auto peeked = limiter->peek("k" + std::to_string(i), kRule);
      known += peeked->source == Source::kRedis && peeked->remaining == 99 ? 1 : 0;
    }
    return known;
  }
  bool becomes(Mode mode) {
    return eventually([&] { return backing.fallback->mode() == mode; }, 10s);
  }

  Runtime runtime;
  Backing backing;
  std::unique_ptr<RateLimiter> limiter;
};

TEST(LimiterCluster, ANodeThatStaysAwayKeepsNoDebtsOfOthersBack) {
  auto cluster = RedisCluster::start(3, {.config_lines = {"cluster-require-full-coverage no"}});
  Server server(cluster.url());
  for (std::size_t i = 0; i < 3; ++i) cluster.node(i).freeze();
  ASSERT_TRUE(eventually([&] {
    (void)server.limiter->check("wakes the links", kRule);
    return server.backing.fallback->mode() == Mode::kLocal;
  }));
  server.admit_all();
  cluster.node(0).kill9();
  cluster.node(1).thaw();
  cluster.node(2).thaw();
  ASSERT_TRUE(server.becomes(Mode::kRedis));
  Server other(cluster.url());
  int known = 0;
  EXPECT_TRUE(eventually([&] { return (known = other.known_to_redis()) >= kKeys / 2; }, 10s)) << known;
  EXPECT_LT(known, kKeys);
  EXPECT_EQ(server.backing.fallback->mode(), Mode::kRedis);
  cluster.node(0).restart();
  EXPECT_TRUE(eventually([&] { return (known = other.known_to_redis()) == kKeys; }, 20s)) << known;
}

}  // namespace
}  // namespace envoyou::limiter_cluster_test
