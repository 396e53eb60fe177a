// Goal: lone calls are made on their callers' threads, and keep every promise of a call when others come, the server
// freezes or dies, or the client is closed. Method: a real redis-server and real threads; run under TSan in CI.
#include "redis_commands.hpp"

#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::direct_call_test {
namespace {

using namespace std::chrono_literals;

// Does not take a machine that is busy for a server that is dead.
std::shared_ptr<Client> open_patient(const std::string& url) {
  auto options = parse_url(url).value();
  options.stall_limit = 2'000ms;
  return open_at(options);
}

void call_alone(Client& client, int times) {
  for (int i = 0; i < times; ++i) {
    const auto result = client.run(get("k"), {within(2s)});
    EXPECT_TRUE(result) << (result ? "" : result.error().message());
  }
}

TEST(DirectCall, IsHowALoneCallerIsServed) {
  auto server = testing::RedisServer::start();
  auto client = open_patient(server.url());
  call_alone(*client, 1000);
  const ClientStats stats = client->stats();
  EXPECT_GT(stats.direct, 800u);
  EXPECT_EQ(stats.submitted, 1000u);
  EXPECT_EQ(stats.answered, 1000u);
}

TEST(DirectCall, WorksOverTls) {
  const testing::Certificates certificates;
  auto server = testing::RedisServer::start(
      {.tls =
           testing::RedisTls{.server = certificates.files(testing::CertificateKind::kGood), .ca = certificates.ca()}});
  auto options = parse_url(server.tls_url()).value();
  options.tls.ca_file = certificates.ca();
  options.stall_limit = 2'000ms;
  auto client = open_at(options);
  call_alone(*client, 1000);
  EXPECT_GT(client->stats().direct, 800u);
}

TEST(DirectCall, KeepsItsDeadlineWhenTheServerFreezes) {
  auto server = testing::RedisServer::start();
  auto options = parse_url(server.url()).value();
  options.stall_limit = 2'000ms;
  auto client = open_at(options);
  for (int i = 0; i < 5; ++i) {
    call_alone(*client, 200);
    const auto direct = client->stats().direct;
    server.freeze();
    Errc code = Errc::kOk;
    const auto took = time_of([&] { code = client->run(get("k"), {within(60ms)}).error().code(); });
    server.thaw();
    EXPECT_EQ(code, Errc::kTimeout);
    EXPECT_GE(took, 59ms);
    EXPECT_LE(took, 110ms);
    EXPECT_EQ(client->stats().direct, direct + 1) << "it was not the direct way that was tried";
  }
}

TEST(DirectCall, HoldsUpNobodyElse) {
  auto server = testing::RedisServer::start();
  auto client = open_patient(server.url());
  call_alone(*client, 200);
  server.freeze();
  std::thread first([&] { EXPECT_FALSE(client->run(get("k"), {within(90ms)})); });
  std::this_thread::sleep_for(20ms);
  const auto took = time_of([&] { EXPECT_FALSE(client->run(get("k"), {within(30ms)})); });
  EXPECT_LE(took, 80ms);
  first.join();
  server.thaw();
}

TEST(DirectCall, EndsWhenTheClientIsClosed) {
  auto server = testing::RedisServer::start();
  auto options = parse_url(server.url()).value();
  options.stall_limit = 5'000ms;
  auto client = open_at(options);
  call_alone(*client, 200);
  server.freeze();
  std::atomic<Errc> code{Errc::kOk};
  std::thread caller([&] { code = client->run(get("k"), {within(5s)}).error().code(); });
  std::this_thread::sleep_for(50ms);
  EXPECT_LE(time_of([&] { client->close(); }), 200ms);
  caller.join();
  EXPECT_EQ(code, Errc::kClosed);
  server.thaw();
}

TEST(DirectCall, NoticesThatTheServerWasReplaced) {
  auto server = testing::RedisServer::start();
  auto client = open_patient(server.url());
  for (int i = 0; i < 3; ++i) {
    call_alone(*client, 100);
    server.kill9();
    server.restart();
    ASSERT_TRUE(client->wait_until_connected(within(5s)));
    EXPECT_TRUE(client->run(get("k"), {within(2s)}));
  }
}

// The end of an idle, muted link is noticed without a call.
TEST(DirectCall, LeavesNoLinkUnwatchedForLong) {
  auto server = testing::RedisServer::start();
  auto client = open_patient(server.url());
  ASSERT_TRUE(testing::eventually([&] {
    call_alone(*client, 100);
    return client->stats().direct > 0;
  }));
  server.kill9();
  const auto took = time_of([&] {
    while (client->is_connected()) std::this_thread::sleep_for(1ms);
  });
  EXPECT_LE(took, 200ms) << "two lingers of 50 ms, and a machine that is busy";
}

TEST(DirectCall, AndTheUsualOneChangePlacesWithoutLoss) {
  auto server = testing::RedisServer::start();
  auto client = open_patient(server.url());
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(client->run(set(std::to_string(i), std::to_string(i)), {within(2s)}));
  std::atomic<int> active{1};
  std::atomic<bool> stopping{false};
  std::atomic<std::int64_t> wrong{0};
  std::atomic<std::int64_t> ended{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 64; ++t) {
    threads.emplace_back([&, t] {
      const std::string key = std::to_string(t);
      while (!stopping) {
        if (t >= active) {
          std::this_thread::sleep_for(1ms);
          continue;
        }
        const auto result = client->run(get(key), {within(2s)});
        ++ended;
        if (result ? *result != key : result.error().code() != Errc::kConnectionLost) ++wrong;
      }
    });
  }
  std::mt19937 random(1);
  for (int phase = 0; phase < 60; ++phase) {
    const int crowds[] = {1, 1, 2, 64};
    active = crowds[random() % 4];
    std::this_thread::sleep_for(std::chrono::milliseconds(5 + random() % 40));
  }
  stopping = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(client->stats().direct, 10u);
  EXPECT_EQ(client->stats().answered, static_cast<std::uint64_t>(ended) + 64);
}

}  // namespace
}  // namespace envoyou::redis::direct_call_test
