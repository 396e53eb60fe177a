// Goal: each small example does over a Redis what it does in process. Method: runs the programs with the URL of a
// server that this test starts, and looks at how they end and at what they left there.
#include "support/process.hpp"
#include "support/redis_server.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace envoyou::testing::examples_over_redis_test {
namespace {

struct ExamplesOverRedis : ::testing::Test {
  std::string run(std::vector<std::string> argv) {
    Process program = Process::spawn({.argv = std::move(argv),
                                      .env = {"REDIS_URL=" + redis.url(), "ENVOYOU_SECRET=a-secret-of-this-test-alone"},
                                      .unset = {"SESSION_DATABASE"},
                                      .pipe_output = true});
    const std::string output = program.read_output(std::chrono::seconds(20));
    EXPECT_EQ(program.wait(std::chrono::seconds(20)), 0) << output;
    return output;
  }
  std::string run_example(const char* name) { return run({std::string(ENVOYOU_EXAMPLES) + "/example_" + name}); }
  bool asked_redis_for(std::string_view command) const { return redis.calls_of(command) > 0; }

  RedisServer redis = RedisServer::start();
};

TEST_F(ExamplesOverRedis, Limiter) {
  EXPECT_NE(run_example("limiter").find("request 3: allowed, redis"), std::string::npos);
  EXPECT_TRUE(asked_redis_for("evalsha") || asked_redis_for("eval"));
}

TEST_F(ExamplesOverRedis, Session) { EXPECT_NE(run_example("session").find("for ada, redis"), std::string::npos); }

TEST_F(ExamplesOverRedis, Cache) { EXPECT_NE(run_example("cache").find("hello, redis"), std::string::npos); }

TEST_F(ExamplesOverRedis, RedisPubsub) {
  const std::string output = run_example("redis_pubsub");
  EXPECT_NE(output.find("example:news: hello"), std::string::npos) << output;
  EXPECT_NE(output.find("good bye, kept by tracking"), std::string::npos) << output;
}

TEST_F(ExamplesOverRedis, C) { EXPECT_NE(run_example("c").find("\"session_storage\":\"redis\""), std::string::npos); }

TEST_F(ExamplesOverRedis, Redis) {
  const std::string output = run_example("redis");
  EXPECT_NE(output.find("got a job"), std::string::npos) << output;
  EXPECT_NE(output.find("example:{bank}:ann has 70"), std::string::npos) << output;
  EXPECT_NE(output.find("example:{bank}:bob has 30"), std::string::npos) << output;
}

TEST_F(ExamplesOverRedis, Python) {
  if (std::string_view(ENVOYOU_PYTHON).empty()) GTEST_SKIP() << "there is no python3";
  const auto output = run({ENVOYOU_PYTHON, ENVOYOU_PYTHON_EXAMPLE, ENVOYOU_C_LIBRARY});
  EXPECT_NE(output.find("'session_storage': 'redis'"), std::string::npos) << output;
}

}  // namespace
}  // namespace envoyou::testing::examples_over_redis_test
