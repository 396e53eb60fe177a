// Goal: whatever the network does between two machines, no call waits longer than its deadline, no answer is another's,
// and the client is back when the network is.
// Method: eight callers with values that restate their keys, over a proxy or the public fake Redis. Figures are printed
// for docs/faults.md; deadlines are held to what a busy machine of two cores allows.
#include "fault_kit.hpp"
#include "redis_commands.hpp"

#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"
#include "testing/sockets.hpp"

#include <envoyou/testing/fake_redis.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::fault_network_test {
namespace {

using namespace std::chrono_literals;
using testing::CloseHow;
using testing::eventually;
using testing::FakeRedis;
using testing::Fault;
using testing::FaultProxy;
using testing::RedisServer;

constexpr std::chrono::milliseconds kMost = 100ms + kGrace;

void fill(FakeRedis& server, int threads) {
  for (int t = 0; t < threads; ++t) {
    for (int i = 0; i < 50; ++i) server.set(std::to_string(t * 1'000 + i), "value " + std::to_string(t * 1'000 + i));
  }
}

void show(std::string_view fault, const Load& load) {
  figure(std::string(fault) + ": right answers", load.right, "");
  figure(std::string(fault) + ": failed calls", load.failed, "");
  figure(std::string(fault) + ": longest call", load.longest_ms, "ms");
}

// Runs eight callers while `hurt` works; they may fail, and may neither wait nor be misled.
void under_load(std::string_view fault, const std::string& url, const std::function<void(Client&)>& hurt) {
  const Yardstick yardstick;
  auto client = open_at(url);
  Load load(*client, kThreads, 100ms);
  std::this_thread::sleep_for(100ms);
  hurt(*client);
  EXPECT_TRUE(eventually([&] { return client->run(get("0"), {within(100ms)}).has_value(); }, 2s));
  load.stop();
  show(fault, load);
  EXPECT_EQ(load.wrong, 0);
  EXPECT_LE(load.longest_ms, yardstick.allows(kMost).count());
  EXPECT_GT(load.right, 0);
}

TEST(FaultNetwork, RepliesThatDripCostACallItsDeadline) {
  FakeRedis server;
  fill(server, kThreads);
  under_load("drip, 1 byte / 60 ms", server.url(), [&](Client&) {
    server.add(Fault::split(1, 60ms).on("GET"));
    std::this_thread::sleep_for(1s);
    server.clear_faults();
    server.drop_connections(CloseHow::kReset);
  });
}

TEST(FaultNetwork, ANarrowLinkCostsALargeReplyItsDeadline) {
  FakeRedis server;
  fill(server, kThreads);
  server.set("large", std::string(200'000, 'x'));
  const Yardstick yardstick;
  under_load("20 KB/s", server.url(), [&](Client& client) {
    server.add(Fault::split(200, 10ms).on("GET"));
    for (int i = 0; i < 5; ++i) {
      const auto took = time_of([&] { EXPECT_FALSE(client.run(get("large"), {within(100ms)})); });
      EXPECT_LE(took, yardstick.allows(kMost));
    }
    server.clear_faults();
    server.drop_connections(CloseHow::kReset);
  });
}

TEST(FaultNetwork, TwentyMillisecondsChangeNothing) {
  auto server = RedisServer::start();
  FaultProxy proxy(server.port());
  Listener listener;
  const Yardstick yardstick;
  auto client = open_only(parse_url(proxy.url()).value(), &listener);
  ASSERT_TRUE(client->wait_until_connected(within(2s)));
  fill(*client, kThreads);
  Load load(*client, kThreads, 100ms);
  proxy.latency(20ms);
  std::this_thread::sleep_for(2s);
  load.stop();
  show("latency 20 ms", load);
  EXPECT_EQ(load.wrong, 0);
  if (yardstick.was_held_up()) GTEST_SKIP() << "this machine stood still for " << yardstick.worst().count() << " ms";
  EXPECT_EQ(listener.refused + listener.condemned, 0);
  EXPECT_EQ(client->stats().connects, 1u);
}

TEST(FaultNetwork, ThreeHundredMillisecondsCostACallItsDeadline) {
  auto server = RedisServer::start();
  FaultProxy proxy(server.port());
  fill(*open_at(server.url()), kThreads);
  under_load("latency 300 ms", proxy.url(), [&](Client&) {
    proxy.latency(300ms);
    std::this_thread::sleep_for(1500ms);
    proxy.latency(0ms);
    proxy.cut_all();
  });
}

TEST(FaultNetwork, AHalfOpenLinkIsLeftAfterTheStallLimit) {
  FakeRedis server;
  fill(server, kThreads);
  under_load("half open", server.url(), [&](Client& client) {
    const auto condemned = client.stats().condemned;
    server.lose_connections();
    EXPECT_TRUE(eventually([&] { return client.stats().condemned > condemned; }, 1s));
    EXPECT_TRUE(client.wait_until_connected(within(1s)));
  });
}

TEST(FaultNetwork, ConnectsThatAreNotAnsweredCostNoCallMoreThanItsDeadline) {
  FakeRedis server;
  fill(server, kThreads);
  under_load("SYN unanswered", server.url(), [&](Client&) {
    server.leave_unanswered();
    server.drop_connections(CloseHow::kReset);
    std::this_thread::sleep_for(1500ms);
    server.accept_again();
  });
}

TEST(FaultNetwork, ConnectsThatAreAcceptedAndNeverServedToo) {
  FakeRedis server;
  fill(server, kThreads);
  under_load("silent accept", server.url(), [&](Client&) {
    server.blackhole(true);
    server.drop_connections(CloseHow::kReset);
    std::this_thread::sleep_for(1500ms);
    server.blackhole(false);
  });
}

TEST(FaultNetwork, OneResetInAHundredIsNotSeenByReads) {
  FakeRedis server;
  server.set("k", "own");
  const Yardstick yardstick;
  auto client = open_at(server.url());
  int failed = 0;
  for (int i = 0; i < 1'000; ++i) {
    if (i % 100 == 50) server.add(Fault::cut(1, CloseHow::kReset).on("GET").times(1));
    if (client->run(get("k"), {within(100ms)}).value_or(std::nullopt) != "own") ++failed;
  }
  figure("RST 1 %: failed reads of 1000", failed, "");
  if (yardstick.was_held_up()) GTEST_SKIP() << "this machine stood still for " << yardstick.worst().count() << " ms";
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(client->stats().repeated, 10u);
}

TEST(FaultNetwork, AFlappingServerCostsNoCallMoreThanItsDeadline) {
  FakeRedis server;
  fill(server, kThreads);
  under_load("20 flips in 6 s", server.url(), [&](Client& client) {
    for (int flip = 0; flip < 20; ++flip) {
      if (flip % 2 == 0) {
        server.refuse();
        server.drop_connections(CloseHow::kReset);
      } else {
        server.accept_again();
      }
      std::this_thread::sleep_for(300ms);
    }
    figure("20 flips in 6 s: connects", static_cast<std::int64_t>(client.stats().connects), "");
    EXPECT_LE(client.stats().connects, 60u);
  });
}

// localhost is ::1 first on most machines, and the fake listens on 127.0.0.1 alone.
TEST(FaultNetwork, AnAddressThatRefusesIsNotTheLast) {
  FakeRedis server;
  auto options = parse_url(server.url()).value();
  options.host = "localhost";
  const Yardstick yardstick;
  auto client = open_only(options);
  const auto took = time_of([&] { EXPECT_TRUE(client->wait_until_connected(within(2s))); });
  figure("v4 and v6, one refuses: connected after", took.count(), "ms");
  EXPECT_LE(took, yardstick.allows(250ms + kGrace));
}

TEST(FaultNetwork, ANameThatIsNotFoundCostsNeitherTheConstructorNorACall) {
  const Yardstick yardstick;
  std::shared_ptr<Client> client;
  const auto constructed = time_of([&] { client = open_only({.host = "no-such-host.invalid"}); });
  figure("no such name: constructor", constructed.count(), "ms");
  EXPECT_LE(constructed, yardstick.allows(100ms));
  for (int i = 0; i < 5; ++i) {
    const auto took = time_of([&] { EXPECT_FALSE(client->run(get("k"), {within(100ms)})); });
    EXPECT_LE(took, yardstick.allows(kMost));
  }
  EXPECT_LT(time_of([&] { client.reset(); }), yardstick.allows(200ms));
}

// Each way to be stuck, and how long the end of the client takes in it.
struct Stuck {
  const char* name;
  std::function<void(FakeRedis&)> hurt;
  bool before_connect;
};

void PrintTo(const Stuck& stuck, std::ostream* out) { *out << stuck.name; }

class ShutdownInAFault : public ::testing::TestWithParam<Stuck> {};

TEST_P(ShutdownInAFault, TakesLessThan200Milliseconds) {
  FakeRedis server;
  if (GetParam().before_connect) GetParam().hurt(server);
  auto client = open_only(parse_url(server.url()).value());
  if (!GetParam().before_connect) {
    ASSERT_TRUE(client->wait_until_connected(within(2s)));
    GetParam().hurt(server);
  }
  std::atomic<int> ended{0};
  for (int i = 0; i < 100; ++i) {
    client->run(incr("n"), {within(10s)}, [&](const Result<std::int64_t>&) { ++ended; });
  }
  const Yardstick yardstick;
  std::this_thread::sleep_for(30ms);
  const auto took = time_of([&] { client.reset(); });
  figure(std::string("shutdown, ") + GetParam().name, took.count(), "ms");
  EXPECT_LT(took, yardstick.allows(200ms));
  EXPECT_EQ(ended, 100);
}

INSTANTIATE_TEST_SUITE_P(
    All, ShutdownInAFault,
    ::testing::Values(Stuck{"replies are held", [](FakeRedis& s) { s.add(Fault::hold()); }, false},
                      Stuck{"replies drip", [](FakeRedis& s) { s.add(Fault::split(1, 60ms)); }, false},
                      Stuck{"replies are late", [](FakeRedis& s) { s.add(Fault::delay(1s)); }, false},
                      Stuck{"links are half open", [](FakeRedis& s) { s.lose_connections(); }, false},
                      Stuck{"links are cut", [](FakeRedis& s) { s.drop_connections(CloseHow::kReset); }, false},
                      Stuck{"connects are refused", [](FakeRedis& s) { s.refuse(); }, true},
                      Stuck{"connects are unanswered", [](FakeRedis& s) { s.leave_unanswered(); }, true},
                      Stuck{"connects are never served", [](FakeRedis& s) { s.blackhole(true); }, true},
                      Stuck{"the greeting is held", [](FakeRedis& s) { s.add(Fault::hold().on("HELLO")); }, true},
                      Stuck{"the password is wrong", [](FakeRedis& s) { s.change_password("another"); }, true}));

}  // namespace
}  // namespace envoyou::redis::fault_network_test
