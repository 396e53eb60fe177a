// Goal: a new link says who it is in the newest way the server knows, tells apart "not now", "not you" and "not known
// here", and
//       repeats no secret.
// Method: feed answers by hand; compare what is said next as bytes.
#include "redis/handshake_fsm.hpp"

#include "replies.hpp"

#include <gtest/gtest.h>

#include <string>

#include "../times.hpp"

namespace envoyou::redis::handshake_fsm_test {
namespace {

using namespace std::chrono_literals;
using Kind = HandshakeFsm::Action::Kind;

std::string words(const HandshakeFsm::Action& action) {
  EXPECT_EQ(action.kind, Kind::kSend) << action.error.message();
  std::string text;
  std::string_view rest = action.words.encoded();
  while (!rest.empty()) {
    rest.remove_prefix(rest.find('\n') + 1);
    text += (text.empty() ? "" : " ") + std::string(rest.substr(0, rest.find('\r')));
    rest.remove_prefix(rest.find('\n') + 1);
  }
  return text;
}

const ReplyView kHello[] = {string_reply("server"),  string_reply("redis"),
                            string_reply("version"), string_reply("7.0.15"),
                            string_reply("proto"),   integer_reply(3),
                            string_reply("role"),    string_reply("master"),
                            string_reply("modules"), aggregate_reply(ReplyType::kArray, {})};
const ReplyView kHelloReply = aggregate_reply(ReplyType::kMap, kHello);
const ReplyView kUnknown =
    error_reply("ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `joe`, `hunter2`");
const ReplyView kOk = string_reply("OK");
const ReplyView kPong = string_reply("PONG");

ClientOptions full_options() {
  ClientOptions options;
  options.username = "joe";
  options.password = "hunter2";
  options.database = 5;
  return options;
}

TEST(Handshake, SaysEverythingInOneHello) {
  const ClientOptions options = full_options();
  HandshakeFsm fsm(options);
  EXPECT_EQ(words(fsm.start()), "HELLO 3 AUTH joe hunter2 SETNAME envoyou");
  EXPECT_EQ(words(fsm.on_reply(kHelloReply, t0)), "SELECT 5");
  EXPECT_EQ(words(fsm.on_reply(kOk, t0 + 1ms)), "PING");
  EXPECT_EQ(fsm.on_reply(kPong, t0 + 3ms).kind, Kind::kReady);
  EXPECT_EQ(fsm.round_trip(), 2ms);
  EXPECT_EQ(fsm.server().version, "7.0.15");
  EXPECT_EQ(fsm.server().protocol, 3);
  EXPECT_EQ(fsm.server().role, "master");
}

// Found by the simulation: a part of a reply that nobody asked for, and the OK that made it whole.
TEST(Handshake, TakesNoNameForAnAnswerThatIsNone) {
  const ClientOptions options;
  HandshakeFsm fsm(options);
  (void)fsm.start();
  EXPECT_EQ(words(fsm.on_reply(error_reply("ERR unknown command `HELLO`"), t0)), "CLIENT SETNAME envoyou");
  const auto action = fsm.on_reply(string_reply("ab+OK"), t0);
  EXPECT_EQ(action.kind, Kind::kRefused);
  EXPECT_EQ(action.error.code(), Errc::kForeignReply);
}

// As Redis 8 with its modules, Valkey, and a fork that says more than anyone asked for.
TEST(Handshake, ReadsTheGreetingsOfAllKindsOfServers) {
  const ReplyView module[] = {string_reply("name"), string_reply("vectorset"), string_reply("ver"),
                              integer_reply(1),     string_reply("args"),      aggregate_reply(ReplyType::kArray, {})};
  const ReplyView modules[] = {aggregate_reply(ReplyType::kMap, module)};
  const ReplyView field_to_come[] = {null_reply(), {.type = ReplyType::kBoolean, .integer = 1}};
  struct Server {
    const char* name;
    const char* version;
  };
  for (const Server& server : {Server{"redis", "6.0.16"}, Server{"redis", "8.2.1"}, Server{"valkey", "8.1.8"}}) {
    const ReplyView hello[] = {string_reply("server"),
                               string_reply(server.name),
                               string_reply("version"),
                               string_reply(server.version),
                               string_reply("proto"),
                               integer_reply(3),
                               string_reply("id"),
                               integer_reply(9),
                               string_reply("mode"),
                               string_reply("cluster"),
                               string_reply("role"),
                               string_reply("master"),
                               string_reply("modules"),
                               aggregate_reply(ReplyType::kArray, modules),
                               string_reply("availability_zone"),
                               aggregate_reply(ReplyType::kSet, field_to_come)};
    const ClientOptions options;
    HandshakeFsm fsm(options);
    fsm.start();
    EXPECT_EQ(words(fsm.on_reply(aggregate_reply(ReplyType::kMap, hello), t0)), "PING");
    EXPECT_EQ(fsm.server().name, server.name);
    EXPECT_EQ(fsm.server().version, server.version);
    EXPECT_EQ(fsm.server().mode, "cluster");
    EXPECT_EQ(fsm.server().protocol, 3);
  }
}

TEST(Handshake, AuthenticatesAsWhoItIsGiven) {
  const ClientOptions options;
  HandshakeFsm fsm(options, std::make_shared<const Identity>(Identity{"joe", "token", 7}));
  EXPECT_EQ(words(fsm.start()), "HELLO 3 AUTH joe token SETNAME envoyou");
  EXPECT_EQ(words(fsm.on_reply(kUnknown, t0)), "AUTH joe token");
}

TEST(Handshake, SaysNoMoreThanIsConfigured) {
  ClientOptions options;
  options.client_name = "";
  HandshakeFsm fsm(options);
  EXPECT_EQ(words(fsm.start()), "HELLO 3");
  EXPECT_EQ(words(fsm.on_reply(kHelloReply, t0)), "PING");
}

TEST(Handshake, NamesTheDefaultUserWhereThereIsOnlyAPassword) {
  ClientOptions options;
  options.password = "hunter2";
  EXPECT_EQ(words(HandshakeFsm(options).start()), "HELLO 3 AUTH default hunter2 SETNAME envoyou");
}

TEST(Handshake, FallsBackToTheOldProtocol) {
  for (const char* text : {"ERR unknown command `HELLO`", "NOPROTO unsupported protocol version",
                           "ERR Syntax error in HELLO option 'SETNAME'", "NOPERM no permission for 'hello'"}) {
    const ClientOptions options = full_options();
    HandshakeFsm fsm(options);
    fsm.start();
    EXPECT_EQ(words(fsm.on_reply(error_reply(text), t0)), "AUTH joe hunter2");
    EXPECT_EQ(words(fsm.on_reply(kOk, t0)), "CLIENT SETNAME envoyou");
    EXPECT_EQ(words(fsm.on_reply(kOk, t0)), "SELECT 5");
    EXPECT_EQ(words(fsm.on_reply(kOk, t0)), "PING");
    EXPECT_EQ(fsm.on_reply(kPong, t0).kind, Kind::kReady);
    EXPECT_EQ(fsm.server().protocol, 2);
  }
}

TEST(Handshake, FallsBackToAPasswordWithoutAUser) {
  ClientOptions options;
  options.password = "hunter2";
  HandshakeFsm fsm(options);
  fsm.start();
  EXPECT_EQ(words(fsm.on_reply(kUnknown, t0)), "AUTH hunter2");
}

TEST(Handshake, GoesOnWhereAnAclForbidsANameOrAPing) {
  ClientOptions options;
  HandshakeFsm fsm(options);
  fsm.start();
  EXPECT_EQ(words(fsm.on_reply(kUnknown, t0)), "CLIENT SETNAME envoyou");
  EXPECT_EQ(words(fsm.on_reply(error_reply("NOPERM no permission for 'client|setname'"), t0)), "PING");
  EXPECT_EQ(fsm.on_reply(error_reply("NOPERM no permission for 'ping'"), t0 + 1ms).kind, Kind::kReady);
  EXPECT_EQ(fsm.round_trip(), 1ms);
}

// A server whose disk is full serves reads.
TEST(Handshake, GoesOnWhereTheServerCanNotPersist) {
  ClientOptions options;
  HandshakeFsm fsm(options);
  fsm.start();
  fsm.on_reply(kHelloReply, t0);
  EXPECT_EQ(fsm.on_reply(error_reply("MISCONF Redis is configured to save RDB snapshots"), t0).kind, Kind::kReady);
}

struct Refusal {
  const char* text;
  Errc code;
};

TEST(Handshake, IsRefusedAtHelloByWhatTheServerMeans) {
  const Refusal kRefusals[] = {
      {"WRONGPASS invalid username-password pair or user is disabled.", Errc::kAuthentication},
      {"NOAUTH HELLO must be called with the client already authenticated", Errc::kAuthentication},
      {"DENIED Redis is running in protected mode", Errc::kAuthentication},
      {"LOADING Redis is loading the dataset in memory", Errc::kLoading},
      {"MASTERDOWN Link with MASTER is down", Errc::kLoading},
      {"ERR max number of clients reached", Errc::kLoading},
  };
  for (const Refusal& refusal : kRefusals) {
    const ClientOptions options = full_options();
    HandshakeFsm fsm(options);
    fsm.start();
    const auto action = fsm.on_reply(error_reply(refusal.text), t0);
    EXPECT_EQ(action.kind, Kind::kRefused) << refusal.text;
    EXPECT_EQ(action.error.code(), refusal.code) << refusal.text;
    EXPECT_TRUE(action.error.message().starts_with("HELLO: ")) << action.error.message();
  }
}

TEST(Handshake, SaysWhetherAPasswordIsMissingOrWrong) {
  ClientOptions options;
  HandshakeFsm without(options);
  without.start();
  EXPECT_EQ(without.on_reply(error_reply("NOAUTH HELLO must be called"), t0).error.message(),
            "HELLO: NOAUTH, the server asks for a password and none is configured");
  const ClientOptions with_password = full_options();
  HandshakeFsm wrong(with_password);
  wrong.start();
  EXPECT_EQ(wrong.on_reply(error_reply("WRONGPASS invalid"), t0).error.message(),
            "HELLO: WRONGPASS, the server refuses the username or the password");
}

TEST(Handshake, SaysThatTheServerIsFull) {
  ClientOptions options;
  HandshakeFsm fsm(options);
  fsm.start();
  EXPECT_EQ(fsm.on_reply(error_reply("ERR max number of clients reached"), t0).error.message(),
            "HELLO: the server has as many clients as it takes");
}

TEST(Handshake, IsRefusedLaterOn) {
  const ClientOptions options = full_options();
  HandshakeFsm old(options);
  old.start();
  old.on_reply(kUnknown, t0);
  const auto wrong = old.on_reply(error_reply("ERR invalid password"), t0);
  EXPECT_EQ(wrong.error.code(), Errc::kAuthentication);

  HandshakeFsm select(options);
  select.start();
  select.on_reply(kHelloReply, t0);
  const auto out_of_range = select.on_reply(error_reply("ERR DB index is out of range"), t0);
  EXPECT_EQ(out_of_range.error.code(), Errc::kServerError);
  EXPECT_EQ(out_of_range.error.message(), "SELECT: the server answered: ERR DB index is out of range");

  HandshakeFsm ping(options);
  ping.start();
  ping.on_reply(kHelloReply, t0);
  ping.on_reply(kOk, t0);
  EXPECT_EQ(ping.on_reply(error_reply("LOADING Redis is loading"), t0).error.code(), Errc::kLoading);
}

TEST(Handshake, NeverRepeatsThePasswordThatAServerEchoes) {
  const ClientOptions options = full_options();
  for (const char* text : {"LOADING hunter2", "NOAUTH hunter2", "hunter2", "HUNTER hunter2", "ERR hunter2"}) {
    HandshakeFsm at_hello(options);
    at_hello.start();
    EXPECT_EQ(at_hello.on_reply(error_reply(text), t0).error.message().find("hunter2"), std::string::npos);
    HandshakeFsm at_auth(options);
    at_auth.start();
    at_auth.on_reply(kUnknown, t0);
    EXPECT_EQ(at_auth.on_reply(error_reply(text), t0).error.message().find("hunter2"), std::string::npos);
    HandshakeFsm at_select(options);
    at_select.start();
    at_select.on_reply(kHelloReply, t0);
    EXPECT_EQ(at_select.on_reply(error_reply(text), t0).error.message().find("hunter2"), std::string::npos);
  }
}

TEST(Handshake, RefusesAnswersThatAreNotOnes) {
  const ClientOptions options = full_options();
  HandshakeFsm hello(options);
  hello.start();
  EXPECT_EQ(hello.on_reply(kPong, t0).error.code(), Errc::kForeignReply);
  HandshakeFsm auth(options);
  auth.start();
  auth.on_reply(kUnknown, t0);
  EXPECT_EQ(auth.on_reply(integer_reply(1), t0).error.code(), Errc::kForeignReply);
  HandshakeFsm select(options);
  select.start();
  select.on_reply(kHelloReply, t0);
  EXPECT_EQ(select.on_reply(kPong, t0).error.code(), Errc::kForeignReply);
  HandshakeFsm ping(options);
  ping.start();
  ping.on_reply(kHelloReply, t0);
  ping.on_reply(kOk, t0);
  EXPECT_EQ(ping.on_reply(kOk, t0).error.code(), Errc::kForeignReply);
}

}  // namespace
}  // namespace envoyou::redis::handshake_fsm_test
