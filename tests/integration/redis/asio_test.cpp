// Goal: who runs on Boost.Asio calls the client with the tokens that Asio has, and answers come where handlers run.
// Method: a redis-server and an io_context that the test runs; each kind of token once.
#include "redis_commands.hpp"

#include "support/coroutine.hpp"
#include "support/redis_server.hpp"

#include <envoyou/adapters/asio.hpp>
#include <envoyou/redis/async.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace envoyou::redis::asio_test {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::RedisServer;

class AsioTest : public ::testing::Test {
 protected:
  RedisServer server = RedisServer::start();
  asio::io_context context;  // outlives the client, as asio.hpp asks
  std::shared_ptr<Client> client = open_at(server.url());
};

// This Boost does not know the coroutines of every compiler (clang 14).
#if defined(BOOST_ASIO_HAS_CO_AWAIT)
asio::awaitable<std::string> set_and_get(Client& client) {
  const Result<void> stored = co_await async_run(client, set("key", "value"), {within(5s)}, asio::use_awaitable);
  EXPECT_TRUE(stored);
  const auto value = co_await async_run(client, get("key"), asio::use_awaitable);
  co_return value->value_or("null");
}

TEST_F(AsioTest, AnAwaitableGoesOnInItsContext) {
  std::string got;
  std::thread::id where;
  const auto talk = [&]() -> asio::awaitable<void> {
    got = co_await set_and_get(*client);
    where = std::this_thread::get_id();
  };
  asio::co_spawn(context, talk(), asio::detached);
  context.run();
  EXPECT_EQ(got, "value");
  EXPECT_EQ(where, std::this_thread::get_id());
}
#endif

TEST_F(AsioTest, AHandlerRunsOnItsExecutorAndKeepsTheContextAtWork) {
  std::int64_t got = 0;
  const auto here = std::this_thread::get_id();
  async_run(*client, incr("n"), {within(5s)}, asio::bind_executor(context, [&](Result<std::int64_t> counted) {
    EXPECT_EQ(std::this_thread::get_id(), here);
    got = counted.value();
  }));
  EXPECT_EQ(got, 0);
  EXPECT_EQ(context.run(), 1u);
  EXPECT_EQ(got, 1);
}

TEST_F(AsioTest, ARefusalComesThroughTheContextToo) {
  client->close();
  std::optional<Errc> got;
  async_run(*client, incr("n"),
            asio::bind_executor(context, [&](Result<std::int64_t> counted) { got = counted.error().code(); }));
  EXPECT_EQ(got, std::nullopt);
  context.run();
  EXPECT_EQ(got, Errc::kClosed);
}

TEST_F(AsioTest, AFutureGetsTheResult) {
  std::future<Result<std::int64_t>> counted = async_run(*client, incr("n"), asio::use_future);
  EXPECT_EQ(counted.get().value(), 1);
}

TEST_F(AsioTest, ACoroutineOfAnotherKindGoesOnInTheContext) {
  AsioExecutor executor(context.get_executor());
  std::thread::id where;
  const auto count = [&]() -> testing::Coroutine {
    (void)co_await client->async(incr("n"), {within(5s)}).on(executor);
    where = std::this_thread::get_id();
  };
  const auto work = asio::make_work_guard(context);
  const testing::Coroutine coroutine = count();
  while (!coroutine.done()) context.run_one();
  EXPECT_EQ(where, std::this_thread::get_id());
}

}  // namespace
}  // namespace envoyou::redis::asio_test
