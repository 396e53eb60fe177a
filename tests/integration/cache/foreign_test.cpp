// Goal: however many replies come that nobody asked for, no key and no request is ever answered with what belongs to
// another. Method: many threads read keys whose values name them, through a proxy that repeats replies and puts strange
// ones in between.
#include "server.hpp"
#include "support/fault_proxy.hpp"

#include <atomic>
#include <thread>

namespace envoyou::testing::foreign_test {
namespace {

constexpr int kThreads = 8;
constexpr int kKeys = 40;

// Readers of both caches, as long as this lives, and how many answers named another key.
struct Readers {
  explicit Readers(Server& s) : server(s) {
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([this, thread] {
        for (int i = thread; !stop; ++i) read(std::to_string(i % kKeys));
      });
    }
  }
  ~Readers() {
    stop = true;
    for (auto& thread : threads) thread.join();
  }

  void read(const std::string& n) {
    const auto value = server.cache->get("k" + n);
    if (value && *value && (*value)->bytes != "value " + n) ++wrong;
    const auto found = server.responses->get(Server::request_of("/things/" + n));
    if (found && found->body != "body " + n) ++wrong;
    const auto computed = server.cache->get_or_compute("c" + n, [&] { return Result<std::string>("computed " + n); });
    if (computed && computed->bytes != "computed " + n) ++wrong;
    if (value && *value && (*value)->source == Source::kRedis) ++from_redis;
  }

  Server& server;
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int> from_redis{0};
  std::vector<std::thread> threads;
};

void fill(Server& server) {
  for (int i = 0; i < kKeys; ++i) {
    const std::string n = std::to_string(i);
    server.set("k" + n, "value " + n);
    server.store("/things/" + n, "body " + n);
  }
}

class CacheForeignReplies : public ::testing::Test {
 protected:
  void disturbed_by(int times, const std::function<void()>& disturb) {
    Readers readers(server);
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(eventually([&, before = readers.from_redis.load()] { return readers.from_redis > before; }));
      disturb();
      std::this_thread::sleep_for(20ms);
    }
    EXPECT_TRUE(eventually([&, before = readers.from_redis.load()] { return readers.from_redis > before + 100; }));
    EXPECT_EQ(readers.wrong, 0);
  }

  RedisServer redis = RedisServer::start();
  FaultProxy proxy{redis.port()};
  Server server{proxy.url()};
};

TEST_F(CacheForeignReplies, RepeatedRepliesAreNeverTakenForOthers) {
  fill(server);
  disturbed_by(5, [&] { proxy.duplicate_replies(4); });
}

TEST_F(CacheForeignReplies, StrangeRepliesInBetweenAreNeverTakenForOthers) {
  fill(server);
  for (const char* strange :
       {"$5\r\nother\r\n", "$-1\r\n", "_\r\n", ":7\r\n", "*1\r\n$3\r\nabc\r\n", "+OK\r\n", "-ERR strange\r\n"}) {
    disturbed_by(2, [&] { proxy.inject(strange, 2); });
  }
}

TEST_F(CacheForeignReplies, RepliesThatNobodyAskedForAreNeverTakenForAnswers) {
  fill(server);
  disturbed_by(10, [&] { (void)proxy.inject_now("$5\r\nother\r\n"); });
}

}  // namespace
}  // namespace envoyou::testing::foreign_test
