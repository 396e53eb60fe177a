// Goal: what happens to the process itself (no descriptors, no threads, forks, signals, a long outage) costs a call at
// most its deadline, and leaves nothing behind.
// Method: real limits, real forks, a real Redis that goes and comes. The outage lasts ENVOYOU_OUTAGE_SECONDS, 10 where
// it is not set.
#include "fault_kit.hpp"
#include "redis_commands.hpp"

#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::fault_host_test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::RedisServer;

std::chrono::microseconds cpu_time() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

// No descriptor is to be had while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 3;  // what is open stays open
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

TEST(FaultHost, WithoutDescriptorsTheNodeIsAwayAndNothingSpins) {
  auto server = RedisServer::start();
  Listener listener;
  auto client = open_only(parse_url(server.url()).value(), &listener);
  ASSERT_TRUE(client->wait_until_connected(within(2s)));
  {
    testing::RespConnection admin(server.port());
    ASSERT_TRUE(admin.command({"PING"}));
    const NoDescriptors none;
    (void)admin.command({"CLIENT", "KILL", "TYPE", "normal"});
    ASSERT_TRUE(eventually([&] { return listener.refused > 0; }, 1s));
    const auto before = cpu_time();
    std::this_thread::sleep_for(1s);
    const auto used = std::chrono::duration_cast<std::chrono::milliseconds>(cpu_time() - before);
    figure("EMFILE: CPU in a second", used.count(), "ms");
    EXPECT_LE(used, 50ms);
    const Yardstick yardstick;
    const auto refused = time_of([&] { EXPECT_EQ(client->run(get("k")).error().code(), Errc::kUnavailable); });
    EXPECT_LT(refused, yardstick.allows(10ms));
  }
  EXPECT_TRUE(client->wait_until_connected(within(1s)));
  EXPECT_TRUE(client->run(get("k"), {within(1s)}));
}

TEST(FaultHost, WithoutDescriptorsThereIsNoClient) {
  auto server = RedisServer::start();
  const NoDescriptors none;
  const auto client = Client::open(parse_url(server.url()).value());
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code(), Errc::kInternal);
}

// In a child that is nobody and may have no threads.
TEST(FaultHost, WithoutThreadsThereIsNoClient) {
  auto server = RedisServer::start();
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_NPROC, &none) != 0 || (getuid() == 0 && setuid(65534) != 0)) _exit(9);
    const auto client = Client::open(parse_url(server.url()).value());
    _exit(client ? 1 : client.error().code() == Errc::kInternal ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 9) GTEST_SKIP() << "this machine does not let a test give up its rights";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// 0: as it should be. In a forked child, where only what is safe after fork() with threads may be done.
int child_of_a_client(std::shared_ptr<Client>& client, const ClientOptions& options, int number) {
  alarm(10);  // a deadlock ends the child by a signal, which is seen
  if (client->run(get("0")).error().code() != Errc::kForked) return 1;
  client.reset();
  if (number % 10 != 0) return 0;
  const auto own = Client::open(options);
  if (!own || !(*own)->wait_until_connected(within(5s))) return 2;
  const std::string key = std::to_string(number % 50);
  for (int i = 0; i < 5; ++i) {
    const auto answer = (*own)->run(get(key), {within(5s)});
    if (!answer || *answer != "value " + key) return 3;
  }
  return 0;
}

TEST(FaultHost, AThousandForksCrossNoReplyAndBlockNobody) {
  auto server = RedisServer::start();
  auto options = parse_url(server.url()).value();
  options.stall_limit = Milliseconds(5'000);  // a thousand forks hold a machine up
  auto client = open_at(options);
  fill(*client, kThreads);
  Load load(*client, kThreads, 5s);
  std::array<int, 5> outcomes{};
  for (int i = 0; i < 1'000; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) _exit(child_of_a_client(client, options, i));
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ++outcomes[WIFEXITED(status) ? static_cast<std::size_t>(std::min(WEXITSTATUS(status), 3)) : 4];
  }
  load.stop();
  figure("1000 forks: children as they should be", outcomes[0], "");
  figure("1000 forks: the parent's right answers", load.right, "");
  EXPECT_EQ(outcomes[0], 1'000) << outcomes[1] << ' ' << outcomes[2] << ' ' << outcomes[3] << ' ' << outcomes[4];
  EXPECT_EQ(load.wrong, 0);
  EXPECT_EQ(load.failed, 0);
  EXPECT_EQ(client->stats().connects, 1u);
}

TEST(FaultHost, AKilledServerRaisesNoSigpipe) {
  struct sigaction before {};
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGPIPE, &standard, &before);
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  Load load(*client, kThreads, 100ms);
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(100ms);
    server.kill9();
    std::this_thread::sleep_for(50ms);
    server.restart();
    EXPECT_TRUE(client->wait_until_connected(within(2s)));
  }
  load.stop();
  sigaction(SIGPIPE, &before, nullptr);
}

TEST(FaultHost, ALongOutageLeavesNothingBehind) {
  const char* const wish = std::getenv("ENVOYOU_OUTAGE_SECONDS");
  const auto outage = std::chrono::seconds(wish != nullptr ? std::atoi(wish) : 10);
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  fill(*client, kThreads);
  const auto descriptors = entries_of("/proc/self/fd");
  const auto threads = entries_of("/proc/self/task");
  Load load(*client, kThreads, 100ms);
  std::this_thread::sleep_for(500ms);
  const auto memory = resident_kilobytes();
  server.kill9();
  std::this_thread::sleep_for(outage);
  const auto grown = resident_kilobytes() - memory;
  const auto connects = client->stats().connects;
  server.restart();
  const auto back = time_of([&] { EXPECT_TRUE(client->wait_until_connected(within(2s))); });
  load.stop();
  figure("outage of " + std::to_string(outage.count()) + " s: memory", grown, "KB");
  figure("outage: connects", static_cast<std::int64_t>(connects), "");
  figure("outage: back after", back.count(), "ms");
  figure("outage: longest call", load.longest_ms, "ms");
  EXPECT_LE(grown, 10 * 1024);
  EXPECT_LE(connects, 10u + 3u * static_cast<std::uint64_t>(outage.count()));
  EXPECT_EQ(load.wrong, 0);
  EXPECT_TRUE(eventually([&] { return entries_of("/proc/self/task") == threads; }, 1s));
  EXPECT_TRUE(eventually([&] { return entries_of("/proc/self/fd") == descriptors; }, 1s));
}

// Deadlines on a real machine: 400 calls that nobody answers.
TEST(FaultHost, ACallThatIsNotAnsweredEndsAtItsDeadline) {
  auto server = RedisServer::start();
  auto options = parse_url(server.url()).value();
  options.stall_limit = Milliseconds(60'000);  // the link stays: only deadlines end calls
  auto client = open_at(options);
  server.freeze();
  const Yardstick yardstick;
  std::vector<std::int64_t> late(400);
  std::vector<std::thread> callers;
  for (std::size_t t = 0; t < 8; ++t) {
    callers.emplace_back([&, t] {
      for (std::size_t i = t; i < late.size(); i += 8) {
        const auto patience = 5ms + std::chrono::milliseconds(i % 17);
        const auto begin = Clock_::now();
        EXPECT_FALSE(client->run(get("k"), {Deadline::at(begin + patience)}));
        late[i] = std::chrono::duration_cast<std::chrono::microseconds>(Clock_::now() - begin - patience).count();
      }
    });
  }
  for (auto& caller : callers) caller.join();
  std::sort(late.begin(), late.end());
  figure("deadlines: median beyond", late[late.size() / 2], "us");
  figure("deadlines: p99 beyond", late[late.size() * 99 / 100], "us");
  figure("deadlines: most beyond", late.back(), "us");
  EXPECT_GE(late.front(), 0);
  const auto held_up = 2 * std::chrono::microseconds(yardstick.worst()).count();
  EXPECT_LE(late[late.size() * 99 / 100], 10'000 + held_up);
  EXPECT_LE(late.back(), 50'000 + held_up);
}

}  // namespace
}  // namespace envoyou::redis::fault_host_test
