// Goal: the client keeps its promises through everything that a node and a network do to it, but for what needs a
// real socket. Method: the whole client on one thread over a network, a Redis and a clock in memory (sim.hpp). Time
// passes only when nothing
//         else happens, so every figure is exact.
#include "sim.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace envoyou::redis::engine_test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<SimClient> connected(ClientOptions options = {}) {
  auto client = std::make_unique<SimClient>(std::move(options));
  client->settle();
  EXPECT_TRUE(client->board.is_up());
  return client;
}

TEST(Engine, ConnectsGreetsAndAnswers) {
  auto client = connected();
  const auto answer = client->submit(get("k"));
  client->settle();
  ASSERT_EQ(outcome(answer), "ok");
  EXPECT_EQ((**answer).value(), "value of k");
  EXPECT_THAT(client->recorder->told, ElementsAre("answered"));
  EXPECT_THAT(client->recorder->logged, ElementsAre("info connected"));
  EXPECT_EQ(client->board.server().version, "7.0.15");
  EXPECT_EQ(client->board.server().protocol, 3);
}

TEST(Engine, TellsInMetricsWhatItCounts) {
  auto client = connected();
  client->server.frozen = true;
  client->submit(get("k"));
  client->run_for(1s);
  std::map<std::string, double> samples;
  client->runtime.metrics->visit([&](const auto& sample) { samples[std::string(sample.name)] = sample.value; });
  EXPECT_EQ(samples["envoyou_redis_condemned_total"], 1);
  EXPECT_EQ(samples["envoyou_redis_timeouts_total"], 1);
  EXPECT_GE(samples["envoyou_redis_connects_total"], 2);
}

TEST(Engine, WritesWhatManyCallersLeftInOneWrite) {
  auto client = connected();
  const auto before = client->stats().writes;
  std::vector<std::shared_ptr<std::optional<Result<std::optional<std::string>>>>> answers;
  for (int i = 0; i < 64; ++i) answers.push_back(client->submit(get(std::to_string(i))));
  client->settle();
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ((**answers[static_cast<std::size_t>(i)]).value(), "value of " + std::to_string(i));
  EXPECT_EQ(client->stats().writes, before + 1);
}

TEST(Engine, IsWokenOnceForManyCommands) {
  auto client = connected();
  client->reactor.step(client->now());  // says that it sleeps
  const int before = client->loop.wakes;
  for (int i = 0; i < 64; ++i) client->submit(get("k"));
  EXPECT_LE(client->loop.wakes, before + 1);
}

TEST(Engine, DoesNotSpinWhenThereIsNothingToDo) {
  auto client = connected();
  const int before = client->loop.polls;
  client->run_for(60s);
  EXPECT_LT(client->loop.polls - before, 60 * 8);  // a fence a second
}

TEST(Engine, AnswersKTimeoutExactlyAtTheDeadlineAndGivesTheLateReplyToNobody) {
  ClientOptions options;
  options.stall_limit = 10s;
  auto client = connected(options);
  client->server.delay = 50ms;
  const auto late = client->submit(get("late"), 20ms);
  const auto patient = client->submit(get("patient"), 100ms);
  client->run_for(20ms - 1ns);
  EXPECT_EQ(outcome(late), "pending");
  client->run_for(1ns);
  EXPECT_EQ(outcome(late), "timeout");
  client->run_for(40ms);
  EXPECT_EQ((**patient).value(), "value of patient");
  EXPECT_EQ(client->stats().late_replies, 1u);
  EXPECT_EQ(client->stats().timed_out, 1u);
  EXPECT_EQ(client->server.dials, 1u);
}

TEST(Engine, NeverSendsWhatExpiredBefore) {
  ClientOptions options;
  options.max_in_flight = 1;
  options.stall_limit = 10s;
  auto client = connected(options);
  client->server.delay = 50ms;
  client->submit(get("first"));
  const auto waits = client->submit(incr("second"), 20ms);
  client->run_for(20ms);
  EXPECT_EQ(outcome(waits), "not_sent");
  client->run_for(200ms);
  EXPECT_THAT(client->server.asked(), ElementsAre("GET first"));
  EXPECT_EQ(client->stats().expired_unsent, 1u);
}

TEST(Engine, QueuesWhileTheFirstConnectIsUnderWay) {
  SimClient client;
  client.server.silent = true;
  const auto waits = client.submit(get("k"), 100ms);
  client.run_for(50ms);
  EXPECT_EQ(outcome(waits), "pending");
  for (const auto& link : client.server.links()) link->connected = true;
  client.run_for(1ms);
  EXPECT_EQ(outcome(waits), "ok");
}

TEST(Engine, GivesUpAtTheDeadlineWhileTheFirstConnectIsUnderWay) {
  SimClient client;
  client.server.silent = true;
  const auto waits = client.submit(get("k"), 100ms);
  client.run_for(100ms);
  EXPECT_EQ(outcome(waits), "not_sent");
}

TEST(Engine, RefusesAtOnceWhileTheNodeIsAwayAndSaysWhy) {
  SimClient client;
  client.server.refuses = true;
  const auto waited = client.submit(get("k"));
  client.settle();
  EXPECT_EQ(outcome(waited), "unavailable");
  const auto at_once = client.submit(get("k"));
  EXPECT_EQ(outcome(at_once), "unavailable");
  EXPECT_THAT(message(at_once), HasSubstr("connection refused"));
  EXPECT_THAT(message(at_once), HasSubstr("redis://127.0.0.1:6379"));
}

TEST(Engine, GivesUpAConnectThatIsNotAnsweredAndDialsAgain) {
  SimClient client;
  client.server.silent = true;
  client.run_for(400ms);
  EXPECT_THAT(client.recorder->told, ElementsAre("refused: connect: no answer within 400 ms"));
  EXPECT_TRUE(client.board.is_away());
  client.run_for(10s);
  EXPECT_LE(client.server.dials, 30u);
  EXPECT_GE(client.server.dials, 20u);
}

TEST(Engine, GivesUpAHandshakeThatIsNotAnswered) {
  SimClient client;
  client.server.frozen = true;
  client.run_for(400ms);
  EXPECT_THAT(client.recorder->told, ElementsAre("refused: HELLO: no answer within 400 ms"));
}

TEST(Engine, LogsAnOutageInFewLines) {
  SimClient client;
  client.server.refuses = true;
  client.run_for(60s);
  EXPECT_GT(client.server.dials, 100u);
  EXPECT_LE(client.recorder->logged.size(), 7u);
  EXPECT_THAT(client.recorder->logged, Contains("warning not connected: connect sim: connection refused"));
}

TEST(Engine, IsBackWithinHalfASecond) {
  for (const auto outage : {100ms, 1'234ms, 60'000ms, 600'000ms}) {
    SimClient client;
    client.server.refuses = true;
    client.run_for(outage);
    client.server.refuses = false;
    client.run_for(500ms);
    EXPECT_TRUE(client.board.is_up()) << outage.count();
  }
}

TEST(Engine, IsBackWithinHalfASecondAfterABlackHole) {
  for (const auto outage : {100ms, 1'234ms, 5'000ms}) {
    auto client = connected();
    client->server.frozen = true;
    client->submit(get("k"));
    client->run_for(outage);
    client->server.frozen = false;
    client->run_for(500ms);
    EXPECT_TRUE(client->board.is_up()) << outage.count();
  }
}

TEST(Engine, CondemnsALinkThatIsSilentWithWorkInFlightAndCountsItOnce) {
  auto client = connected();
  client->server.frozen = true;
  std::vector<std::shared_ptr<std::optional<Result<std::int64_t>>>> answers;
  for (int i = 0; i < 64; ++i) answers.push_back(client->submit(incr("k"), 1000ms));
  client->run_for(100ms - 1ns);
  EXPECT_EQ(client->stats().condemned, 0u);
  client->run_for(1ns);
  EXPECT_EQ(client->stats().condemned, 1u);
  for (const auto& answer : answers) EXPECT_EQ(outcome(answer), "connection_lost");
  EXPECT_THAT(client->recorder->told, ElementsAre("answered", "condemned: silent for 100 ms with work in flight"));
}

TEST(Engine, DoesNotCondemnALinkThatIsSlowButAnswers) {
  auto client = connected();
  client->server.delay = 90ms;
  for (int i = 0; i < 100; ++i) {
    client->submit(get("k"), 5ms);  // a caller's impatience moves nothing
    client->run_for(10ms);
  }
  EXPECT_EQ(client->stats().condemned, 0u);
  EXPECT_EQ(client->server.dials, 1u);
}

TEST(Engine, DoesNotCondemnAnIdleLink) {
  auto client = connected();
  client->run_for(60s);
  EXPECT_EQ(client->stats().condemned, 0u);
  EXPECT_EQ(client->server.dials, 1u);
}

TEST(Engine, NoticesThatAnIdleLinkIsDead) {
  auto client = connected();
  client->server.frozen = true;
  client->run_for(1'100ms);
  EXPECT_EQ(client->stats().condemned, 1u);
}

TEST(Engine, CondemnsALinkThatDrips) {
  auto client = connected();
  client->server.handler = [](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] == "GET") return "";
    return std::nullopt;
  };
  client->submit(get("k"), 1000ms);
  for (int i = 0; i < 3; ++i) {
    client->run_for(60ms);
    if (client->stats().condemned == 0) client->server.last()->to_client += i == 0 ? "$" : "9";
  }
  EXPECT_EQ(client->stats().condemned, 1u);
}

// A host that was stopped, or a starved thread, finds answers in the socket and a clock that has jumped.
TEST(Engine, ReadsBeforeItJudgesSilence) {
  auto client = connected();
  const auto answer = client->submit(get("k"), 10s);
  client->reactor.step(client->now());  // sent
  client->server.pump();                // answered, and not yet read
  client->clock->advance(5s);
  client->run_for(1ms);
  EXPECT_EQ(outcome(answer), "ok");
  EXPECT_EQ(client->stats().condemned, 0u);
}

TEST(Engine, CondemnsALinkOverWhichAnUnaskedReplyComes) {
  auto client = connected();
  client->server.push_to_all("+OK\r\n");
  client->settle();
  EXPECT_THAT(client->recorder->told, Contains("condemned: a reply came that nobody asked for"));
  EXPECT_EQ(client->server.dials, 2u);
  const auto answer = client->submit(get("k"));
  client->settle();
  EXPECT_EQ((**answer).value(), "value of k");
}

TEST(Engine, SendsNothingBehindAPartOfAReplyThatNobodyAskedFor) {
  auto client = connected();
  client->server.push_to_all("$5\r\nab");
  client->settle();
  const auto answer = client->submit(get("k"), 1000ms);
  client->run_for(99ms);
  EXPECT_THAT(client->server.asked(), ElementsAre());
  client->run_for(2ms);
  EXPECT_EQ((**answer).value(), "value of k");
  EXPECT_EQ(client->stats().condemned, 1u);
}

TEST(Engine, TakesNoReplyForACommandThatIsNotWrittenYet) {
  auto client = connected();
  client->server.last()->room = 0;
  const auto answer = client->submit(get("k"), 1000ms);
  client->run_for(1ms);
  client->server.push_to_all("$5\r\nstray\r\n");
  client->run_for(1ms);
  EXPECT_EQ((**answer).value(), "value of k");
  EXPECT_EQ(client->stats().condemned, 1u);
}

TEST(Engine, IgnoresPushes) {
  auto client = connected();
  client->server.push_to_all(">2\r\n+invalidate\r\n*0\r\n");
  const auto answer = client->submit(get("k"));
  client->settle();
  EXPECT_EQ((**answer).value(), "value of k");
  EXPECT_EQ(client->stats().condemned, 0u);
}

TEST(Engine, RefusesALinkThatGreetsTwice) {
  SimClient client;
  client.server.handler = [](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] == "PING") return "+PONG\r\n+PONG\r\n";
    return std::nullopt;
  };
  client.settle();
  EXPECT_FALSE(client.board.is_up());
  EXPECT_THAT(client.recorder->told, ElementsAre(HasSubstr("nobody asked for")));
}

TEST(Engine, CondemnsALinkWhoseRepliesAreOneOffAtTheNextFence) {
  auto client = connected();
  // Shifted by one reply: under load the flight is never empty, and untagged commands cannot tell.
  client->server.handler = [shifted = false](const Argv& argv) mutable -> std::optional<std::string> {
    if (argv[0] != "GET") return std::nullopt;
    if (shifted) return std::nullopt;
    shifted = true;
    return "$5\r\nstray\r\n$5\r\nstray\r\n";
  };
  client->server.delay = 5ms;
  for (int i = 0; i < 1'100 && client->stats().condemned == 0; ++i) {
    client->submit(get("k"), 100ms);
    client->run_for(1ms);
  }
  EXPECT_EQ(client->stats().condemned, 1u);
  EXPECT_THAT(client->recorder->told, Contains("condemned: a ping was answered with something else"));
}

Result<std::string> decode_tagged(const ReplyView& reply, std::uint64_t tag) {
  if (reply.is_string() && reply.text == "value of " + std::to_string(tag)) return std::string(reply.text);
  return Error(Errc::kForeignReply, "another tag");
}

TEST(Engine, ClosesTheLinkWhenAReplyDoesNotNameItsQuestion) {
  auto client = connected();
  client->server.handler = [once = true](const Argv& argv) mutable -> std::optional<std::string> {
    if (argv[0] != "GET" || !std::exchange(once, false)) return std::nullopt;
    return "$10\r\nvalue of 0\r\n";
  };
  const auto wrong = client->submit(Command<std::string>(Words("GET", 1), decode_tagged, Repeat::kIsSafe, 1));
  const auto behind = client->submit(Command<std::string>(Words("GET", 2), decode_tagged, Repeat::kIsSafe, 2));
  const auto unsafe = client->submit(incr("k"));
  client->settle();
  EXPECT_EQ(outcome(wrong), "foreign_reply");
  EXPECT_EQ((**behind).value(), "value of 2");
  EXPECT_EQ(outcome(unsafe), "connection_lost");
  EXPECT_EQ(client->stats().foreign_replies, 1u);
  EXPECT_EQ(client->server.dials, 2u);
}

TEST(Engine, RepeatsOnceWhatIsSafeAndNothingElse) {
  auto client = connected();
  client->server.frozen = true;
  const auto safe = client->submit(get("safe"), 1000ms);
  const auto unsafe = client->submit(incr("unsafe"), 1000ms);
  client->run_for(50ms);
  client->server.drop_links();
  client->server.frozen = false;
  client->settle();
  EXPECT_EQ((**safe).value(), "value of safe");
  EXPECT_EQ(outcome(unsafe), "connection_lost");
  EXPECT_EQ(client->stats().repeated, 1u);
  EXPECT_THAT(client->server.asked(), ElementsAre("GET safe"));
}

TEST(Engine, RepeatsNothingTwice) {
  auto client = connected();
  int seen = 0;
  client->server.handler = [&](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] != "GET") return std::nullopt;
    ++seen;
    client->server.drop_links();
    return "";
  };
  const auto answer = client->submit(get("k"), 1000ms);
  client->run_for(10ms);
  EXPECT_EQ(outcome(answer), "connection_lost");
  EXPECT_EQ(seen, 2);
}

TEST(Engine, RepeatsNoMoreThanItsBudget) {
  auto client = connected();
  client->server.frozen = true;
  for (int i = 0; i < 150; ++i) client->submit(get("k"), 1000ms);
  client->run_for(10ms);
  client->server.drop_links();
  client->server.frozen = false;
  client->settle();
  EXPECT_EQ(client->stats().repeated, 100u);
}

TEST(Engine, EndsWhatMayHaveRunWithATimeoutAndNotWithNotSent) {
  auto client = connected();
  client->server.frozen = true;
  const auto answer = client->submit(get("k"), 100ms);
  client->run_for(50ms);
  client->server.drop_links();
  client->server.silent = true;
  client->run_for(50ms);
  EXPECT_EQ(outcome(answer), "timeout");
}

TEST(Engine, SendsWhatWasNotSentOnTheNextLink) {
  auto client = connected();
  client->server.last()->room = 0;
  const auto unsafe = client->submit(incr("k"), 1000ms);
  client->run_for(50ms);
  client->server.drop_links();
  client->settle();
  EXPECT_EQ(outcome(unsafe), "ok");
  EXPECT_THAT(client->server.asked(), ElementsAre("INCR k"));
}

// Half a command is none for the server.
TEST(Engine, SendsAgainWhatWasSentInPart) {
  auto client = connected();
  client->server.last()->room = 10;
  const auto unsafe = client->submit(incr("k"), 1000ms);
  client->run_for(50ms);
  client->server.drop_links();
  client->settle();
  EXPECT_EQ(outcome(unsafe), "ok");
  EXPECT_THAT(client->server.asked(), ElementsAre("INCR k"));
}

TEST(Engine, GoesOnWritingWhenThereIsRoomAgain) {
  auto client = connected();
  client->server.last()->room = 1000;
  const std::string large(100'000, 'x');
  const auto answer = client->submit(set("k", large), 1000ms);
  client->server.frozen = true;
  client->run_for(50ms);
  EXPECT_EQ(outcome(answer), "pending");
  client->server.last()->room = SIZE_MAX;
  client->server.frozen = false;
  client->settle();
  EXPECT_EQ(outcome(answer), "ok");
  EXPECT_THAT(client->server.asked(), ElementsAre("SET k " + large));
}

// Found by the simulation: what was left of a greeting was never written, and the loop turned without end.
TEST(Engine, GoesOnWithAGreetingWhenThereIsRoomAgain) {
  SimClient client;
  client.server.room = 20;  // less than a HELLO
  const auto answer = client.submit(get("k"));
  client.run_for(10ms);
  client.server.last()->room = SIZE_MAX;
  client.settle();
  EXPECT_EQ(outcome(answer), "ok");
  EXPECT_LT(client.loop.polls, 50);
}

TEST(Engine, DoesNotLookAtTheCalendar) {
  auto client = connected();
  for (const Milliseconds jump : {Milliseconds(3'600'000), Milliseconds(-7'200'000)}) {
    client->server.delay = 50ms;
    const auto answered = client->submit(get("k"), 60ms);
    const auto expired = client->submit(get("k"), 40ms);
    client->clock->step_wall(jump);
    client->run_for(39ms);
    EXPECT_EQ(outcome(expired), "pending");
    client->run_for(1ms);
    EXPECT_EQ(outcome(expired), "timeout");
    client->run_for(20ms);
    EXPECT_EQ(outcome(answered), "ok");
  }
  EXPECT_EQ(client->server.dials, 1u);
}

TEST(Engine, GivesUpOnGarbageAndOnBombs) {
  for (const char* hostile : {"*2147483647\r\n", "$9223372036854775807\r\n", "%536870912\r\n", "\x01?\r\n"}) {
    auto client = connected();
    client->server.handler = [&, once = true](const Argv& argv) mutable -> std::optional<std::string> {
      if (argv[0] != "GET" || !std::exchange(once, false)) return std::nullopt;
      return hostile;
    };
    const auto first = client->submit(get("k"));
    const auto second = client->submit(get("k"));
    client->settle();
    EXPECT_EQ(outcome(first), "protocol") << hostile;
    EXPECT_EQ(outcome(second), "ok") << hostile;
    EXPECT_EQ(client->stats().condemned, 1u);
  }
}

class ScriptsInEngine : public ::testing::Test {
 protected:
  ScriptsInEngine() {
    client_.server.handler = [this](const Argv& argv) -> std::optional<std::string> {
      if (argv[0] == "EVALSHA" && !known_) return "-NOSCRIPT No matching script. Please use EVAL.\r\n";
      if (argv[0] == "EVAL") known_ = true;
      if (argv[0] == "EVAL" || argv[0] == "EVALSHA") return ":" + argv.back() + "\r\n";
      return std::nullopt;
    };
    client_.settle();
  }
  Command<std::int64_t> call(int argument) {
    Words words = script_.words(0);
    words.add(argument);
    return script_.command<std::int64_t>(std::move(words), decode_integer, Repeat::kNever, 0);
  }

  SimClient client_;
  Script script_{"return tonumber(ARGV[1])"};
  bool known_ = false;
};

TEST_F(ScriptsInEngine, AreSentWithTheirTextWhenTheServerHasForgottenThem) {
  const auto first = client_.submit(call(1));
  client_.settle();
  EXPECT_EQ((**first).value(), 1);
  EXPECT_THAT(client_.server.asked(), ElementsAre(HasSubstr("EVALSHA"), HasSubstr("EVAL return")));
  const auto second = client_.submit(call(2));
  client_.settle();
  EXPECT_EQ((**second).value(), 2);
  EXPECT_EQ(client_.server.asked().size(), 3u);
}

TEST_F(ScriptsInEngine, KeepTheirOrderInAGroup) {
  std::vector<std::int64_t> order;
  std::vector<Submission> group;
  for (int i = 1; i <= 3; ++i) {
    group.push_back(to_submission(call(i), [&order](Result<std::int64_t> result) { order.push_back(result.value()); }));
  }
  client_.post_all(std::move(group));
  client_.settle();
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST_F(ScriptsInEngine, HaveOneDeadlineForBothTries) {
  client_.server.delay = 30ms;
  const auto answer = client_.submit(call(1), 50ms);
  client_.run_for(50ms);
  EXPECT_EQ(outcome(answer), "timeout");
  client_.run_for(100ms);
  EXPECT_EQ(client_.stats().late_replies, 1u);
  EXPECT_EQ(client_.stats().queued, 0u);
}

TEST(Engine, GivesErrorsOfTheServerToTheCallAndKeepsTheLink) {
  auto client = connected();
  client->server.handler = [](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] == "GET") return "-WRONGTYPE Operation against a key\r\n";
    return std::nullopt;
  };
  const auto answer = client->submit(get("k"));
  client->settle();
  EXPECT_EQ(outcome(answer), "wrong_type");
  EXPECT_EQ(client->server.dials, 1u);
  EXPECT_THAT(client->recorder->told, ElementsAre("answered"));
}

TEST(Engine, LeavesAServerThatHasBecomeAReplica) {
  auto client = connected();
  client->server.handler = [&](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] != "SET" || client->server.dials > 1) return std::nullopt;
    return "-READONLY You can't write against a read only replica.\r\n";
  };
  client->run_for(2s);
  client->server.delay = 5ms;
  const auto refused = client->submit(set("k"));
  const auto read = client->submit(get("k"));
  client->run_for(5ms);
  const auto later = client->submit(set("k"));
  client->run_for(50ms);
  EXPECT_EQ(outcome(refused), "read_only");
  EXPECT_EQ(outcome(read), "ok");
  EXPECT_EQ(outcome(later), "ok");
  EXPECT_EQ(client->server.dials, 2u);
  EXPECT_EQ(client->stats().condemned, 0u);
}

TEST(Engine, LeavesAReplicaThatIsMeantToBeOneAtMostOnceASecond) {
  auto client = connected();
  client->server.handler = [](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] != "SET") return std::nullopt;
    return "-READONLY You can't write against a read only replica.\r\n";
  };
  for (int i = 0; i < 500; ++i) {
    client->submit(set("k"));
    client->run_for(10ms);
  }
  EXPECT_LE(client->server.dials, 6u);
}

TEST(Engine, CommandsFromCallbacksAreTaken) {
  auto client = connected();
  std::string second;
  client->post(to_submission(get("a"), [&](Result<std::optional<std::string>> first) {
    client->post(to_submission(
        get("b"), [&, first](Result<std::optional<std::string>> result) { second = **first + ", " + **result; }));
  }));
  client->settle();
  EXPECT_EQ(second, "value of a, value of b");
}

TEST(Engine, SpreadsCommandsOverLinksAndKeepsGroupsTogether) {
  ClientOptions options;
  options.connections = 4;
  auto client = connected(options);
  EXPECT_EQ(client->server.links().size(), 4u);
  for (int i = 0; i < 40; ++i) client->submit(get("k"));
  client->settle();
  for (const auto& link : client->server.links()) EXPECT_EQ(link->commands.size(), 12u);  // two of them the handshake

  std::vector<Submission> group;
  for (int i = 0; i < 10; ++i) group.push_back(to_submission(incr("g"), [](Result<std::int64_t>) {}));
  client->post_all(std::move(group));
  client->settle();
  const auto together = std::count_if(client->server.links().begin(), client->server.links().end(),
                                      [](const auto& link) { return link->commands.size() == 22u; });
  EXPECT_EQ(together, 1);
}

TEST(Engine, LosesOneOfSeveralLinksWithoutBeingAway) {
  ClientOptions options;
  options.connections = 2;
  auto client = connected(options);
  client->server.links()[0]->closed_by_server = true;
  client->server.refuses = true;
  client->settle();
  EXPECT_TRUE(client->board.is_up());
  const auto answer = client->submit(get("k"));
  client->settle();
  EXPECT_EQ(outcome(answer), "ok");
  EXPECT_THAT(client->recorder->told, ElementsAre("answered", "answered"));
}

TEST(Engine, EndsEverythingExactlyOnceWhenItIsClosed) {
  auto client = connected();
  client->server.frozen = true;
  int ended = 0;
  for (int i = 0; i < 10; ++i) {
    client->post(to_submission(incr("k"), [&](Result<std::int64_t> result) {
      EXPECT_EQ(result.error().code(), Errc::kClosed);
      ++ended;
    }));
    if (i == 4) client->reactor.step(client->now());
  }
  client.reset();
  EXPECT_EQ(ended, 10);
}

TEST(Engine, GivesBackItsQuota) {
  auto client = connected();
  client->server.frozen = true;
  for (int i = 0; i < 100; ++i) client->submit(i % 2 == 0 ? get("k") : get("k", Repeat::kNever));
  client->run_for(50ms);
  client->server.drop_links();
  client->server.frozen = false;
  client->run_for(3s);
  EXPECT_EQ(client->inbox.quota().unsent(), 0u);
  EXPECT_EQ(client->inbox.quota().bytes(), 0u);
  EXPECT_EQ(client->stats().in_flight, 0u);
}

TEST(Engine, RefusesMoreThanItsQuota) {
  ClientOptions options;
  options.max_queued = 3;
  SimClient client(options);
  client.server.silent = true;
  std::vector<std::string> outcomes;
  for (int i = 0; i < 5; ++i) {
    const auto answer = client.submit(get("k"));
    outcomes.push_back(outcome(answer));
  }
  EXPECT_THAT(outcomes, ElementsAre("pending", "pending", "pending", "queue_full", "queue_full"));
}

TEST(Engine, HoldsNoMoreBytesThanItsQuota) {
  ClientOptions options;
  options.max_queued_bytes = 1000;
  options.stall_limit = 10s;
  auto client = connected(options);
  client->server.frozen = true;
  const auto kept = client->submit(set("k", std::string(600, 'x')), 1000ms);  // kept: it may have to be repeated
  client->run_for(1ms);
  EXPECT_EQ(outcome(client->submit(set("k", std::string(600, 'x')), 1000ms)), "queue_full");
  client->server.frozen = false;
  client->settle();
  EXPECT_EQ(outcome(kept), "ok");
  EXPECT_EQ(outcome(client->submit(set("k", std::string(600, 'x')), 1000ms)), "pending");
}

TEST(Engine, SpeaksTheOldProtocolToAnOldServer) {
  SimClient client;
  client.server.knows_hello = false;
  client.settle();
  EXPECT_TRUE(client.board.is_up());
  EXPECT_EQ(client.board.server().protocol, 2);
}

TEST(Engine, HealsWhenAPasswordIsMended) {
  SimClient client;
  bool mended = false;
  client.server.handler = [&](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] == "HELLO" && !mended) return "-WRONGPASS invalid username-password pair\r\n";
    return std::nullopt;
  };
  client.run_for(30s);
  EXPECT_THAT(client.recorder->told[0], HasSubstr("WRONGPASS"));
  EXPECT_LE(client.recorder->logged.size(), 4u);
  mended = true;
  client.run_for(1s);
  EXPECT_TRUE(client.board.is_up());
}

}  // namespace
}  // namespace envoyou::redis::engine_test
