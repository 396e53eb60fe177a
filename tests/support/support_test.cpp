// Goal: what tests rely on to hurt a client does exactly what it says: the scripted Redis, the proxy, child processes,
// the HTTP client. Method: a plain RESP connection as the victim, byte by byte; no part of the library is involved.
#include <envoyou/testing/fake_redis.hpp>
#include "support/fault_proxy.hpp"
#include "support/http_client.hpp"
#include "support/process.hpp"
#include "support/wait_for.hpp"
#include "testing/resp.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

namespace envoyou::testing::support_test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::string reply_to(RespConnection& connection, const Words& words) {
  const auto value = connection.command(words);
  return value ? value->to_text() : "(no answer)";
}

TEST(RespTest, FindsTheEndOfEveryKindOfValue) {
  EXPECT_EQ(frame_size("+OK\r\n:1\r\n"), 5U);
  EXPECT_EQ(frame_size("$5\r\nhel"), std::nullopt);
  EXPECT_EQ(frame_size("$5\r\nhello\r\n"), 11U);
  EXPECT_EQ(frame_size("$-1\r\n"), 5U);
  EXPECT_EQ(frame_size("*2\r\n:1\r\n*1\r\n$0\r\n\r\n"), 18U);
  EXPECT_EQ(frame_size("%1\r\n+a\r\n_\r\n"), 11U);
  EXPECT_EQ(frame_size("|1\r\n+a\r\n:1\r\n+b\r\n"), 16U);
  EXPECT_EQ(frame_size("*2\r\n:1\r\n"), std::nullopt);
  EXPECT_THROW(frame_size("?x\r\n"), std::runtime_error);
  EXPECT_EQ(decode("*2\r\n$1\r\na\r\n_\r\n").to_text(), "a\n(nil)");
}

TEST(ProcessTest, GivesOutputAndExitCode) {
  Process shell =
      Process::spawn({.argv = {"sh", "-c", "echo $GREETING; exit 3"}, .env = {"GREETING=hello"}, .pipe_output = true});
  EXPECT_EQ(shell.read_output(5s), "hello\n");
  EXPECT_EQ(shell.wait(5s), 3);
  EXPECT_THROW(Process::spawn({.argv = {"no-such-program-here"}}), std::runtime_error);
}

TEST(ProcessTest, IsKilledWithItsObjectAlsoWhenStopped) {
  pid_t pid = 0;
  {
    Process sleeper = Process::spawn({.argv = {"sleep", "1000"}});
    pid = sleeper.pid();
    EXPECT_EQ(sleeper.wait(20ms), std::nullopt);
    sleeper.signal(SIGSTOP);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(ProcessTest, DiesWithTheThreadThatSpawnedIt) {
  Process sleeper;
  std::thread([&] { sleeper = Process::spawn({.argv = {"sleep", "1000"}}); }).join();
  EXPECT_EQ(sleeper.wait(5s), 128 + SIGKILL);
}

TEST(SocketsTest, AnUnansweredPortKeepsConnectsWaiting) {
  const UnansweredPort port;
  const auto start = Clock::now();
  EXPECT_FALSE(connect_to(port.port(), 150ms));
  EXPECT_GE(Clock::now() - start, 150ms);
}

TEST(FakeRedisTest, AnswersLikeASmallRedis) {
  FakeRedis redis;
  RespConnection client(redis.port());
  EXPECT_EQ(reply_to(client, {"PING"}), "PONG");
  EXPECT_EQ(reply_to(client, {"set", "k", std::string("\0\r\n", 3)}), "OK");
  EXPECT_EQ(reply_to(client, {"GET", "k"}), std::string("\0\r\n", 3));
  EXPECT_EQ(client.command({"GET", "none"})->type, '$');
  EXPECT_EQ(client.command({"HELLO", "3"})->type, '%');
  EXPECT_EQ(client.command({"GET", "none"})->type, '_');
  EXPECT_EQ(reply_to(client, {"DEL", "k", "none"}), "1");
  EXPECT_EQ(reply_to(client, {"SCRIPT", "LOAD", "return 1"}), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
  EXPECT_TRUE(reply_to(client, {"EVALSHA", "x", "0"}).starts_with("NOSCRIPT"));
  EXPECT_TRUE(reply_to(client, {"XADD"}).starts_with("ERR unknown command"));
  EXPECT_EQ(redis.count_of("GET"), 3U);
  EXPECT_EQ(redis.commands().front().words, Words{"PING"});
}

TEST(FakeRedisTest, CanBeOldAndCanWantAPassword) {
  FakeRedis old({.no_hello = true});
  RespConnection client(old.port());
  EXPECT_TRUE(reply_to(client, {"HELLO", "3"}).starts_with("ERR unknown command"));

  FakeRedis locked({.username = "app", .password = "secret"});
  RespConnection stranger(locked.port());
  EXPECT_TRUE(reply_to(stranger, {"GET", "k"}).starts_with("NOAUTH"));
  EXPECT_TRUE(reply_to(stranger, {"HELLO", "3", "AUTH", "app", "wrong"}).starts_with("WRONGPASS"));
  EXPECT_EQ(stranger.command({"HELLO", "3", "AUTH", "app", "secret", "SETNAME", "n"})->type, '%');
  EXPECT_EQ(reply_to(stranger, {"GET", "k"}), "(nil)");
}

TEST(FakeRedisTest, FaultsFitByCommandAndCount) {
  FakeRedis redis;
  redis.add(Fault::error("LOADING Redis is loading the dataset in memory").on("GET").times(2));
  RespConnection client(redis.port());
  EXPECT_EQ(reply_to(client, {"PING"}), "PONG");
  EXPECT_TRUE(reply_to(client, {"GET", "k"}).starts_with("LOADING"));
  EXPECT_TRUE(reply_to(client, {"GET", "k"}).starts_with("LOADING"));
  EXPECT_EQ(reply_to(client, {"GET", "k"}), "(nil)");
}

TEST(FakeRedisTest, RepliesComeLateSplitAndInOrder) {
  FakeRedis redis;
  redis.set("k", "a longer value");
  redis.add(Fault::delay(120ms).on("GET").times(1));
  redis.add(Fault::split(3, 5ms).on("GET").times(1));
  RespConnection client(redis.port());
  auto start = Clock::now();
  EXPECT_EQ(reply_to(client, {"GET", "k"}), "a longer value");
  EXPECT_GE(Clock::now() - start, 120ms);
  start = Clock::now();
  EXPECT_EQ(reply_to(client, {"GET", "k"}), "a longer value");
  EXPECT_GE(Clock::now() - start, 30ms);  // 21 bytes in pieces of 3: six gaps
}

TEST(FakeRedisTest, HeldRepliesComeWhenReleasedAndNotAtAllWhenDropped) {
  FakeRedis redis;
  redis.add(Fault::hold());
  RespConnection client(redis.port(), 150ms);
  EXPECT_EQ(reply_to(client, {"ECHO", "one"}), "(no answer)");
  redis.drop_held();
  EXPECT_EQ(reply_to(client, {"ECHO", "two"}), "(no answer)");
  redis.clear_faults();
  EXPECT_EQ(reply_to(client, {"ECHO", "three"}), "(no answer)") << "it must queue behind the held one";
  redis.release_held();
  EXPECT_EQ(client.read_value()->text, "two");
  EXPECT_EQ(client.read_value()->text, "three");
}

TEST(FakeRedisTest, CutsInsideAReplyByFinAndByReset) {
  for (const CloseHow how : {CloseHow::kFin, CloseHow::kReset}) {
    FakeRedis redis;
    redis.add(Fault::cut(2, how).times(1));
    RespConnection client(redis.port());
    client.send_raw(encode_command({"PING"}));
    EXPECT_EQ(client.read_raw(2s), "+P");
    RespConnection again(redis.port());
    EXPECT_EQ(reply_to(again, {"PING"}), "PONG");
    EXPECT_EQ(redis.connections_accepted(), 2U);
    EXPECT_EQ(redis.connections_open(), 1U);
  }
}

TEST(FakeRedisTest, SendsWhatNobodyAskedFor) {
  FakeRedis redis;
  redis.add(Fault::duplicate(2).on("ECHO").times(1));
  redis.add(Fault::extra(bulk("wrong")).on("PING").times(1));
  RespConnection client(redis.port());
  EXPECT_EQ(reply_to(client, {"ECHO", "x"}), "x");
  EXPECT_EQ(client.read_value()->text, "x");
  EXPECT_EQ(client.read_value()->text, "x");
  EXPECT_EQ(reply_to(client, {"PING"}), "PONG");
  EXPECT_EQ(client.read_value()->text, "wrong");
  EXPECT_EQ(redis.push(integer(7)), 1U);
  EXPECT_EQ(client.read_value()->text, "7");
}

TEST(FakeRedisTest, SendsHostileBytesAsTheyAre) {
  FakeRedis redis;
  for (const std::string& bytes :
       {std::string(hostile::kArrayBomb), std::string(hostile::kMapBomb), std::string(hostile::kBulkBomb),
        std::string(hostile::kGarbage), hostile::deep_nesting(), hostile::endless_line(1 << 20)}) {
    redis.clear_faults();
    redis.add(Fault::raw(bytes).times(1));
    RespConnection client(redis.port());
    client.send_raw(encode_command({"PING"}));
    EXPECT_TRUE(eventually([&, got = std::string()]() mutable { return (got += client.read_raw(20ms)) == bytes; }));
  }
}

TEST(FakeRedisTest, RefusesAndListensAgainOnItsPort) {
  FakeRedis redis;
  RespConnection before(redis.port());
  EXPECT_EQ(reply_to(before, {"PING"}), "PONG");
  redis.refuse();
  EXPECT_FALSE(RespConnection(redis.port()).connected());
  EXPECT_EQ(reply_to(before, {"PING"}), "PONG");
  redis.drop_connections(CloseHow::kReset);
  EXPECT_EQ(reply_to(before, {"PING"}), "(no answer)");
  redis.accept_again();
  RespConnection after(redis.port());
  EXPECT_EQ(reply_to(after, {"PING"}), "PONG");
}

TEST(FakeRedisTest, ABlackholeAcceptsAndNeverAnswers) {
  FakeRedis redis;
  redis.blackhole(true);
  RespConnection client(redis.port(), 100ms);
  EXPECT_TRUE(client.connected());
  EXPECT_EQ(reply_to(client, {"PING"}), "(no answer)");
  EXPECT_EQ(redis.count_of("PING"), 0U);
  redis.blackhole(false);
  EXPECT_EQ(client.read_value()->text, "PONG");
}

TEST(FakeRedisTest, AHandlerAnswersBeforeTheFakeItself) {
  FakeRedis redis;
  redis.on_command([](const Words& words) -> std::optional<std::string> {
    if (words.front() == "MYSTERY") return integer(42);
    return std::nullopt;
  });
  RespConnection client(redis.port());
  EXPECT_EQ(reply_to(client, {"MYSTERY"}), "42");
  EXPECT_EQ(reply_to(client, {"PING"}), "PONG");
}

TEST(FakeRedisTest, EndsAtOnceWhateverItsPeersDo) {
  auto redis = std::make_unique<FakeRedis>();
  redis->add(Fault::delay(1h).on("GET"));
  redis->add(Fault::raw(hostile::endless_line()).on("PING"));
  RespConnection waits(redis->port());
  RespConnection does_not_read(redis->port());
  waits.send_raw(encode_command({"GET", "k"}));
  does_not_read.send_raw(encode_command({"PING"}));
  ASSERT_TRUE(eventually([&] { return redis->commands().size() == 2; }));
  const auto start = Clock::now();
  redis.reset();
  EXPECT_LT(Clock::now() - start, 1s);
}

// A proxy in front of a fake Redis, and a client that reaches it through the proxy.
class FaultProxyTest : public ::testing::Test {
 protected:
  RespConnection connect(std::chrono::milliseconds timeout = 2s) { return RespConnection(proxy_.port(), timeout); }

  FakeRedis redis_;
  FaultProxy proxy_{redis_.port()};
};

TEST_F(FaultProxyTest, PassesThroughBothWays) {
  RespConnection client = connect();
  const std::string big(3U << 20U, 'b');
  EXPECT_EQ(reply_to(client, {"SET", "k", big}), "OK");
  EXPECT_EQ(reply_to(client, {"GET", "k"}), big);
  EXPECT_EQ(proxy_.connections_accepted(), 1U);
  EXPECT_EQ(proxy_.connections_open(), 1U);
}

TEST_F(FaultProxyTest, CutsAllAndCutsInsideAReply) {
  RespConnection first = connect();
  EXPECT_EQ(reply_to(first, {"PING"}), "PONG");
  proxy_.cut_all();
  EXPECT_TRUE(first.closed_by_peer(2s));
  EXPECT_TRUE(eventually([&] { return redis_.connections_open() == 0; }));

  proxy_.cut_replies(3, CloseHow::kFin);
  RespConnection second = connect();
  second.send_raw(encode_command({"PING"}));
  EXPECT_EQ(second.read_raw(2s), "+PO");
  RespConnection third = connect();
  EXPECT_EQ(reply_to(third, {"PING"}), "PONG");
  EXPECT_EQ(proxy_.faults_done(), 1U);
}

TEST_F(FaultProxyTest, AStallReleasesLateOrDrops) {
  RespConnection client = connect(150ms);
  EXPECT_EQ(reply_to(client, {"PING"}), "PONG");
  proxy_.stall(true);
  EXPECT_EQ(reply_to(client, {"ECHO", "late"}), "(no answer)");
  RespConnection newcomer = connect(150ms);
  EXPECT_TRUE(newcomer.connected());
  EXPECT_EQ(reply_to(newcomer, {"PING"}), "(no answer)");
  proxy_.stall(false);
  EXPECT_EQ(client.read_value()->text, "late");
  EXPECT_EQ(newcomer.read_value()->text, "PONG");

  proxy_.stall(true);
  EXPECT_EQ(reply_to(client, {"ECHO", "lost"}), "(no answer)");
  proxy_.drop_stalled();
  proxy_.stall(false);
  EXPECT_EQ(reply_to(client, {"ECHO", "next"}), "next");
}

TEST_F(FaultProxyTest, ABlackholeTakesOnlyNewConnections) {
  RespConnection old = connect();
  EXPECT_EQ(reply_to(old, {"PING"}), "PONG");
  proxy_.blackhole(true);
  EXPECT_EQ(reply_to(old, {"PING"}), "PONG");
  RespConnection newcomer = connect(150ms);
  EXPECT_EQ(reply_to(newcomer, {"PING"}), "(no answer)");
  proxy_.blackhole(false);
  EXPECT_EQ(newcomer.read_value()->text, "PONG");
}

TEST_F(FaultProxyTest, RefusesAndAcceptsAgain) {
  proxy_.refuse();
  EXPECT_FALSE(connect().connected());
  proxy_.accept_again();
  RespConnection client = connect();
  EXPECT_EQ(reply_to(client, {"PING"}), "PONG");
  redis_.refuse();
  EXPECT_TRUE(connect().closed_by_peer(2s)) << "without a server behind it the proxy hangs up";
}

TEST_F(FaultProxyTest, AddsLatency) {
  RespConnection client = connect();
  EXPECT_EQ(reply_to(client, {"PING"}), "PONG");
  proxy_.latency(100ms);
  const auto start = Clock::now();
  EXPECT_EQ(reply_to(client, {"PING"}), "PONG");
  EXPECT_GE(Clock::now() - start, 100ms);
}

TEST_F(FaultProxyTest, PutsUnaskedBytesBetweenReplies) {
  RespConnection client = connect();
  proxy_.inject(bulk("wrong"), 2);
  client.send_raw(encode_command({"ECHO", "a"}) + encode_command({"ECHO", "b"}) + encode_command({"ECHO", "c"}));
  for (const char* expected : {"a", "wrong", "b", "wrong", "c"}) {
    EXPECT_EQ(client.read_value()->text, expected);
  }
  proxy_.duplicate_replies(1);
  EXPECT_EQ(reply_to(client, {"ECHO", "d"}), "d");
  EXPECT_EQ(client.read_value()->text, "d");
  EXPECT_EQ(proxy_.inject_now(simple("hello")), 1U);
  EXPECT_EQ(client.read_value()->text, "hello");
  EXPECT_EQ(proxy_.faults_done(), 3U);
}

// A server of one connection after the other that sends `responses`, one to each request, and then closes.
class ScriptedHttp {
 public:
  explicit ScriptedHttp(std::vector<std::vector<std::string>> connections)
      : listener_(listen_on(0)), thread_([this, script = std::move(connections)] { run(script); }) {}
  ~ScriptedHttp() { thread_.join(); }
  std::uint16_t port() const { return local_port(listener_); }

 private:
  void run(const std::vector<std::vector<std::string>>& script) const {
    for (const auto& responses : script) {
      const Fd socket = accept_from(listener_);
      for (const auto& response : responses) {
        std::string request;
        while (request.find("\r\n\r\n") == std::string::npos) {
          if (read_some(socket, request, Clock::now() + 5s) != Io::kOk) return;
        }
        write_all(socket, response, Clock::now() + 5s);
      }
    }
  }

  Fd listener_;
  std::thread thread_;
};

TEST(HttpClientTest, ReadsBodiesOfEveryFramingAndReconnectsWhenItMay) {
  ScriptedHttp server({{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello",
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nchun\r\n3\r\nked\r\n0\r\n\r\n",
                        "HTTP/1.1 204 No Content\r\nSet-Cookie: __Host-session=abc; Path=/\r\n\r\n"},
                       {"HTTP/1.1 404 Not Found\r\n\r\nto the end"},
                       {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"}});
  HttpClient client(server.port());
  const HttpResponse plain = client.get("/");
  EXPECT_EQ(plain.body, "hello");
  EXPECT_EQ(plain.header("X-a"), "1");
  EXPECT_EQ(plain.all("X-A").size(), 2U);
  EXPECT_EQ(client.get("/").body, "chunked");
  const HttpResponse empty = client.request("POST", "/", {{"X-B", "1"}}, "body");
  EXPECT_EQ(empty.status, 204);
  EXPECT_EQ(empty.cookie("__Host-session"), "abc");
  EXPECT_EQ(client.connects(), 1U);
  const HttpResponse missing = client.get("/");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body, "to the end");
  EXPECT_EQ(client.get("/").error, "connection lost");
  EXPECT_EQ(client.connects(), 3U);
}

TEST(HttpClientTest, TellsRefusedFromLate) {
  HttpClient refused(free_port());
  EXPECT_EQ(refused.get("/").error, "connection refused");
  const Fd silent = listen_on(0);
  HttpClient late(local_port(silent));
  const HttpResponse response = late.request("GET", "/", {}, {}, 100ms);
  EXPECT_EQ(response.error, "timed out");
  EXPECT_GE(response.duration, 100ms);
}

}  // namespace
}  // namespace envoyou::testing::support_test
