// Goal: a caller may have a connection to himself: for what blocks, for WATCH, for SELECT; and what he leaves behind
// never reaches the next.
// Method: a real redis-server, which tells by CLIENT LIST what there is; a fake one that falls silent.
#include "redis_commands.hpp"

#include "support/coroutine.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <envoyou/redis/connection.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::connection_test {
namespace {

using namespace std::chrono_literals;
using testing::Coroutine;
using testing::eventually;
using ::testing::HasSubstr;
using testing::RedisServer;

using Popped = std::optional<std::vector<std::string>>;

Result<Popped> decode_popped(const ReplyView& reply, std::uint64_t tag) {
  if (reply.is_null()) return Popped();
  return decode_strings(reply, tag).transform([](std::vector<std::string> words) { return Popped(std::move(words)); });
}

Command<Popped> blpop(std::string_view key, Milliseconds timeout) {
  Command<Popped> command(Words("BLPOP", key, std::to_string(static_cast<double>(timeout.count()) / 1000)),
                          decode_popped);
  command.waits = timeout;
  return command;
}
Command<std::int64_t> rpush(std::string_view key, std::string_view value) {
  return {Words("RPUSH", key, value), decode_integer};
}

class ConnectionTest : public ::testing::Test {
 protected:
  static ClientOptions options(const RedisServer& server, std::size_t most) {
    ClientOptions made = parse_url(server.url()).value();
    made.max_dedicated = most;
    return made;
  }
  // As the server counts them, without the client's shared one and the one that asks.
  int connections() const {
    const std::string list = server.cli({"CLIENT", "LIST", "TYPE", "normal"});
    int named = 0;
    for (std::size_t at = list.find(" name=envoyou"); at != std::string::npos;
         at = list.find(" name=envoyou", at + 1)) {
      ++named;
    }
    return named - 1;
  }
  Connection take() { return Connection::take(*client, {.deadline = within(5s)}).value(); }

  RedisServer server = RedisServer::start();
  std::shared_ptr<Client> client = open_at(options(server, 2));
};

TEST_F(ConnectionTest, BlocksLongerThanASharedLinkMayBeSilent) {
  Connection connection = take();
  const auto time =
      time_of([&] { EXPECT_EQ(connection.run(blpop("empty", 400ms), {within(5s)}).value(), std::nullopt); });
  EXPECT_GE(time, 390ms);
  EXPECT_TRUE(connection.is_usable());
  EXPECT_TRUE(connection.run(set("k", "v")));
}

TEST_F(ConnectionTest, BlocksUntilSomethingIsPushed) {
  Connection connection = take();
  std::thread pusher([&] {
    ASSERT_TRUE(eventually([&] { return server.cli({"CLIENT", "LIST"}).find("cmd=blpop") != std::string::npos; }));
    EXPECT_TRUE(client->run(rpush("jobs", "job")));
  });
  const auto popped = connection.run(blpop("jobs", 5s));
  pusher.join();
  EXPECT_THAT(popped.value().value(), ::testing::ElementsAre("jobs", "job"));
}

TEST_F(ConnectionTest, IsRefusedOnTheSharedLink) {
  const auto popped = client->run(blpop("jobs", 1s));
  EXPECT_EQ(popped.error().code(), Errc::kUnsupported);
  EXPECT_THAT(std::string(popped.error().message()), HasSubstr("redis::Connection"));
}

TEST_F(ConnectionTest, ClosesTheLinkWhenABlockingCommandIsGivenUp) {
  {
    Connection connection = take();
    EXPECT_EQ(connection.run(blpop("jobs", 60s), {within(100ms)}).error().code(), Errc::kTimeout);
    EXPECT_TRUE(eventually([&] { return !connection.is_usable(); }));
    EXPECT_EQ(connection.run(set("k", "v")).error().code(), Errc::kUnavailable);
  }
  // The server hands nothing to nobody.
  ASSERT_TRUE(eventually([&] { return connections() == 0; }));
  EXPECT_TRUE(client->run(rpush("jobs", "job")));
  EXPECT_EQ(take().run(blpop("jobs", 1s)).value().value()[1], "job");
}

TEST_F(ConnectionTest, NeedsADeadlineForWhatBlocksForEver) {
  Connection connection = take();
  EXPECT_EQ(connection.run(blpop("jobs", 0ms)).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(connection.run(blpop("jobs", 0ms), {within(50ms)}).error().code(), Errc::kTimeout);
}

TEST_F(ConnectionTest, NoticesAServerThatDiesWhileItBlocks) {
  Connection connection = take();
  std::thread killer([&] {
    ASSERT_TRUE(eventually([&] { return server.cli({"CLIENT", "LIST"}).find("cmd=blpop") != std::string::npos; }));
    server.kill9();
  });
  const auto time =
      time_of([&] { EXPECT_EQ(connection.run(blpop("jobs", 30s)).error().code(), Errc::kConnectionLost); });
  killer.join();
  EXPECT_LT(time, 10s);
}

TEST_F(ConnectionTest, GivesUpAServerThatIsSilentBeyondTheTimeout) {
  Connection connection = take();
  server.freeze();
  const auto time = time_of([&] { EXPECT_EQ(connection.run(blpop("jobs", 200ms)).error().code(), Errc::kTimeout); });
  EXPECT_GE(time, 290ms);  // its own, and command_timeout
  EXPECT_LT(time, 2s);
  EXPECT_TRUE(eventually([&] { return !connection.is_usable(); }));
  server.thaw();
}

TEST_F(ConnectionTest, IsKeptForTheNextWhenItIsClean) {
  { EXPECT_TRUE(take().run(set("k", "v"))); }
  const std::int64_t before = server.calls_of("hello");
  { EXPECT_TRUE(take().run(set("k", "v"))); }
  { EXPECT_TRUE(take().run(set("k", "v"))); }
  EXPECT_EQ(server.calls_of("hello"), before);
  EXPECT_EQ(connections(), 1);
}

TEST_F(ConnectionTest, IsClosedWhenItsStateWasChanged) {
  {
    Connection connection = take();
    ASSERT_TRUE(connection.run(Command<void>(Words("SELECT", 3), decode_ok)));
    ASSERT_TRUE(connection.run(set("only in 3", "v")));
  }
  {
    Connection connection = take();
    ASSERT_TRUE(connection.watch({"k"}));
  }
  EXPECT_EQ(take().run(get("only in 3")).value(), std::nullopt);
  EXPECT_EQ(server.calls_of("hello"), 4);  // the shared one, and three
  ASSERT_TRUE(eventually([&] { return connections() == 1; }));
}

TEST_F(ConnectionTest, IsClosedWhenACommandIsStillUnderWay) {
  std::atomic<int> ended{0};
  {
    Connection connection = take();
    connection.run(blpop("jobs", 30s), {}, [&](Result<Popped> result) {
      EXPECT_EQ(result.error().code(), Errc::kClosed);
      ++ended;
    });
    ASSERT_TRUE(eventually([&] { return server.cli({"CLIENT", "LIST"}).find("cmd=blpop") != std::string::npos; }));
  }
  ASSERT_TRUE(eventually([&] { return ended == 1 && connections() == 0; }));
}

TEST_F(ConnectionTest, AreBoundedAndWaitedFor) {
  std::optional<Connection> first = take();
  const Connection second = take();
  const auto full = Connection::take(*client, {.deadline = within(50ms)});
  EXPECT_EQ(full.error().code(), Errc::kQueueFull);
  EXPECT_THAT(std::string(full.error().message()), HasSubstr("max_dedicated"));
  std::thread giver([&] {
    std::this_thread::sleep_for(50ms);
    first.reset();
  });
  EXPECT_TRUE(Connection::take(*client, {.deadline = within(5s)}));
  giver.join();
}

TEST_F(ConnectionTest, RefusesWhatWouldMakeItUnreadable) {
  Connection connection = take();
  const auto code = [&](Words words) {
    return connection.run(Command<Reply>(std::move(words), decode_any)).error().code();
  };
  EXPECT_EQ(code(Words("SUBSCRIBE", "c")), Errc::kUnsupported);
  EXPECT_EQ(code(Words("MULTI")), Errc::kUnsupported);
  EXPECT_EQ(code(Words("CLIENT", "REPLY", "OFF")), Errc::kUnsupported);
  EXPECT_EQ(code(Words("QUIT")), Errc::kUnsupported);
  EXPECT_EQ(code(Words()), Errc::kInvalidArgument);
  EXPECT_TRUE(connection.run(set("k", "v")));
}

TEST_F(ConnectionTest, ExecutesIfNoWatchedKeyHasChanged) {
  Connection connection = take();
  ASSERT_TRUE(connection.watch({"stock"}));
  Transaction transaction;
  auto counted = transaction.add(incr("stock"));
  EXPECT_EQ(connection.run(transaction).value(), Executed::kAll);
  EXPECT_EQ(Transaction::take(counted).value(), 1);
}

TEST_F(ConnectionTest, ExecutesNothingIfAWatchedKeyHasChanged) {
  {
    Connection connection = take();
    ASSERT_TRUE(connection.watch({"stock"}));
    ASSERT_TRUE(client->run(set("stock", "7")));
    Transaction transaction;
    auto counted = transaction.add(incr("stock"));
    EXPECT_EQ(connection.run(transaction).value(), Executed::kNone);
    EXPECT_EQ(Transaction::take(counted).error().code(), Errc::kConflict);
  }
  EXPECT_EQ(client->run(get("stock")).value(), "7");
  EXPECT_EQ(connections(), 1);  // the watch has ended: it was kept
}

TEST_F(ConnectionTest, OptimisticallyTriesAgainUntilNobodyCameBetween) {
  ASSERT_TRUE(client->run(set("stock", "0")));
  std::atomic<int> attempts{0};
  const auto add_one = [&](Connection& on) -> Result<Transaction> {
    ++attempts;
    const auto left = on.run(get("stock"), {within(5s)});
    Transaction transaction;
    (void)transaction.add(set("stock", std::to_string(std::stoi(left->value()) + 1)));
    return transaction;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int done = 0; done < 25; ++done) {
        EXPECT_EQ(optimistic(*client, {"stock"}, 1000, {within(10s)}, add_one).value(), Executed::kAll);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(client->run(get("stock")).value(), "100");
  EXPECT_GE(attempts.load(), 100);
}

TEST_F(ConnectionTest, OptimisticallyGivesUpAfterSoManyAttempts) {
  int attempts = 0;
  const auto always_late = [&](Connection&) -> Result<Transaction> {
    ++attempts;
    EXPECT_TRUE(client->run(incr("stock")));
    Transaction transaction;
    (void)transaction.add(set("stock", "0"));
    return transaction;
  };
  EXPECT_EQ(optimistic(*client, {"stock"}, 3, {within(5s)}, always_late).value(), Executed::kNone);
  EXPECT_EQ(attempts, 3);
  EXPECT_EQ(optimistic(*client, {"stock"}, 0, {}, always_late).error().code(), Errc::kInvalidArgument);
}

Coroutine take_and_pop(Client& client, std::string& got) {
  auto connection = co_await Connection::async_take(client, {.deadline = within(5s)});
  if (!connection) {
    got = to_string(connection.error().code());
    co_return;
  }
  const auto popped = co_await connection->async(blpop("jobs", 5s));
  got = popped.value().value()[1];
}

TEST_F(ConnectionTest, ServesACoroutine) {
  std::string got;
  const Coroutine coroutine = take_and_pop(*client, got);
  ASSERT_TRUE(client->run(rpush("jobs", "job")));
  ASSERT_TRUE(eventually([&] { return coroutine.done(); }));
  EXPECT_EQ(got, "job");
}

TEST_F(ConnectionTest, ACoroutineIsToldAtOnceThatAllAreTaken) {
  const Connection first = take();
  const Connection second = take();
  std::string got;
  const Coroutine coroutine = take_and_pop(*client, got);
  EXPECT_TRUE(coroutine.done());
  EXPECT_EQ(got, "queue_full");
}

TEST_F(ConnectionTest, MayOutliveItsClient) {
  Connection connection = take();
  client.reset();
  EXPECT_FALSE(connection.is_usable());
  EXPECT_FALSE(connection.run(set("k", "v")));
  ASSERT_TRUE(eventually([&] { return server.cli({"CLIENT", "LIST"}).find("name=envoyou") == std::string::npos; }));
}

TEST_F(ConnectionTest, TellsWhyThereIsNone) {
  server.kill9();
  const auto none = Connection::take(*client, {.deadline = within(500ms)});
  EXPECT_EQ(none.error().code(), Errc::kUnavailable);
}

TEST_F(ConnectionTest, AnswersForkedInAChild) {
  Connection connection = take();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool right = connection.run(set("k", "v")).error().code() == Errc::kForked && !connection.is_usable() &&
                       Connection::take(*client).error().code() == Errc::kForked;
    _exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(connection.run(set("k", "v")));
}

}  // namespace
}  // namespace envoyou::redis::connection_test
