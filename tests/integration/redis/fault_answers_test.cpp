// Goal: each error that a server can give is treated by what it means: told to the call it belongs to, and the link,
// the node and all other calls left alone where they are well. Method: the public fake Redis gives the errors; real
// servers where the error is a state (no memory, a busy script, no more clients). The listener and the number of
// connects show what became of link and node.
#include "fault_kit.hpp"
#include "redis_commands.hpp"

#include "support/redis_server.hpp"
#include "support/wait_for.hpp"
#include "testing/resp.hpp"

#include <envoyou/testing/fake_redis.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::fault_answers_test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::FakeRedis;
using testing::Fault;
using testing::RedisServer;

struct Answer {
  const char* text;
  Errc code;
};

void PrintTo(const Answer& answer, std::ostream* out) { *out << answer.text; }

class ErrorAnswers : public ::testing::TestWithParam<Answer> {};

TEST_P(ErrorAnswers, AreToldToTheirCallAndKeepTheLink) {
  FakeRedis server;
  server.set("k", "own");
  Listener listener;
  auto options = parse_url(server.url()).value();
  options.stall_limit = Milliseconds(5'000);  // only the errors are to count
  auto client = open_only(options, &listener);
  ASSERT_TRUE(client->wait_until_connected(within(2s)));
  server.add(Fault::error(GetParam().text).on("SET"));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client->run(set("k", "v"), {within(1s)}).error().code(), GetParam().code);
    EXPECT_EQ(client->run(get("k"), {within(1s)}).value(), "own");  // reads stay
  }
  EXPECT_EQ(client->stats().connects, 1u);
  EXPECT_EQ(listener.refused + listener.condemned, 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, ErrorAnswers,
    ::testing::Values(Answer{"LOADING Redis is loading the dataset in memory", Errc::kLoading},
                      Answer{"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                             Errc::kLoading},
                      Answer{"BUSY Redis is busy running a script.", Errc::kLoading},
                      Answer{"CLUSTERDOWN Hash slot not served", Errc::kLoading},
                      Answer{"TRYAGAIN Multiple keys request during rehashing of slot", Errc::kLoading},
                      Answer{"NOPERM this user has no permissions to run the 'set' command", Errc::kPermission},
                      Answer{"OOM command not allowed when used memory > 'maxmemory'.", Errc::kServerMemory},
                      Answer{"MISCONF Redis is configured to save RDB snapshots", Errc::kMisconfigured},
                      Answer{"WRONGTYPE Operation against a key holding the wrong kind of value", Errc::kWrongType},
                      Answer{"MOVED 3999 127.0.0.1:6381", Errc::kRedirect},
                      Answer{"ASK 3999 127.0.0.1:6381", Errc::kRedirect},
                      Answer{"ERR something that nobody knows", Errc::kServerError}));

TEST(FaultAnswers, AFullServerRefusesWritesAndGoesOnReading) {
  auto server = RedisServer::start({.config_lines = {"maxmemory 2mb", "maxmemory-policy noeviction"}});
  auto client = open_at(server.url());
  ASSERT_TRUE(client->run(set("k", "own"), {within(1s)}));
  Result<void> written;
  const std::string large(100'000, 'x');
  for (int i = 0; i < 100 && written; ++i) written = client->run(set("fill" + std::to_string(i), large), {within(1s)});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Errc::kServerMemory);
  EXPECT_EQ(client->run(get("k"), {within(1s)}).value(), "own");
  EXPECT_EQ(client->stats().connects, 1u);
}

// A script that does not end: silence first, which costs a call its deadline, then BUSY, then all is well again.
TEST(FaultAnswers, ABusyServerCostsACallItsDeadlineAndHeals) {
  auto server = RedisServer::start({.config_lines = {"busy-reply-threshold 50"}});
  auto client = open_at(server.url());
  ASSERT_TRUE(client->run(set("k", "own"), {within(1s)}));
  std::thread busy([&] {
    testing::RespConnection connection(server.port(), 5s);
    (void)connection.command({"EVAL", "while true do end", "0"});
  });
  ASSERT_TRUE(eventually([&] { return server.cli({"PING"}).starts_with("BUSY"); }));
  const Yardstick yardstick;
  for (int i = 0; i < 5; ++i) {
    const auto took = time_of([&] { EXPECT_FALSE(client->run(get("k"), {within(100ms)})); });
    EXPECT_LE(took, yardstick.allows(100ms + kGrace));
  }
  (void)server.cli({"SCRIPT", "KILL"});
  busy.join();
  const auto back =
      time_of([&] { EXPECT_TRUE(eventually([&] { return client->run(get("k"), {within(100ms)}).has_value(); }, 2s)); });
  figure("busy script: back after", back.count(), "ms");
  EXPECT_LE(back, yardstick.allows(600ms));
}

TEST(FaultAnswers, AServerWithEnoughClientsIsAwayAndTriedAgain) {
  auto server = RedisServer::start({.config_lines = {"maxclients 4"}});
  std::vector<std::unique_ptr<testing::RespConnection>> others;
  while (others.size() < 4) {
    others.push_back(std::make_unique<testing::RespConnection>(server.port()));
    (void)others.back()->command({"PING"});
  }
  auto client = open_only(parse_url(server.url()).value());
  ASSERT_TRUE(eventually([&] { return client->away_because().has_value(); }));
  EXPECT_EQ(client->away_because(), Errc::kLoading);
  EXPECT_EQ(client->run(get("k")).error().code(), Errc::kUnavailable);
  others.clear();
  const Yardstick yardstick;
  const auto back = time_of([&] { EXPECT_TRUE(client->wait_until_connected(within(2s))); });
  figure("maxclients: back after", back.count(), "ms");
  EXPECT_LE(back, yardstick.allows(600ms));
}

TEST(FaultAnswers, AReplicaIsLeftForWhoeverAnswersNow) {
  FakeRedis server;
  server.set("k", "own");
  auto client = open_at(server.url());
  std::this_thread::sleep_for(1'050ms);  // a link is not left in its first second (LinkCore::kLeastLife)
  server.add(Fault::error("READONLY You can't write against a read only replica.").on("SET").times(1));
  EXPECT_EQ(client->run(set("k", "v"), {within(1s)}).error().code(), Errc::kReadOnly);
  const auto back = time_of([&] { EXPECT_TRUE(eventually([&] { return client->stats().connects == 2; }, 1s)); });
  figure("READONLY: dialled again after", back.count(), "ms");
  EXPECT_TRUE(client->run(set("k", "v"), {within(1s)}));
}

// (What the decoder alone takes, in memory and processor time, is in decoder_limits_test.)
TEST(FaultAnswers, BombsCostOneCallAndLittleMemory) {
  FakeRedis server;
  server.set("k", "own");
  auto client = open_at(server.url());
  // The fake, which has its own copies, is in this process, too: so only a megabyte of an endless line.
  const std::string bombs[] = {std::string(testing::hostile::kArrayBomb), std::string(testing::hostile::kMapBomb),
                               std::string(testing::hostile::kBulkBomb), testing::hostile::deep_nesting(),
                               testing::hostile::endless_line(1 << 20)};
  (void)client->run(get("k"), {within(1s)});
  const Yardstick yardstick;
  const auto before = resident_kilobytes();
  std::int64_t longest = 0;
  for (const std::string& bomb : bombs) {
    server.add(Fault::raw(bomb).on("GET").times(1));
    longest = std::max(longest, time_of([&] { EXPECT_FALSE(client->run(get("k"), {within(1s)})); }).count());
    ASSERT_TRUE(client->wait_until_connected(within(2s)));
    ASSERT_EQ(client->run(get("k"), {within(1s)}).value(), "own");
  }
  figure("bombs: longest call", longest, "ms");
  const auto grown = resident_kilobytes() - before;
  figure("bombs: memory", grown, "KB");
  EXPECT_LE(longest, yardstick.allows(150ms).count());
  EXPECT_LE(grown, 10 * 1024);
}

// A password is nowhere: not in errors, not in log lines, not in what describes the client, whatever the server says.
class Listening final : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    const std::lock_guard lock(mutex_);
    text_ += record.message;
    for (const LogField& field : record.fields) (text_ += ' ').append(field.value);
    text_ += '\n';
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

TEST(FaultAnswers, AWrongPasswordIsTriedOnceASecondAndToldOnce) {
  FakeRedis server({.password = "another"});
  auto options = parse_url(server.url()).value();
  options.password = "mine";
  auto sink = std::make_shared<Listening>();
  auto client = Client::open(options, {.logger = Logger(sink, LogLevel::kInfo)}).value();
  std::this_thread::sleep_for(3'200ms);
  const auto tried = static_cast<std::int64_t>(server.count_of("HELLO"));
  figure("wrong password: tried in 3.2 s", tried, "times");
  EXPECT_LE(tried, 4);
  EXPECT_EQ(client->away_because(), Errc::kAuthentication);
  const std::string told = sink->text();
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 1) << told;
  server.change_password("mine");
  const Yardstick yardstick;
  const auto back = time_of([&] { EXPECT_TRUE(client->wait_until_connected(within(2s))); });
  figure("wrong password: back after it was mended", back.count(), "ms");
  EXPECT_LE(back, yardstick.allows(1s + kGrace));
}

TEST(FaultAnswers, NoOutputEverHoldsThePassword) {
  const std::string secret = "5ecret-of-the-client";
  const std::string echoes[] = {
      "WRONGPASS invalid username-password pair or user is disabled.",
      "NOAUTH HELLO must be called with the client already authenticated: " + secret,
      "ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' '" + secret + "'",
      "ERR AUTH " + secret + " called without any password configured for the default user.",
      "DENIED " + secret,
      "NOPERM " + secret + " is not for you",
      "LOADING " + secret,
      "MISCONF " + secret,
      "OOM " + secret,
      secret,
  };
  for (const std::string& echo : echoes) {
    FakeRedis server;
    for (const char* command : {"HELLO", "AUTH", "CLIENT", "SELECT", "PING", "GET"}) {
      server.add(Fault::error(echo).on(command));
    }
    auto options = parse_url(server.url()).value();
    options.password = secret;
    options.database = 3;
    auto sink = std::make_shared<Listening>();
    auto client = Client::open(options, {.logger = Logger(sink, LogLevel::kTrace)}).value();
    (void)client->wait_until_connected(within(120ms));
    std::string seen = describe(client->options());
    for (int i = 0; i < 3; ++i) {
      const auto result = client->run(get("k"), {within(50ms)});
      if (!result) seen += result.error().message();
    }
    client->close();
    client->runtime().metrics->visit([&](const auto& sample) { (seen += sample.name) += sample.labels; });
    EXPECT_EQ((sink->text() + seen).find(secret), std::string::npos) << echo << '\n' << sink->text() << seen;
    EXPECT_NE(sink->text(), "");
  }
}

}  // namespace
}  // namespace envoyou::redis::fault_answers_test
