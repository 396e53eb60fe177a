// Goal: however many processes and threads ask for one key at once, exactly the limit is admitted; and the vectors are
// answered as
//       they are written, by the driver that outsiders use.
// Method: real processes: 10,000 requests on one key at 30 per 60 s from 4 processes of 4 threads each, through Redis;
// as many
//         from 16 threads of one process without it.
#include "support/process.hpp"
#include "support/redis_cluster.hpp"
#include "support/redis_server.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

namespace envoyou::testing::processes_test {
namespace {

using namespace std::chrono_literals;

Process worker(const std::string& url, int threads, int requests) {
  return Process::spawn(
      {.argv = {LIMITER_WORKER, url, "one key", std::to_string(threads), std::to_string(requests), "30", "60000"},
       .pipe_output = true});
}

struct Admitted {
  int by_redis = 0;
  int by_stand_in = 0;
};

Admitted read(Process& process) {
  Admitted made;
  const std::string output = process.read_output(60s);
  EXPECT_EQ(process.wait(10s), 0) << output;
  EXPECT_EQ(std::sscanf(output.c_str(), "admitted %d %d", &made.by_redis, &made.by_stand_in), 2) << output;
  return made;
}

TEST(LimiterProcesses, FourProcessesOfFourThreadsAreAdmittedExactlyThirtyTimes) {
  auto server = RedisServer::start();
  std::vector<Process> running;
  for (int i = 0; i < 4; ++i) running.push_back(worker(server.url(), 4, 625));
  Admitted sum;
  for (auto& each : running) {
    const Admitted one = read(each);
    sum.by_redis += one.by_redis;
    sum.by_stand_in += one.by_stand_in;
  }
  EXPECT_EQ(sum.by_redis, 30);
  EXPECT_EQ(sum.by_stand_in, 0);
}

TEST(LimiterProcesses, SixteenThreadsInProcessAreAdmittedExactlyThirtyTimes) {
  auto process = worker("", 16, 625);
  const Admitted sum = read(process);
  EXPECT_EQ(sum.by_stand_in, 30);
  EXPECT_EQ(sum.by_redis, 0);
}

std::pair<int, std::string> replay(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), LIMITER_VECTORS);
  auto process = Process::spawn({.argv = std::move(arguments), .pipe_output = true});
  std::string output = process.read_output(60s);
  return {process.wait(10s).value_or(-1), std::move(output)};
}

TEST(LimiterVectors, AreAnsweredAsWrittenOnAllBackends) {
  auto server = RedisServer::start();
  auto cluster = RedisCluster::start(3);
  const std::pair<int, std::string> right{0, "320 steps, 0 mismatches\n"};
  EXPECT_EQ(replay({VECTORS_FILE, "--backend", "memory"}), right);
  EXPECT_EQ(replay({VECTORS_FILE, "--backend", "redis", "--redis-url", server.url()}), right);
  EXPECT_EQ(replay({VECTORS_FILE, "--backend", "redis", "--redis-url", cluster.url()}), right);
}

TEST(LimiterVectors, TheCompactLogAnswersWhatTheLogDoes) {
  auto server = RedisServer::start();
  EXPECT_EQ(replay({VECTORS_FILE, "--backend", "redis", "--redis-url", server.url(), "--algorithm", "compact_log"}),
            (std::pair<int, std::string>{0, "140 steps, 0 mismatches\n"}));
}

TEST(LimiterVectors, OfOneAlgorithmOnlyItsSetsAreReplayed) {
  EXPECT_EQ(replay({VECTORS_FILE, "--backend", "memory", "--algorithm", "gcra"}),
            (std::pair<int, std::string>{0, "65 steps, 0 mismatches\n"}));
}

TEST(LimiterVectors, BadUsageIsAnErrorOfItsOwn) {
  EXPECT_EQ(replay({}).first, 2);
  EXPECT_EQ(replay({VECTORS_FILE}).first, 2);
  EXPECT_EQ(replay({VECTORS_FILE, "--backend", "sqlite"}).first, 2);
  EXPECT_EQ(replay({VECTORS_FILE, "--backend", "memory", "--algorithm", "leaky"}).first, 2);
  EXPECT_EQ(replay({VECTORS_FILE, "--backend", "memory", "--fast"}).first, 2);
  EXPECT_EQ(replay({VECTORS_FILE, "--backend"}).first, 2);
  EXPECT_EQ(replay({VECTORS_FILE + std::string(".absent"), "--backend", "memory"}).first, 2);
  EXPECT_EQ(replay({VECTORS_FILE, "--backend", "redis", "--redis-url", "http://x"}).first, 2);
}

}  // namespace
}  // namespace envoyou::testing::processes_test
