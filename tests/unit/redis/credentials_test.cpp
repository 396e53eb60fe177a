// Goal: credentials that change reach the server in time and in order, wrong ones are tried seldom and told once, and
// nothing that is a secret is in any output. Method: the simulated client (sim.hpp) over a server that checks
// passwords; the provider answers when the test lets it.
#include "sim.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace envoyou::redis::credentials_test {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A client whose provider gives `given`, and a server that takes `right`.
struct Credentialed : ::testing::Test {
  ClientOptions with_provider() {
    ClientOptions options;
    options.credentials = [this]() -> Result<Credentials> {
      if (!given) return Error(Errc::kUnavailable, "no token to be had");
      return *given;
    };
    return options;
  }

  void start(ClientOptions options) {
    client = std::make_unique<SimClient>(std::move(options));
    client->server.handler = [this](const Argv& argv) { return check(argv); };
  }

  std::optional<std::string> check(const Argv& argv) {
    if (argv[0] == "AUTH" || (argv[0] == "HELLO" && argv.size() > 3)) {
      auth_times.push_back(client->now());
      const std::string& password = argv[0] == "AUTH" ? argv.back() : argv[4];
      if (password == right) return std::nullopt;
      return "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    }
    if (no_auth && argv[0] == "GET") return "-NOAUTH Authentication required.\r\n";
    return std::nullopt;
  }

  // All commands of the last link, fences apart.
  std::vector<std::string> said() const {
    std::vector<std::string> lines;
    for (const Argv& argv : client->server.last()->commands) {
      if (argv[0] != "PING") lines.push_back(argv[0] + " " + argv.back());
    }
    return lines;
  }
  std::ptrdiff_t logged(std::string_view text) const {
    const auto& lines = client->recorder->logged;
    return std::count_if(lines.begin(), lines.end(),
                         [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }
  void expect_no_secret_in_any_output() const {
    EXPECT_THAT(client->recorder->logged, Each(Not(HasSubstr("hunter"))));
    EXPECT_THAT(client->recorder->told, Each(Not(HasSubstr("hunter"))));
  }

  std::optional<Credentials> given = Credentials{"joe", "hunter1", 100s};
  std::string right = "hunter1";
  bool no_auth = false;
  std::vector<TimePoint> auth_times;
  std::unique_ptr<SimClient> client;
};

TEST_F(Credentialed, CommandsWaitForTheFirstAnswerOfTheProvider) {
  start(with_provider());
  const auto waits = client->submit(get("k"), 200ms);
  const auto hurries = client->submit(get("k"), 20ms);
  client->run_for(50ms);
  EXPECT_EQ(client->server.dials, 0u);
  EXPECT_EQ(outcome(hurries), "not_sent");
  EXPECT_EQ(outcome(waits), "pending");
  client->answer_provider();
  client->settle();
  EXPECT_EQ(outcome(waits), "ok");
  EXPECT_EQ(said()[0], "HELLO envoyou");
}

TEST_F(Credentialed, WaitingForTheProviderDoesNotSpin) {
  start(with_provider());
  client->settle();
  const int before = client->loop.polls;
  client->run_for(10s);
  EXPECT_LT(client->loop.polls - before, 200);
}

TEST_F(Credentialed, AProviderThatHangsMakesTheNodeAway) {
  start(with_provider());
  client->run_for(400ms);
  const auto refused = client->submit(get("k"));
  EXPECT_EQ(outcome(refused), "unavailable");
  EXPECT_THAT(message(refused), HasSubstr("credentials: the provider has not answered within 400 ms"));
  client->run_for(60s);
  EXPECT_EQ(client->provider_calls.size(), 1u);
  EXPECT_EQ(client->server.dials, 0u);
  EXPECT_EQ(logged("not connected"), 1);
  client->answer_provider();
  client->run_for(500ms);
  EXPECT_TRUE(client->board.is_up());
}

TEST_F(Credentialed, AProviderThatFailsIsAskedOnceASecond) {
  given.reset();
  start(with_provider());
  int calls = 0;
  for (int i = 0; i < 100; ++i) {
    calls += static_cast<int>(client->provider_calls.size());
    client->answer_provider();
    client->run_for(100ms);
  }
  EXPECT_LE(calls, 11);
  EXPECT_EQ(client->server.dials, 0u);
  EXPECT_THAT(message(client->submit(get("k"))), HasSubstr("credentials: no token to be had"));
  given = Credentials{"joe", "hunter1"};
  client->run_for(1s);
  client->answer_provider();
  client->run_for(500ms);
  EXPECT_TRUE(client->board.is_up());
}

TEST_F(Credentialed, NewOnesReachALiveLinkInOrderWithItsCommands) {
  start(with_provider());
  client->settle();
  client->answer_provider();
  client->settle();
  ASSERT_TRUE(client->board.is_up());
  right = "hunter2";
  given = Credentials{"joe", "hunter2", 100s};
  client->run_for(80s);
  client->submit(get("before"));
  client->settle();
  client->answer_provider();
  client->settle();
  const auto after = client->submit(get("after"));
  client->settle();
  EXPECT_THAT(said(), ElementsAre("HELLO envoyou", "GET before", "AUTH hunter2", "GET after"));
  EXPECT_EQ(outcome(after), "ok");
  EXPECT_EQ(client->server.dials, 1u);
  EXPECT_EQ(client->stats().answered, 2u) << "what the client says for itself is not counted";
  EXPECT_EQ(client->stats().in_flight, 0u);
}

TEST_F(Credentialed, TheSameAgainAreNoNews) {
  start(with_provider());
  for (int i = 0; i < 300; ++i) {
    client->answer_provider();
    client->run_for(1s);
  }
  EXPECT_EQ(auth_times.size(), 1u);
}

TEST_F(Credentialed, NewOnesOfTheHostReachALiveLink) {
  ClientOptions options;
  options.password = "hunter1";
  start(options);
  client->settle();
  right = "hunter2";
  client->credentials->set({"", "hunter2"});
  client->settle();
  EXPECT_THAT(said(), ElementsAre("HELLO envoyou", "AUTH hunter2"));
}

TEST_F(Credentialed, OneLinkAfterTheOtherIsAsked) {
  ClientOptions options;
  options.password = "hunter1";
  options.connections = 4;
  start(options);
  client->run_for(1s);
  ASSERT_EQ(auth_times.size(), 4u);
  client->credentials->set({"", "wrong"});
  client->run_for(10s);
  EXPECT_EQ(auth_times.size(), 5u) << "and no other after the refusal";
  right = "hunter3";
  client->credentials->set({"", "hunter3"});
  client->run_for(1s);
  EXPECT_EQ(auth_times.size(), 9u);
  EXPECT_EQ(client->server.dials, 4u);
}

TEST_F(Credentialed, ARefusalLeavesTheLinkAndIsToldOnce) {
  start(with_provider());
  client->settle();
  client->answer_provider();
  client->settle();
  given = Credentials{"joe", "hunter-wrong", 100s};
  for (int i = 0; i < 1000; ++i) {
    client->answer_provider();
    const auto answer = client->submit(get("k"));
    client->run_for(100ms);
    ASSERT_EQ(outcome(answer), "ok");
  }
  EXPECT_EQ(client->server.dials, 1u);
  EXPECT_EQ(auth_times.size(), 2u);
  EXPECT_EQ(logged("refuses the new credentials"), 1);
  expect_no_secret_in_any_output();
}

TEST_F(Credentialed, ANoauthGivesTheLinkUpForOneThatAuthenticatesAnew) {
  start(with_provider());
  client->settle();
  client->answer_provider();
  client->run_for(2s);
  no_auth = true;
  const auto told = client->submit(get("k"));
  client->settle();
  EXPECT_EQ(outcome(told), "authentication");
  no_auth = false;
  client->settle();
  EXPECT_EQ(client->server.dials, 2u);
  EXPECT_EQ(logged("link lost: the server does not know the user"), 1);
  EXPECT_TRUE(client->board.is_up());
}

TEST_F(Credentialed, WrongOnesAreTriedOnceASecondAndToldOnce) {
  right = "hunter2";
  start(with_provider());
  for (int i = 0; i < 600; ++i) {
    client->answer_provider();
    client->run_for(100ms);
  }
  EXPECT_LE(auth_times.size(), 61u);
  for (std::size_t i = 1; i < auth_times.size(); ++i) EXPECT_GE(auth_times[i] - auth_times[i - 1], 1s);
  EXPECT_EQ(logged("not connected"), 1);
  EXPECT_THAT(message(client->submit(get("k"))), HasSubstr("WRONGPASS"));
  expect_no_secret_in_any_output();
}

TEST_F(Credentialed, WrongOnesAreToldAlsoWhereAnotherRefusalWasToldJustBefore) {
  ClientOptions options;
  options.password = "hunter1";
  right = "hunter2";
  start(options);
  client->server.refuses = true;
  client->run_for(1s);
  client->server.refuses = false;
  client->run_for(30s);
  EXPECT_EQ(logged("not connected: connect sim"), 1);
  EXPECT_EQ(logged("not connected: HELLO: WRONGPASS"), 1);
}

TEST_F(Credentialed, TheRightOnesHealWithinASecondOfTheProvidersGivingThem) {
  right = "hunter2";
  start(with_provider());
  for (int i = 0; i < 95; ++i) {
    client->answer_provider();
    client->run_for(100ms);
  }
  EXPECT_FALSE(client->board.is_up());
  given = Credentials{"joe", "hunter2"};
  const TimePoint changed = client->now();
  while (!client->board.is_up() && client->now() < changed + 10s) {
    client->answer_provider();
    client->run_for(10ms);
  }
  EXPECT_LE(client->now() - changed, 1s + 10ms);
}

TEST_F(Credentialed, TheRightOnesOfTheHostHealAtOnce) {
  ClientOptions options;
  options.password = "hunter1";
  right = "hunter2";
  start(options);
  client->run_for(30s);
  EXPECT_FALSE(client->board.is_up());
  client->credentials->set({"", "hunter2"});
  client->run_for(500ms);
  EXPECT_TRUE(client->board.is_up());
}

TEST_F(Credentialed, AreKeptFromTheTextOfErrors) {
  ClientOptions options;
  options.password = "hunter1";
  start(options);
  client->settle();
  right = "hunter2";
  client->credentials->set({"", "hunter2"});
  client->settle();
  client->server.handler = [](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] == "GET") return "-ERR odd, you said hunter2\r\n";
    return std::nullopt;
  };
  const auto answer = client->submit(get("k"));
  client->settle();
  EXPECT_THAT(message(answer), Not(HasSubstr("hunter2")));
}

TEST_F(Credentialed, AnEndInTheMidstOfAnAuthIsNoHarm) {
  ClientOptions options;
  options.password = "hunter1";
  start(options);
  client->settle();
  client->server.frozen = true;
  client->credentials->set({"", "hunter2"});
  client->run_for(10ms);
  client->server.frozen = false;
  client->server.drop_links();
  right = "hunter2";
  client->run_for(500ms);
  EXPECT_TRUE(client->board.is_up());
  client->credentials->set({"", "hunter3"});
  client->server.frozen = true;
  client->run_for(10ms);
  client.reset();
}

}  // namespace
}  // namespace envoyou::redis::credentials_test
