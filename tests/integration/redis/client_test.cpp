// Goal: every face of the client works against a real Redis over every kind of link.
// Method: a redis-server for each kind of set-up; what is sent is compared with what comes back.
#include "redis_commands.hpp"

#include <envoyou/testing/fake_redis.hpp>
#include "support/certificates.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::client_test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::FakeRedis;
using ::testing::HasSubstr;
using testing::RedisOptions;
using testing::RedisServer;

std::string all_bytes() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes + "\r\n$3\r\n" + bytes;
}

void expect_works(Client& client) {
  ASSERT_TRUE(client.run(set("key", "value")));
  EXPECT_EQ(client.run(get("key")).value(), "value");
  EXPECT_EQ(client.run(get("absent")).value(), std::nullopt);
}

TEST(Client, AnswersOverPlainTcp) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  expect_works(*client);
  EXPECT_TRUE(client->is_connected());
  EXPECT_EQ(client->server().protocol, 3);
  EXPECT_EQ(client->server().role, "master");
  EXPECT_THAT(client->server().version, HasSubstr("."));
  EXPECT_THAT(server.cli({"CLIENT", "LIST"}), HasSubstr("name=envoyou"));
}

TEST(Client, AnswersOverAUnixSocket) {
  auto server = RedisServer::start({.unix_socket = true});
  auto client = open_at(server.unix_url());
  expect_works(*client);
}

TEST(Client, AnswersByName) {
  auto server = RedisServer::start();
  auto client = open_at("redis://localhost:" + std::to_string(server.port()));
  expect_works(*client);
}

TEST(Client, AnswersOverTls) {
  const testing::Certificates certificates;
  auto server =
      RedisServer::start({.tls = testing::RedisTls{.server = certificates.files(testing::CertificateKind::kGood),
                                                   .ca = certificates.ca()}});
  auto options = parse_url(server.tls_url()).value();
  options.tls.ca_file = certificates.ca();
  auto client = open_at(options);
  expect_works(*client);
  const std::string large(3'000'000, 'x');  // many records, and more than the socket takes at once
  const CallOptions patient{within(5s)};
  ASSERT_TRUE(client->run(set("large", large), patient));
  EXPECT_EQ(client->run(get("large"), patient).value(), large);
}

TEST(Client, SendsNoCommandToAServerWhoseCertificateIsBad) {
  const testing::Certificates certificates;
  for (const auto kind : testing::kBadServerCertificates) {
    auto server = RedisServer::start({.tls = testing::RedisTls{.server = certificates.files(kind)}});
    auto options = parse_url(server.tls_url()).value();
    options.tls.ca_file = certificates.ca();
    auto client = open_only(options);
    ASSERT_TRUE(
        eventually([&] { return client->run(set("k", "v"), {within(20ms)}).error().code() == Errc::kUnavailable; }));
    EXPECT_THAT(std::string(client->run(set("k", "v")).error().message()), HasSubstr("certificate")) << to_string(kind);
    EXPECT_EQ(server.calls_of("set") + server.calls_of("hello") + server.calls_of("auth"), 0) << to_string(kind);
  }
}

TEST(Client, SendsNoCommandToAServerThatDoesNotSpeakTls) {
  FakeRedis server;
  auto options = parse_url("rediss://localhost:" + std::to_string(server.port())).value();
  auto client = open_only(options);
  ASSERT_TRUE(
      eventually([&] { return client->run(set("k", "v"), {within(20ms)}).error().code() == Errc::kUnavailable; }));
  EXPECT_THAT(server.commands(), ::testing::IsEmpty());
}

TEST(Client, KnowsPasswordAndDatabase) {
  auto server = RedisServer::start({.password = "p@ss:w/ord"});
  auto client = open_at(server.url(3));
  expect_works(*client);
  auto other = open_at(server.url(4));
  EXPECT_EQ(other->run(get("key")).value(), std::nullopt);
}

TEST(Client, WorksAsAUserOfAnAclThatForbidsWhatItCanDoWithout) {
  auto server = RedisServer::start({.acl_users = {"joe on >secret ~* &* +get +set"}});
  const std::string url = "redis://joe:secret@127.0.0.1:" + std::to_string(server.port());
  auto client = open_at(url);
  expect_works(*client);
  const auto forbidden = client->run(incr("n"));
  EXPECT_EQ(forbidden.error().code(), Errc::kPermission);
  std::this_thread::sleep_for(1'200ms);  // a fence that is answered with NOPERM
  expect_works(*client);
  EXPECT_EQ(client->stats().connects, 1u);
}

TEST(Client, SaysThatThePasswordIsWrongAndNeverWhichItWas) {
  auto server = RedisServer::start({.password = "right"});
  auto client = open_only(parse_url("redis://:hunter2@127.0.0.1:" + std::to_string(server.port())).value());
  ASSERT_TRUE(eventually([&] { return client->run(get("k"), {within(20ms)}).error().code() == Errc::kUnavailable; }));
  const std::string message(client->run(get("k")).error().message());
  EXPECT_THAT(message, HasSubstr("WRONGPASS"));
  EXPECT_EQ(message.find("hunter2"), std::string::npos);
  server.cli({"CONFIG", "SET", "requirepass", "hunter2"});
  // A refused password is tried once a second.
  EXPECT_TRUE(eventually([&] { return client->is_connected(); }, 1'500ms));
}

TEST(Client, FallsBackToResp2) {
  auto server = RedisServer::start({.password = "pw", .config_lines = {"rename-command HELLO \"\""}});
  auto client = open_at(server.url(2));
  expect_works(*client);
  EXPECT_EQ(client->server().protocol, 2);
  EXPECT_THAT(server.cli({"CLIENT", "LIST"}), HasSubstr("name=envoyou"));
}

TEST(Client, CarriesAllBytes) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  const std::string bytes = all_bytes();
  ASSERT_TRUE(client->run(set(bytes, bytes)));
  EXPECT_EQ(client->run(get(bytes)).value(), bytes);
  ASSERT_TRUE(client->run(set("", "")));
  EXPECT_EQ(client->run(get("")).value(), "");
}

TEST(Client, CarriesLargeValues) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  const std::string large(20'000'000, 'x');
  const CallOptions patient{within(10s)};
  ASSERT_TRUE(client->run(set("large", large), patient));
  EXPECT_EQ(client->run(get("large"), patient).value(), large);
}

TEST(Client, RefusesWhatIsTooLargeAndSendsNothingOfIt) {
  auto server = RedisServer::start();
  auto options = parse_url(server.url()).value();
  options.max_request_bytes = 1000;
  auto client = open_at(options);
  const auto refused = client->run(set("k", std::string(1000, 'x')));
  EXPECT_EQ(refused.error().code(), Errc::kTooLarge);
  EXPECT_THAT(std::string(refused.error().message()), HasSubstr("1000"));
  EXPECT_EQ(client->run(Command<Reply>(Words(), decode_any)).error().code(), Errc::kInvalidArgument);
  expect_works(*client);
}

TEST(Client, RunsPipelinesInOrder) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  Pipeline pipeline;
  std::vector<Pipeline::Slot<std::int64_t>> slots;
  for (int i = 0; i < 1000; ++i) slots.push_back(pipeline.add(incr("n")));
  auto wrong = pipeline.add(Command<std::int64_t>(Words("LPUSH", "n", "x"), decode_integer));
  ASSERT_TRUE(client->run(pipeline));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(Pipeline::take(slots[static_cast<std::size_t>(i)]).value(), i + 1);
  EXPECT_EQ(Pipeline::take(wrong).error().code(), Errc::kWrongType);
  ASSERT_TRUE(client->run(pipeline));  // empty by now
}

TEST(Client, CallsBackOnceOnItsOwnThread) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  std::atomic<int> answered{0};
  std::atomic<bool> deadlock_refused{false};
  for (int i = 0; i < 100; ++i) {
    client->run(incr("n"), {}, [&](Result<std::int64_t> result) {
      EXPECT_TRUE(result);
      deadlock_refused = client->run(incr("n")).error().code() == Errc::kWouldDeadlock;
      Pipeline pipeline;
      auto slot = pipeline.add(incr("n"));
      EXPECT_EQ(client->run(pipeline).error().code(), Errc::kWouldDeadlock);
      EXPECT_EQ(Pipeline::take(slot).error().code(), Errc::kWouldDeadlock);
      client->run(incr("n"), {}, [&](Result<std::int64_t>) { ++answered; });
    });
  }
  EXPECT_TRUE(eventually([&] { return answered == 100; }));
  EXPECT_TRUE(deadlock_refused);
  EXPECT_EQ(client->run(incr("n")).value(), 201);
}

TEST(Client, RunsScriptsThatTheServerHasForgotten) {
  auto server = RedisServer::start();
  auto options = parse_url(server.url()).value();
  options.probe = false;  // scripts are counted
  auto client = open_at(options);
  const Script script("return {KEYS[1], ARGV[1]}");
  const auto call = [&](std::string_view argument) {
    Words words = script.words(1);
    words.add("key").add(argument);
    return client->run(script.command<std::vector<std::string>>(std::move(words), decode_strings, Repeat::kIsSafe, 0),
                       {within(2s)});
  };
  const std::vector<std::string> expected{"key", all_bytes()};
  EXPECT_EQ(call(all_bytes()).value(), expected);
  EXPECT_EQ(call(all_bytes()).value(), expected);
  EXPECT_EQ(server.calls_of("eval"), 1);
  server.cli({"SCRIPT", "FLUSH"});
  EXPECT_EQ(call(all_bytes()).value(), expected);
  server.restart();
  ASSERT_TRUE(client->wait_until_connected(within(2s)));
  EXPECT_EQ(call(all_bytes()).value(), expected);
}

TEST(Client, RunsForgottenScriptsInPipelines) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  const Script script("return tonumber(ARGV[1])");
  Pipeline pipeline;
  std::vector<Pipeline::Slot<std::int64_t>> slots;
  for (int i = 0; i < 50; ++i) {
    Words words = script.words(0);
    words.add(i);
    slots.push_back(pipeline.add(script.command<std::int64_t>(std::move(words), decode_integer, Repeat::kNever, 0)));
  }
  ASSERT_TRUE(client->run(pipeline));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Pipeline::take(slots[static_cast<std::size_t>(i)]).value(), i);
}

TEST(Client, SharesSeveralConnections) {
  auto server = RedisServer::start();
  auto options = parse_url(server.url()).value();
  options.connections = 4;
  auto client = open_at(options);
  ASSERT_TRUE(eventually([&] { return client->stats().connects == 4; }));
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string key = std::to_string(t) + ":" + std::to_string(i);
        ASSERT_TRUE(client->run(set(key, key), {within(2s)}));
        ASSERT_EQ(client->run(get(key), {within(2s)}).value(), key);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(Client, KeepsItsDescriptorsFromPrograms) {
  auto server = RedisServer::start();
  const auto count_open = [] {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
      if (entry.exists()) ++count;
    return count;
  };
  const std::size_t before = count_open();
  {
    auto client = open_at(server.url());
    EXPECT_GT(count_open(), before);
    testing::Process child = testing::Process::spawn({.argv = {"ls", "-l", "/proc/self/fd"}, .pipe_output = true});
    const std::string listed = child.read_output(5s);
    EXPECT_EQ(listed.find("socket:"), std::string::npos) << listed;
    EXPECT_EQ(listed.find("eventpoll"), std::string::npos) << listed;
  }
  EXPECT_EQ(count_open(), before);
}

TEST(Client, RefusesBadOptionsAndFilesThatAreNotThere) {
  EXPECT_EQ(Client::open({.port = 0}).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(Client::open({.tls = {.enabled = true, .ca_file = "/nonexistent.pem"}}).error().code(), Errc::kTls);
}

TEST(Client, EndsPromptlyAndRefusesEverythingAfterwards) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  client->close();
  client->close();
  EXPECT_EQ(client->run(get("k")).error().code(), Errc::kClosed);
  EXPECT_FALSE(client->wait_until_connected(within(10s)));
  EXPECT_FALSE(client->is_connected());
}

// What it must not be, and is all the same in somebody's program.
TEST(Client, SurvivesBeingDestroyedInItsOwnCallback) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  std::atomic<bool> done{false};
  Client* raw = client.get();
  raw->run(incr("n"), {}, [&done, last = std::move(client)](Result<std::int64_t>) mutable {
    last.reset();
    done = true;
  });
  EXPECT_TRUE(eventually([&] { return done.load(); }));
}

TEST(Client, IsOfNoUseInAForkedChildAndUnharmedInTheParent) {
  auto server = RedisServer::start();
  auto client = open_at(server.url());
  std::atomic<bool> stop{false};
  std::thread load([&] {
    while (!stop) EXPECT_TRUE(client->run(incr("n"), {within(2s)}));
  });
  for (int i = 0; i < 50; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const bool refused = client->run(incr("n")).error().code() == Errc::kForked && !client->is_connected() &&
                           !client->wait_until_connected(within(1s)) && client->stats().submitted == 0;
      client.reset();
      _exit(refused ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  stop = true;
  load.join();
  EXPECT_EQ(client->stats().connects, 1u);
  EXPECT_EQ(client->stats().foreign_replies, 0u);
}

// The answer of one and the callback of the other come in one read: he must be awake before it is called, for it waits
// for what he holds.
TEST(Client, ACallbackMayWaitForACallerWhoWasAnsweredBeforeIt) {
  auto server = RedisServer::start();
  auto options = parse_url(server.url()).value();
  options.stall_limit = options.connect_timeout = 5s;
  auto client = open_at(options);
  ASSERT_EQ(server.cli({"CLIENT", "PAUSE", "300", "ALL"}), "OK");
  std::mutex held;
  std::atomic<bool> is_held{false};
  std::thread caller([&] {
    const std::lock_guard lock(held);
    is_held = true;
    EXPECT_TRUE(client->run(get("key"), {within(5s)}));
  });
  while (!is_held) std::this_thread::yield();
  ASSERT_TRUE(eventually([&] { return client->stats().in_flight == 1; }));
  std::atomic<bool> done{false};
  client->run(get("key"), {within(5s)}, [&](const auto& answer) {
    const std::lock_guard lock(held);
    done = answer.has_value();
  });
  EXPECT_TRUE(eventually([&] { return done.load(); }));
  caller.join();
}

}  // namespace
}  // namespace envoyou::redis::client_test
