// Goal: a user of an ACL that forbids any command of the client's own is served with all the rest, and what is
// forbidden says so by its name. Method: a real Redis with one user for each forbidden command; its own count of what
// it executed.
#include "redis_commands.hpp"

#include <envoyou/testing/fake_redis.hpp>

#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace envoyou::redis::acl_test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::FakeRedis;

using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing::RedisServer;

const Script& two() {
  static const Script script("return 2");
  return script;
}

Result<std::int64_t> run_two(Client& client) {
  return client.run(two().command<std::int64_t>(two().words(0), decode_integer, Repeat::kIsSafe, 0));
}

Command<Reply> raw(Words words) { return {std::move(words), decode_any}; }

Capabilities learnt(Client& client) {
  EXPECT_TRUE(eventually([&] { return client.capabilities().info != Can::kUnknown; }));
  return client.capabilities();
}

std::shared_ptr<Client> open_as(const RedisServer& server, int database = 0) {
  return open_at("redis://joe:secret@127.0.0.1:" + std::to_string(server.port()) + "/" + std::to_string(database));
}

class Forbidden : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Command, Forbidden,
                         ::testing::Values("hello", "client", "config", "info", "ping", "script", "eval", "evalsha",
                                           "subscribe", "select", "time", "command"));

TEST_P(Forbidden, LeavesTheRest) {
  const std::string name = GetParam();
  const RedisServer server = RedisServer::start({.acl_users = {"joe on >secret ~* &* +@all -" + name}});
  auto client = open_as(server);
  ASSERT_TRUE(client->run(set("key", "value")));
  EXPECT_EQ(client->run(get("key")).value(), "value");
  const auto script = run_two(*client);
  EXPECT_EQ(script.has_value(), name != "eval" || server.calls_of("eval") > 0) << name;
  std::this_thread::sleep_for(1'100ms);  // a fence
  EXPECT_EQ(client->run(get("key")).value(), "value");
  EXPECT_EQ(client->stats().connects, 1u);
  EXPECT_EQ(client->stats().condemned, 0u);
}

TEST_P(Forbidden, IsNamedToWhoCallsIt) {
  const std::string name = GetParam();
  const RedisServer server = RedisServer::start({.acl_users = {"joe on >secret ~* &* +@all -" + name}});
  auto client = open_as(server);
  Words words{std::string_view(name)};
  if (name == "config") words.add("GET").add("port");
  if (name == "script") words.add("EXISTS").add("x");
  if (name == "client") words.add("ID");
  if (name == "eval" || name == "evalsha") words.add("return 1").add("0");
  if (name == "hello" || name == "subscribe" || name == "select") return;  // not for shared links
  const auto refused = client->run(raw(std::move(words)));
  ASSERT_FALSE(refused) << name;
  EXPECT_EQ(refused.error().code(), Errc::kPermission) << refused.error().message();
  EXPECT_THAT(std::string(refused.error().message()), HasSubstr("'" + name));
}

TEST(Capabilities, OfAnOpenServerAreAll) {
  const RedisServer server = RedisServer::start();
  auto client = open_at(server.url());
  const Capabilities can = learnt(*client);
  for (const Can each : {can.resp3, can.client_name, can.client_id, can.tracking, can.eval, can.evalsha,
                         can.script_load, can.functions, can.subscribe, can.config, can.info}) {
    EXPECT_EQ(each, Can::kYes) << describe(can);
  }
  EXPECT_THAT(can.server, AnyOf("redis", "valkey"));
  EXPECT_EQ(can.mode, "standalone");
  EXPECT_EQ(can.version, client->server().version);
  EXPECT_EQ(can.maxmemory_policy, "noeviction");
}

TEST(Capabilities, OfAUserWhoMayOnlyReadAndWriteUnderAPrefixAreNone) {
  const RedisServer server = RedisServer::start({.acl_users = {"joe on >secret ~app:* resetchannels -@all +get +set"}});
  auto client = open_as(server);
  const Capabilities can = learnt(*client);
  for (const Can each :
       {can.client_id, can.tracking, can.eval, can.evalsha, can.script_load, can.functions, can.config, can.info}) {
    EXPECT_EQ(each, Can::kNo) << describe(can);
  }
  EXPECT_EQ(can.subscribe, Can::kUnknown) << "there is no way to tell";
  EXPECT_TRUE(client->run(set("app:key", "value")));
  EXPECT_EQ(client->run(set("other", "value")).error().code(), Errc::kPermission);
  EXPECT_EQ(run_two(*client).error().code(), Errc::kPermission);
}

TEST(Capabilities, ShowEachForbiddenCommandAndNoOther) {
  struct Case {
    const char* acl;
    Can Capabilities::*member;
  };
  for (const Case& each : {Case{"-client", &Capabilities::client_id}, Case{"-client|setname", &Capabilities::resp3},
                           Case{"-client|tracking", &Capabilities::tracking}, Case{"-config", &Capabilities::config},
                           Case{"-info", &Capabilities::info}, Case{"-eval", &Capabilities::eval},
                           Case{"-evalsha", &Capabilities::evalsha}, Case{"-script|load", &Capabilities::script_load},
                           Case{"-fcall", &Capabilities::functions}, Case{"-subscribe", &Capabilities::subscribe}}) {
    const RedisServer server =
        RedisServer::start({.acl_users = {std::string("joe on >secret ~* &* +@all ") + each.acl}});
    auto client = open_as(server);
    const Capabilities can = learnt(*client);
    const bool is_refused = std::string(each.acl) != "-client|setname";  // HELLO sets the name
    EXPECT_EQ(can.*each.member, is_refused ? Can::kNo : Can::kYes) << each.acl << ": " << describe(can);
  }
}

TEST(Capabilities, AreNotAskedForWhereThatIsSwitchedOff) {
  const RedisServer server = RedisServer::start();
  auto options = parse_url(server.url()).value();
  options.probe = false;
  auto client = open_at(options);
  ASSERT_TRUE(client->run(set("k", "v")));
  EXPECT_EQ(server.calls_of("eval") + server.calls_of("info") - 1, 0) << "but for calls_of itself";
  EXPECT_EQ(client->capabilities().version, client->server().version);
}

TEST(Forbidden_, SelectSaysSoWhereADatabaseIsWanted) {
  const RedisServer server = RedisServer::start({.acl_users = {"joe on >secret ~* &* +@all -select"}});
  auto client = open_only(parse_url("redis://joe:secret@127.0.0.1:" + std::to_string(server.port()) + "/2").value());
  ASSERT_TRUE(eventually([&] { return client->away_because() == Errc::kPermission; }));
  EXPECT_THAT(std::string(client->run(get("k")).error().message()), HasSubstr("'select'"));
}

TEST(OldServers, WithoutHelloAreSpokenToInResp2) {
  const RedisServer server = RedisServer::start({.config_lines = {"rename-command HELLO \"\""}});
  auto client = open_at(server.url());
  EXPECT_EQ(learnt(*client).resp3, Can::kNo);
  EXPECT_THAT(client->capabilities().server, AnyOf("redis", "valkey"));
  EXPECT_THAT(client->capabilities().version, HasSubstr("."));
  EXPECT_EQ(client->capabilities().mode, "standalone");
  EXPECT_EQ(run_two(*client).value(), 2);
}

TEST(OldServers, ThatRefuseTheVersionAreSpokenToInResp2) {
  FakeRedis server;
  server.add(testing::Fault::error("NOPROTO unsupported protocol version").on("HELLO"));
  auto client = open_at(server.url());
  EXPECT_EQ(client->server().protocol, 2);
  EXPECT_TRUE(client->run(set("k", "v")));
}

}  // namespace
}  // namespace envoyou::redis::acl_test
