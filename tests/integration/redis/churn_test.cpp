// Goal: no race and no lost answer with many threads while links come and go.
// Method: 64 threads with every face of the client, a proxy that cuts all links again and again; run under TSan in CI.
#include "redis_commands.hpp"

#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::churn_test {
namespace {

using namespace std::chrono_literals;

struct Counts {
  std::atomic<std::int64_t> submitted{0};
  std::atomic<std::int64_t> ended{0};
  std::atomic<std::int64_t> wrong{0};
};

void block(Client& client, const std::string& key, Counts& counts) {
  ++counts.submitted;
  const auto result = client.run(get(key), {within(50ms)});
  ++counts.ended;
  if (result && *result != key) ++counts.wrong;
}

void call_back(Client& client, const std::string& key, Counts& counts) {
  ++counts.submitted;
  client.run(get(key), {within(50ms)}, [&counts, key](Result<std::optional<std::string>> result) {
    ++counts.ended;
    if (result && *result != key) ++counts.wrong;
  });
}

void pipeline(Client& client, const std::string& key, Counts& counts) {
  Pipeline pipeline;
  std::vector<Pipeline::Slot<std::optional<std::string>>> slots;
  for (int i = 0; i < 5; ++i) slots.push_back(pipeline.add(get(key)));
  counts.submitted += 5;
  EXPECT_TRUE(client.run(pipeline, {within(50ms)}));
  for (auto& slot : slots) {
    ++counts.ended;
    if (Pipeline::take(slot) && *Pipeline::take(slot) != key) ++counts.wrong;
  }
}

TEST(Churn, SixtyFourThreadsLoseNothing) {
  auto server = testing::RedisServer::start();
  testing::FaultProxy proxy(server.port());
  auto options = parse_url(proxy.url()).value();
  options.connections = 2;
  auto client = open_at(options);
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(client->run(set(std::to_string(i), std::to_string(i)), {within(2s)}));

  Counts counts;
  std::atomic<bool> stopping{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 64; ++t) {
    threads.emplace_back([&, t] {
      const std::string key = std::to_string(t);
      for (int i = t; !stopping; ++i) {
        if (i % 3 == 0) block(*client, key, counts);
        if (i % 3 == 1) call_back(*client, key, counts);
        if (i % 3 == 2) pipeline(*client, key, counts);
        if (i % 7 == 0) (void)client->stats();
        if (!client->is_connected()) std::this_thread::sleep_for(1ms);
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(100ms);
    proxy.cut_all(testing::CloseHow::kReset);
  }
  stopping = true;
  for (auto& thread : threads) thread.join();
  client->close();
  EXPECT_EQ(counts.ended, counts.submitted);
  EXPECT_EQ(counts.wrong, 0);
  EXPECT_GT(client->stats().answered, 1000u);
}

TEST(Churn, OpeningAndClosingUnderLoadEndsEveryCallOnce) {
  auto server = testing::RedisServer::start();
  Counts counts;
  for (int round = 0; round < 20; ++round) {
    auto client = open_only(parse_url(server.url()).value());
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) call_back(*client, "absent", counts);
        for (int i = 0; i < 5; ++i) block(*client, "absent", counts);
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(round));
    client->close();
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(counts.ended, counts.submitted);
}

}  // namespace
}  // namespace envoyou::redis::churn_test
