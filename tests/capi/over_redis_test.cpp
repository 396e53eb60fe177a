// Goal: the C interface does over a Redis what it does in process. Method: the C99 program that uses every function,
// run with the URL of a server that this test starts.
#include "support/process.hpp"
#include "support/redis_server.hpp"

#include <gtest/gtest.h>

namespace envoyou::testing::over_redis_test {
namespace {

TEST(CInterface, EveryFunctionDoesWhatItSaysOverRedis) {
  const RedisServer redis = RedisServer::start();
  Process program = Process::spawn({.argv = {ENVOYOU_EVERY_FUNCTION_TEST},
                                    .env = {"REDIS_URL=" + redis.url(), "ENVOYOU_SECRET=a-secret-of-this-test-alone"},
                                    .pipe_output = true});
  const std::string output = program.read_output(std::chrono::seconds(30));
  EXPECT_EQ(program.wait(std::chrono::seconds(30)), 0) << output;
}

}  // namespace
}  // namespace envoyou::testing::over_redis_test
