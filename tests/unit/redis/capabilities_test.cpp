// Goal: the client learns what its server can without a word too many, and a server that forbids half of it, or hangs
// up on a question, is served all the same. Method: the simulated client (sim.hpp), with the questions asked.
#include "sim.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace envoyou::redis::capabilities_test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

bool is_question(const Argv& argv) {
  return argv[0] == "INFO" || argv[0] == "CONFIG" || std::any_of(argv.begin(), argv.end(), [](const std::string& word) {
           return word.find("envoyou-probe") != std::string::npos;
         });
}

struct Asking : ::testing::Test {
  Asking() {
    client.node->engine.ask_what_it_can();
    client.server.handler = [this](const Argv& argv) { return answer(argv); };
  }
  std::optional<std::string> answer(const Argv& argv) {
    if (!is_question(argv)) return std::nullopt;
    ++questions;
    if (argv[0] == forbidden) return "-NOPERM User joe has no permissions to run the '" + argv[0] + "' command\r\n";
    if (argv[0] == "INFO") return "$15\r\nserver_name:moo\r\n";
    if (argv[0] == "EVALSHA") return "-NOSCRIPT No matching script.\r\n";
    if (argv[0] == "CONFIG") return "*2\r\n$16\r\nmaxmemory-policy\r\n$10\r\nnoeviction\r\n";
    return std::nullopt;
  }
  std::ptrdiff_t logged(std::string_view text) const {
    const auto& lines = client.recorder->logged;
    return std::count_if(lines.begin(), lines.end(),
                         [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }

  SimClient client;
  std::string forbidden;
  int questions = 0;
};

TEST_F(Asking, HappensBehindTheHandshakeInOneWriteAndIsNotCounted) {
  client.settle();
  EXPECT_EQ(questions, 7);               // CLIENT SETINFO is answered as any CLIENT
  EXPECT_EQ(client.stats().writes, 3u);  // HELLO, PING, all questions
  EXPECT_EQ(client.stats().answered, 0u);
  EXPECT_EQ(client.stats().in_flight, 0u);
  const Capabilities found = client.board.capabilities();
  EXPECT_EQ(found.version, "7.0.15");
  EXPECT_EQ(found.resp3, Can::kYes);
  EXPECT_EQ(found.client_name, Can::kYes);
  EXPECT_EQ(found.evalsha, Can::kYes);
  EXPECT_EQ(found.maxmemory_policy, "noeviction");
  EXPECT_EQ(logged("the server has shown what it can"), 1);
}

TEST_F(Asking, IsNotWaitedFor) {
  const auto waits = client.submit(get("k"));
  client.server.delay = 10ms;
  client.run_for(30ms);
  EXPECT_EQ(outcome(waits), "ok");
}

TEST_F(Asking, ShowsWhatIsForbidden) {
  forbidden = "CONFIG";
  client.settle();
  EXPECT_EQ(client.board.capabilities().config, Can::kNo);
  EXPECT_EQ(client.board.capabilities().eval, Can::kYes);
  EXPECT_TRUE(client.board.is_up());
}

TEST_F(Asking, DoesNotHappenAtEachReconnect) {
  for (int i = 0; i < 20; ++i) {
    client.run_for(1s);
    client.server.drop_links();
  }
  EXPECT_EQ(questions, 7);
  client.run_for(60s);
  client.server.drop_links();
  client.run_for(1s);
  EXPECT_EQ(questions, 14);
  EXPECT_EQ(logged("the server has shown what it can"), 1) << "nothing new was learnt";
}

TEST_F(Asking, HappensWhenAnotherServerGreets) {
  client.settle();
  client.server.drop_links();
  client.server.handler = [this](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] == "HELLO") return "%2\r\n$7\r\nversion\r\n$5\r\n8.2.1\r\n$5\r\nproto\r\n:3\r\n";
    return answer(argv);
  };
  client.run_for(1s);
  EXPECT_EQ(questions, 14);
  EXPECT_EQ(client.board.capabilities().version, "8.2.1");
}

// As Twemproxy does with what it does not know.
TEST_F(Asking, IsGivenUpWhereTheServerHangsUpOnIt) {
  client.server.handler = [this](const Argv& argv) -> std::optional<std::string> {
    if (!is_question(argv)) return std::nullopt;
    ++questions;
    for (const auto& link : client.server.links()) link->closed_by_server = true;
    return "";
  };
  client.run_for(10s);
  EXPECT_TRUE(client.board.is_up());
  EXPECT_EQ(client.server.dials, 3u);
  const auto answer = client.submit(get("k"));
  client.settle();
  EXPECT_EQ(outcome(answer), "ok");
  EXPECT_EQ(client.board.capabilities().eval, Can::kUnknown);
}

TEST_F(Asking, OfAServerThatIsSilentCondemnsTheLinkAsAnyCommandWould) {
  client.settle();
  client.server.drop_links();
  client.run_for(61s);
  client.server.frozen = true;
  client.submit(get("k"));
  client.run_for(1s);
  EXPECT_GE(client.stats().condemned, 1u);
}

TEST(NotAsking, SaysNothingAndKnowsTheGreeting) {
  SimClient client;
  client.settle();
  EXPECT_TRUE(client.server.asked().empty());
  EXPECT_EQ(client.board.capabilities().version, "7.0.15");
  EXPECT_EQ(client.board.capabilities().eval, Can::kUnknown);
}

// Scripts by digest are not let, scripts by text are.
TEST(ScriptsOfAUser, WhoMayNotUseDigestsGoWithTheirText) {
  static const Script script("return 'ok'");
  SimClient client;
  client.settle();
  client.server.handler = [](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] == "EVALSHA") return "-NOPERM User joe has no permissions to run the 'evalsha' command\r\n";
    if (argv[0] == "EVAL") return "+ran\r\n";
    return std::nullopt;
  };
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.submit(script.command<std::string>(script.words(0), decode_string, Repeat::kNever, 0));
    client.settle();
    ASSERT_EQ(outcome(answer), "ok");
    EXPECT_EQ((**answer).value(), "ran");
  }
  const auto asked = client.server.asked();
  EXPECT_EQ(std::count_if(asked.begin(), asked.end(), [](const auto& line) { return line.starts_with("EVALSHA"); }), 1)
      << "one refusal is enough";
}

TEST(ScriptsOfAUser, WhoMayRunNoneEndWithTheCommandsName) {
  static const Script script("return 'ok'");
  SimClient client;
  client.settle();
  client.server.handler = [](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] == "EVALSHA")
      return "-NOPERM this user has no permissions to run the 'evalsha' command or its subcommand\r\n";
    if (argv[0] == "EVAL")
      return "-NOPERM this user has no permissions to run the 'eval' command or its subcommand\r\n";
    return std::nullopt;
  };
  const auto answer = client.submit(script.command<std::string>(script.words(0), decode_string, Repeat::kNever, 0));
  client.settle();
  EXPECT_EQ(outcome(answer), "permission");
  EXPECT_THAT(message(answer), HasSubstr("'eval'"));
}

// A script that ran, and was not let do something: running it again would do its other half twice.
TEST(ScriptsOfAUser, AreNotRunAgainForWhatTheyMayNotDo) {
  static const Script script("return 'ok'");
  SimClient client;
  client.settle();
  client.server.handler = [](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] == "EVALSHA") return "-NOPERM No permissions to access a key script: 5d, on @user_script:1.\r\n";
    return std::nullopt;
  };
  const auto answer = client.submit(script.command<std::string>(script.words(0), decode_string, Repeat::kNever, 0));
  client.settle();
  EXPECT_EQ(outcome(answer), "permission");
  EXPECT_EQ(client.server.asked().size(), 1u);
}

}  // namespace
}  // namespace envoyou::redis::capabilities_test
