// Goal: the client does over poll(2) all that it does over epoll(7).
// Method: in this program make_epoll_loop answers as on a system that has no epoll, so the client takes poll, and the
// suites of its clients, faults and churn run again. (The linker takes this function before the library's.)
#include "redis_commands.hpp"

#include "support/redis_server.hpp"
#include "wire/loop.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace envoyou::wire {

namespace {

std::atomic<int> asked{0};

}  // namespace

Result<std::unique_ptr<Loop>> make_epoll_loop(std::shared_ptr<Clock>) {
  ++asked;
  return Error(Errc::kUnsupported, "no epoll in this program");
}

}  // namespace envoyou::wire

namespace envoyou::redis {
namespace {

TEST(NoEpoll, IsNoReasonToFail) {
  auto server = testing::RedisServer::start();
  const int before = wire::asked;
  auto client = open_at(server.url());
  EXPECT_EQ(wire::asked, before + 1);
  EXPECT_TRUE(client->run(incr("n"), {within(std::chrono::seconds(1))}));
}

}  // namespace
}  // namespace envoyou::redis
