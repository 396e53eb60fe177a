// Goal: every face of the client works against a real Redis over every kind of link.
// Method: a redis-server for each kind of set-up; what is sent is compared with what comes back.
#include <envoyou/redis/client.hpp>

#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis {
namespace {

using namespace std::chrono_literals;
using testing::RedisServer;

std::shared_ptr<Client> open_at(const std::string& url) {
  auto client = Client::open(parse_url(url).value()).value();
  EXPECT_TRUE(client->wait_until_connected(Deadline::after(*system_clock(), 2s)));
  return client;
}

Command<void> set(std::string_view key, std::string_view value) {
  return {Words("SET", key, value), decode_ok, Repeat::kIsSafe};
}

Command<std::optional<std::string>> get(std::string_view key) {
  return {Words("GET", key), decode_optional_string, Repeat::kIsSafe};
}

TEST(Client, AnswersOverPlainTcp) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  ASSERT_TRUE(client->run(set("key", "value")));
  EXPECT_EQ(client->run(get("key")).value(), "value");
  EXPECT_EQ(client->run(get("absent")).value(), std::nullopt);
}

}  // namespace
}  // namespace envoyou::redis
