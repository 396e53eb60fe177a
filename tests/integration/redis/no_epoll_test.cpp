// Goal: the client does over poll(2) all that it does over epoll(7).
// Method: the process' epoll_create1 is the test's own and fails as on a system that has no epoll, so the client takes
// poll; with ENVOYOU_TEST_WITHOUT_EPOLL set it does so for the whole program, and ctest runs the suites of clients,
// faults and churn once more like that.
#include "redis_commands.hpp"

#include "support/redis_server.hpp"

#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace {

std::atomic<bool>& without_epoll() {
  static std::atomic<bool> on{std::getenv("ENVOYOU_TEST_WITHOUT_EPOLL") != nullptr};
  return on;
}

std::atomic<int> refused{0};

}  // namespace

extern "C" int epoll_create1(int flags) noexcept {
  if (!without_epoll()) return static_cast<int>(::syscall(SYS_epoll_create1, flags));
  ++refused;
  errno = ENOSYS;
  return -1;
}

namespace envoyou::redis::no_epoll_test {
namespace {

TEST(NoEpoll, IsNoReasonToFail) {
  auto server = testing::RedisServer::start();
  const bool before = without_epoll().exchange(true);
  const int refused_before = refused;
  auto client = open_at(server.url());
  without_epoll() = before;
  EXPECT_EQ(refused, refused_before + 1);
  EXPECT_TRUE(client->run(incr("n"), {within(std::chrono::seconds(1))}));
}

}  // namespace
}  // namespace envoyou::redis::no_epoll_test
