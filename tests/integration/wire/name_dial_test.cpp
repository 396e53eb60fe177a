// Goal: a host given by name costs the I/O thread nothing, an address that does not answer costs a stagger, and a
// look-up that outlives its dialer harms nobody.
// Method: "localhost", names that do not exist, and address lists with a port that never answers among them.
#include "wire/name_dial.hpp"

#include "stream_driver.hpp"
#include "wire/address_race.hpp"

#include "support/redis_server.hpp"
#include "support/wait_for.hpp"
#include "testing/sockets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace envoyou::wire::name_dial_test {
namespace {

using envoyou::testing::RedisServer;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;
namespace sockets = envoyou::testing;

TEST(NameDial, FindsLocalhostOnBothFamilies) {
  const RedisServer server = RedisServer::start();
  StreamDriver driver({.host = "localhost", .port = server.port()});
  ASSERT_EQ(driver.connect(), Progress::kReady) << driver.failure();
  EXPECT_EQ(driver.command("PING"), "PONG");
}

TEST(NameDial, TakesNamesUnderLocalhostForTheLoopbackWhateverTheResolverKnows) {
  const auto listener = sockets::listen_on(0);
  for (const char* host : {"redis.localhost", "Redis.LocalHost."}) {
    StreamDriver driver({.host = host, .port = sockets::local_port(listener)});
    EXPECT_EQ(driver.connect(), Progress::kReady) << host << ": " << driver.failure();
  }
  StreamDriver other({.host = "notlocalhost", .port = sockets::local_port(listener)});
  EXPECT_EQ(other.connect(), Progress::kFailed);
}

TEST(NameDial, GoesOnToIpv4WhereIpv6IsRefused) {
  const auto listener = sockets::listen_on(0);  // on 127.0.0.1 alone
  StreamDriver driver({.host = "localhost", .port = sockets::local_port(listener)});
  EXPECT_EQ(driver.connect(), Progress::kReady) << driver.failure();
}

TEST(NameDial, HasNothingToWatchUntilItIsDone) {
  const auto listener = sockets::listen_on(0);
  std::atomic<bool> woken{false};
  auto dialer =
      make_dialer({.host = "localhost", .port = sockets::local_port(listener)}, [&] { woken = true; }).value();
  const auto stream = dialer->dial();
  EXPECT_EQ(stream->descriptor(), -1) << "until it is asked again";
  ASSERT_TRUE(sockets::eventually([&] { return woken.load(); }));
  EXPECT_EQ(stream->advance(), Progress::kReady);
  EXPECT_GE(stream->descriptor(), 0);
}

TEST(NameDial, NamesEveryAddressThatRefused) {
  const auto port = sockets::free_port();
  StreamDriver driver({.host = "localhost", .port = port});
  EXPECT_EQ(driver.connect(), Progress::kFailed);
  EXPECT_THAT(driver.failure(), AllOf(StartsWith("connect localhost:" + std::to_string(port) + ": "),
                                      HasSubstr("127.0.0.1:" + std::to_string(port) + " connection refused")));
  EXPECT_EQ(driver.stream().failure().code(), Errc::kUnavailable);
}

TEST(NameDial, SaysThatANameDoesNotExist) {
  StreamDriver driver({.host = "no-such-host.invalid", .port = 6379});
  const Progress progress = driver.connect();
  if (progress != Progress::kFailed) GTEST_SKIP() << "no name server has answered in five seconds";
  EXPECT_THAT(driver.failure(), StartsWith("resolve no-such-host.invalid: "));
}

TEST(NameDial, IsForgottenByALookUpThatOutlivesIt) {
  auto alive = std::make_shared<std::atomic<bool>>(true);
  auto misused = std::make_shared<std::atomic<int>>(0);
  for (int i = 0; i < 50; ++i) {
    *alive = true;
    auto dialer = make_dialer({.host = i % 2 == 0 ? "localhost" : "no-such-host.invalid", .port = 1}, [alive, misused] {
                    if (!*alive) ++*misused;
                  }).value();
    const auto first = dialer->dial();
    const auto second = dialer->dial();
    dialer.reset();
    *alive = false;
    EXPECT_NE(first->advance(), Progress::kReady) << "streams may outlive their dialer";
  }
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(*misused, 0);
}

TEST(NameDial, HasABoundOnItsThreads) {
  const auto threads = std::make_shared<NameDial::ThreadCount>(NameDial::kMaxThreads);
  NameDial dial("localhost", 6379, std::make_shared<Waker>([] {}), threads);
  const auto outcome = dial.take();
  ASSERT_TRUE(outcome);
  EXPECT_THAT(std::string(outcome->error().message()), HasSubstr("32 look-ups are under way already"));
  EXPECT_EQ(*threads, NameDial::kMaxThreads);
}

TEST(AddressRace, AnAddressThatDoesNotAnswerCostsAStagger) {
  const sockets::UnansweredPort silent;
  const auto listener = sockets::listen_on(0);
  const std::vector<Address> addresses{numeric_address("127.0.0.1", silent.port()).value(),
                                       numeric_address("127.0.0.1", sockets::free_port()).value(),
                                       numeric_address("127.0.0.1", sockets::local_port(listener)).value()};
  const std::atomic<bool> abandoned{false};
  const auto before = std::chrono::steady_clock::now();
  const auto winner = race_addresses("name", addresses, abandoned);
  const auto took = std::chrono::steady_clock::now() - before;
  ASSERT_TRUE(winner) << winner.error().message();
  EXPECT_GE(took, kStagger);
  EXPECT_LT(took, 400ms) << "within the usual connect timeout";
}

TEST(AddressRace, EndsWhenNobodyWaitsForItAnyMore) {
  const sockets::UnansweredPort silent;
  std::atomic<bool> abandoned{false};
  std::thread leaver([&] {
    std::this_thread::sleep_for(20ms);
    abandoned = true;
  });
  const auto before = std::chrono::steady_clock::now();
  const auto winner = race_addresses("name", {numeric_address("127.0.0.1", silent.port()).value()}, abandoned);
  leaver.join();
  ASSERT_FALSE(winner);
  EXPECT_THAT(std::string(winner.error().message()), HasSubstr("no answer"));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
}

TEST(Waker, DoesNotCallWhatHasBeenClosed) {
  int calls = 0;
  Waker waker([&] { ++calls; });
  waker();
  waker.close();
  waker();
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace envoyou::wire::name_dial_test
