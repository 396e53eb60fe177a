// Goal: whatever the server or the network does, a call returns within its deadline with its own answer or none, and
// the client
//       finds back by itself.
// Method: a real Redis that is frozen, killed and restarted; a scripted one and a proxy for what happens between bytes.
//         Deadlines are held to what a busy machine of two cores allows.
#include "fault_kit.hpp"
#include "redis_commands.hpp"

#include <envoyou/testing/fake_redis.hpp>
#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"
#include "testing/sockets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::faults_test {
namespace {

using namespace std::chrono_literals;
using testing::CloseHow;
using testing::eventually;
using testing::FakeRedis;
using testing::Fault;
using testing::FaultProxy;
using testing::RedisServer;

TEST(Faults, AFrozenServerCostsEachCallItsDeadlineAndNoMore) {
  auto server = RedisServer::start();
  Listener listener;
  auto client = open_only(parse_url(server.url()).value(), &listener);
  ASSERT_TRUE(client->wait_until_connected(within(2s)));
  fill(*client, kThreads);
  Load load(*client, kThreads, 100ms);
  std::this_thread::sleep_for(200ms);
  server.freeze();
  std::this_thread::sleep_for(2s);
  server.thaw();
  ASSERT_TRUE(eventually([&] { return client->is_connected(); }, 1s));
  load.stop();
  EXPECT_EQ(load.wrong, 0);
  EXPECT_LE(load.longest_ms, (100ms + kGrace).count());
  EXPECT_EQ(listener.condemned, 1);  // however many calls timed out
  EXPECT_GE(listener.answered, 2);
  EXPECT_TRUE(client->run(get("k")));
}

TEST(Faults, AKilledServerIsFoundAgainWithinASecond) {
  auto server = RedisServer::start();
  Listener listener;
  auto client = open_only(parse_url(server.url()).value(), &listener);
  ASSERT_TRUE(client->wait_until_connected(within(2s)));
  fill(*client, kThreads);
  Load load(*client, kThreads, 100ms);
  std::this_thread::sleep_for(200ms);
  server.kill9();
  ASSERT_TRUE(eventually([&] { return listener.refused > 0; }, 1s));
  EXPECT_LT(time_of([&] { EXPECT_EQ(client->run(get("k")).error().code(), Errc::kUnavailable); }), 10ms);
  server.restart();
  EXPECT_LT(time_of([&] { EXPECT_TRUE(client->wait_until_connected(within(2s))); }), 600ms);
  load.stop();
  EXPECT_EQ(load.wrong, 0);
  EXPECT_LE(load.longest_ms, (100ms + kGrace).count());
}

TEST(Faults, AServerThatWasNeverThereIsKnockedAtSeldom) {
  const auto port = testing::free_port();
  auto client = open_only({.port = port});
  ASSERT_TRUE(eventually([&] { return client->run(get("k")).error().code() == Errc::kUnavailable; }));
  std::this_thread::sleep_for(1s);
  EXPECT_LE(client->stats().connects, 10u);
  const auto after_one = client->stats().connects;
  std::this_thread::sleep_for(2s);
  EXPECT_LE(client->stats().connects, after_one + 6);
}

TEST(Faults, ABlackHoleIsLeftWithinTheDeadlineAndTheDestructorToo) {
  testing::UnansweredPort hole;
  auto client = open_only({.port = hole.port()});
  const auto took = time_of([&] { EXPECT_EQ(client->run(get("k")).error().code(), Errc::kNotSent); });
  EXPECT_GE(took, 99ms);
  EXPECT_LE(took, 100ms + kGrace);
  EXPECT_LT(time_of([&] { client.reset(); }), 200ms);
}

TEST(Faults, TheDestructorDoesNotWaitForAFrozenServer) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  server.freeze();
  std::atomic<int> closed{0};
  for (int i = 0; i < 100; ++i) {
    client->run(incr("n"), {within(10s)}, [&](Result<std::int64_t> result) {
      EXPECT_EQ(result.error().code(), Errc::kClosed);
      ++closed;
    });
  }
  EXPECT_LT(time_of([&] { client.reset(); }), 200ms);
  EXPECT_EQ(closed, 100);
}

TEST(Faults, TheDestructorDoesNotWaitForBlockedCallers) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  server.freeze();
  std::atomic<bool> blocked{false};
  std::thread caller([&] {
    blocked = true;
    EXPECT_EQ(client->run(incr("n"), {Deadline::never()}).error().code(), Errc::kClosed);
  });
  ASSERT_TRUE(eventually([&] { return blocked.load(); }));
  std::this_thread::sleep_for(20ms);
  EXPECT_LT(time_of([&] { client->close(); }), 200ms);
  caller.join();
}

TEST(Faults, ACallWithoutADeadlineEndsWhenTheLinkIsCondemned) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  server.freeze();
  const auto took =
      time_of([&] { EXPECT_EQ(client->run(incr("n"), {Deadline::never()}).error().code(), Errc::kConnectionLost); });
  EXPECT_LE(took, 100ms + kGrace);
}

TEST(Faults, UnaskedAndDoubledRepliesNeverReachAnotherCaller) {
  auto server = RedisServer::start();
  FaultProxy proxy(server.port());
  auto client = open_at(proxy.url());
  fill(*client, kThreads);
  Load load(*client, kThreads, 200ms);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(50ms);
    if (i % 2 == 0) {
      proxy.inject("$7\r\nvalue 0\r\n");
    } else {
      proxy.duplicate_replies();
    }
  }
  std::this_thread::sleep_for(100ms);
  load.stop();
  EXPECT_EQ(load.wrong, 0);
  EXPECT_GT(load.right, 50);
  EXPECT_GE(proxy.faults_done(), 15u);
  EXPECT_GT(client->stats().condemned, 0u);
}

TEST(Faults, UnaskedRepliesOnAnIdleLinkAreNoticedAtOnce) {
  FakeRedis server;
  auto client = open_at(server.url());
  server.set("k", "own");
  for (int i = 0; i < 20; ++i) {
    for (int n = 0; n < 10; ++n) EXPECT_TRUE(client->run(get("k"), {within(1s)}));
    server.push("$7\r\nforeign\r\n");
    ASSERT_TRUE(eventually([&] { return client->stats().condemned == static_cast<std::uint64_t>(i + 1); }));
    ASSERT_TRUE(client->wait_until_connected(within(2s)));
    EXPECT_EQ(client->run(get("k"), {within(1s)}).value(), "own");
  }
}

TEST(Faults, RepliesCutInTheMiddleAreRepeatedWhereThatIsSafe) {
  FakeRedis server;
  server.set("k", "value");
  auto client = open_at(server.url());
  for (const std::size_t bytes : {0u, 1u, 3u, 5u, 10u}) {
    for (const auto how : {CloseHow::kFin, CloseHow::kReset}) {
      for (int i = 0; i < 10; ++i) EXPECT_TRUE(client->run(get("k"), {within(1s)}));  // a node that does its work
      server.add(Fault::cut(bytes, how).on("GET").times(1));
      EXPECT_EQ(client->run(get("k"), {within(2s)}).value(), "value") << bytes;
    }
  }
  ASSERT_TRUE(client->wait_until_connected(within(2s)));
  server.add(Fault::cut(2, CloseHow::kReset).on("INCR").times(1));
  EXPECT_EQ(client->run(incr("n"), {within(2s)}).error().code(), Errc::kConnectionLost);
}

TEST(Faults, RepliesInPiecesAreAnsweredAllTheSame) {
  FakeRedis server;
  server.set("k", std::string(300, 'x'));
  auto client = open_at(server.url());
  server.add(Fault::split(29, 100us).on("GET"));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client->run(get("k"), {within(1s)}).value_or(std::nullopt), std::string(300, 'x'));
  }
}

TEST(Faults, LateRepliesGoToNobody) {
  FakeRedis server;
  server.set("late", "late");
  server.set("k", "own");
  auto client = open_at(server.url());
  for (int i = 0; i < 5; ++i) {
    server.add(Fault::delay(80ms).on("GET").times(1));
    const auto took =
        time_of([&] { EXPECT_EQ(client->run(get("late"), {within(20ms)}).error().code(), Errc::kTimeout); });
    EXPECT_LE(took, 20ms + kGrace);
    EXPECT_EQ(client->run(get("k"), {within(1s)}).value(), "own");
  }
  EXPECT_TRUE(eventually([&] { return client->stats().late_replies == 5u; }));
  EXPECT_EQ(client->stats().connects, 1u);
}

TEST(Faults, GarbageAndBombsCostOneCallAndOneLink) {
  FakeRedis server;
  server.set("k", "own");
  auto client = open_at(server.url());
  const std::string kHostile[] = {std::string(testing::hostile::kArrayBomb), std::string(testing::hostile::kMapBomb),
                                  std::string(testing::hostile::kBulkBomb), std::string(testing::hostile::kGarbage),
                                  testing::hostile::deep_nesting()};
  for (const std::string& hostile : kHostile) {
    server.add(Fault::raw(hostile).on("GET").times(1));
    Result<std::optional<std::string>> result = Error(Errc::kInternal);
    const auto took = time_of([&] { result = client->run(get("k"), {within(1s)}); });
    EXPECT_EQ(result.error().code(), Errc::kProtocol) << hostile.substr(0, 20);
    EXPECT_LT(took, 150ms) << hostile.substr(0, 20);
    ASSERT_TRUE(client->wait_until_connected(within(2s)));
    EXPECT_EQ(client->run(get("k"), {within(1s)}).value(), "own");
  }
}

TEST(Faults, AHalfOpenLinkIsNoticedByItsSilence) {
  auto server = RedisServer::start();
  FaultProxy proxy(server.port());
  auto client = open_at(proxy.url());
  // Old links swallow everything without a word, new ones work.
  proxy.stall(true);
  const auto took = time_of([&] { EXPECT_FALSE(client->run(incr("n"), {within(300ms)})); });
  EXPECT_LE(took, 100ms + kGrace);
  proxy.drop_stalled();
  proxy.stall(false);
  ASSERT_TRUE(client->wait_until_connected(within(2s)));
  EXPECT_TRUE(client->run(incr("n"), {within(1s)}));
}

TEST(Faults, AServerThatLoadsIsTriedAgain) {
  FakeRedis server;
  server.add(Fault::error("LOADING Redis is loading the dataset in memory").on("HELLO").times(3));
  auto client = open_only(parse_url(server.url()).value());
  ASSERT_TRUE(client->wait_until_connected(within(2s)));
  EXPECT_EQ(client->stats().connects, 4u);
}

TEST(Faults, AQueueThatIsFullSaysSo) {
  testing::UnansweredPort hole;
  ClientOptions options{.port = hole.port()};
  options.max_queued = 10;
  auto client = open_only(options);
  std::atomic<int> full{0};
  std::atomic<int> unsent{0};
  for (int i = 0; i < 50; ++i) {
    client->run(get("k"), {}, [&](Result<std::optional<std::string>> result) {
      if (result.error().code() == Errc::kQueueFull) ++full;
      if (result.error().code() == Errc::kNotSent) ++unsent;
    });
  }
  EXPECT_EQ(full, 40);
  EXPECT_TRUE(eventually([&] { return unsent == 10; }));
}

// Linux would end the process at the first write into a link whose other end is gone.
TEST(Faults, RaiseNoSigpipe) {
  struct sigaction before {};
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGPIPE, &standard, &before);
  auto server = RedisServer::start();
  FaultProxy proxy(server.port());
  auto client = open_at(proxy.url());
  Load load(*client, 4, 50ms);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(20ms);
    proxy.cut_all(i % 2 == 0 ? CloseHow::kReset : CloseHow::kFin);
  }
  load.stop();
  sigaction(SIGPIPE, &before, nullptr);
}

TEST(Faults, NothingIsExecutedTwice) {
  auto server = RedisServer::start();
  FaultProxy proxy(server.port());
  auto client = open_at(proxy.url());
  std::int64_t acknowledged = 0;
  std::int64_t ambiguous = 0;
  for (int i = 0; i < 300; ++i) {
    if (i % 10 == 0) proxy.cut_replies(1, CloseHow::kReset, 1);
    const auto result = client->run(incr("n"), {within(1s)});
    if (result) ++acknowledged;
    if (!result && result.error().is_ambiguous()) ++ambiguous;
    if (!result) client->wait_until_connected(within(1s));
  }
  const std::int64_t counted = std::stoll(server.cli({"GET", "n"}));
  EXPECT_GE(counted, acknowledged);
  EXPECT_LE(counted, acknowledged + ambiguous);
  EXPECT_GT(ambiguous, 0);
}

}  // namespace
}  // namespace envoyou::redis::faults_test
