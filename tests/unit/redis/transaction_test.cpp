// Goal: a transaction goes as one piece: never split, never repeated, and every slot told what became of it.
// Method: a simulated server that queues between MULTI and EXEC as Redis does, and faults at each point of it.
#include "sim.hpp"

#include <envoyou/redis/transaction.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace envoyou::redis::transaction_test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// MULTI, QUEUED and EXEC for one link. "BAD" is refused before EXEC, "WRONG" in it.
struct Queueing {
  std::vector<std::string> queued;
  bool open = false;
  bool broken = false;
  bool conflict = false;

  std::optional<std::string> operator()(const Argv& argv) {
    if (argv[0] == "MULTI") return begin();
    if (argv[0] == "EXEC") return end();
    if (!open) return std::nullopt;
    broken = broken || argv[0] == "BAD";
    if (argv[0] == "BAD") return "-ERR unknown command 'BAD'\r\n";
    queued.push_back(argv[0] == "WRONG" ? "-WRONGTYPE no\r\n" : ":" + std::to_string(queued.size() + 1) + "\r\n");
    return "+QUEUED\r\n";
  }

 private:
  std::string begin() {
    *this = {{}, true, false, conflict};
    return "+OK\r\n";
  }
  std::string end() {
    open = false;
    if (broken) return "-EXECABORT Transaction discarded because of previous errors.\r\n";
    if (conflict) return "*-1\r\n";
    std::string reply = "*" + std::to_string(queued.size()) + "\r\n";
    for (const std::string& each : queued) reply += each;
    return reply;
  }
};

Command<std::int64_t> number(std::string_view name) { return {Words(name, "k"), decode_integer}; }

class TransactionTest : public ::testing::Test {
 protected:
  using Whole = std::shared_ptr<std::optional<Result<Executed>>>;

  explicit TransactionTest(ClientOptions options = {}) : sim(std::move(options)) {
    sim.server.handler = [this](const Argv& argv) { return server(argv); };
    sim.settle();
  }

  Whole post(Milliseconds timeout = 100ms) {
    auto whole = std::make_shared<std::optional<Result<Executed>>>();
    auto end = to_submission(Command<Executed>(Words(), Transaction::decode_executed),
                             [whole](Result<Executed> result) { whole->emplace(std::move(result)); });
    if (auto sealed = transaction.seal(std::move(end.reader))) sim.post(*std::move(sealed), timeout);
    return whole;
  }
  static std::string code(Transaction::Slot<std::int64_t>& slot) {
    auto& result = Transaction::take(slot);
    return result ? std::to_string(*result) : std::string(to_string(result.error().code()));
  }

  Queueing server;
  SimClient sim;
  Transaction transaction;
};

TEST_F(TransactionTest, AnswersEachSlotFromExec) {
  auto a = transaction.add(number("INCR"));
  auto b = transaction.add(number("DECR"));
  const auto whole = post();
  sim.settle();
  EXPECT_EQ(whole->value().value(), Executed::kAll);
  EXPECT_EQ(code(a), "1");
  EXPECT_EQ(code(b), "2");
  EXPECT_THAT(sim.server.asked(), ElementsAre("MULTI", "INCR k", "DECR k", "EXEC"));
  EXPECT_EQ(sim.stats().answered, 1u);
}

TEST_F(TransactionTest, LetsNobodyInBetween) {
  auto a = transaction.add(number("INCR"));
  const auto before = sim.submit(get("before"));
  const auto whole = post();
  const auto after = sim.submit(get("after"));
  sim.settle();
  EXPECT_THAT(sim.server.asked(), ElementsAre("GET before", "MULTI", "INCR k", "EXEC", "GET after"));
  EXPECT_EQ(outcome(after), "ok");
  EXPECT_EQ(code(a), "1");
}

TEST_F(TransactionTest, TellsAFailureInExecInItsSlotAlone) {
  auto a = transaction.add(number("INCR"));
  auto b = transaction.add(number("WRONG"));
  const auto whole = post();
  sim.settle();
  EXPECT_EQ(outcome(whole), "ok");
  EXPECT_EQ(code(a), "1");
  EXPECT_EQ(code(b), "wrong_type");
}

TEST_F(TransactionTest, TellsWhichCommandKeptAllFromBeingExecuted) {
  auto a = transaction.add(number("INCR"));
  auto b = transaction.add(number("BAD"));
  const auto whole = post();
  sim.settle();
  EXPECT_EQ(outcome(whole), "server_error");
  EXPECT_THAT(message(whole), HasSubstr("command 2 was refused"));
  EXPECT_EQ(code(a), "server_error");
  EXPECT_THAT(std::string(Transaction::take(a).error().message()), HasSubstr("command 2 was refused"));
  EXPECT_EQ(code(b), "server_error");
}

TEST_F(TransactionTest, AConflictIsAnOutcome) {
  server.conflict = true;
  auto a = transaction.add(number("INCR"));
  const auto whole = post();
  sim.settle();
  EXPECT_EQ(whole->value().value(), Executed::kNone);
  EXPECT_EQ(code(a), "conflict");
}

TEST_F(TransactionTest, ExpiresWhole) {
  sim.server.frozen = true;
  sim.server.last()->room = 0;
  auto a = transaction.add(number("INCR"));
  (void)sim.submit(get("in the way"), 500ms);
  sim.run_for(1ms);
  const auto whole = post(10ms);
  sim.run_for(20ms);
  EXPECT_EQ(outcome(whole), "not_sent");
  EXPECT_EQ(code(a), "not_sent");
}

TEST_F(TransactionTest, IsNotRepeatedOnceItWasSent) {
  sim.server.frozen = true;
  auto a = transaction.add(number("INCR"));
  const auto whole = post();
  sim.run_for(1ms);
  sim.server.frozen = false;
  sim.server.drop_links();
  sim.settle();
  EXPECT_EQ(outcome(whole), "connection_lost");
  EXPECT_EQ(code(a), "connection_lost");
  EXPECT_THAT(sim.server.asked(), IsEmpty());
}

TEST_F(TransactionTest, IsSentWholeOnTheNextLinkIfAPartOfItNeverLeft) {
  sim.server.last()->room = 20;
  auto a = transaction.add(number("INCR"));
  sim.server.frozen = true;
  const auto whole = post();
  sim.run_for(1ms);
  EXPECT_EQ(sim.server.last()->to_server.size(), 20u);
  sim.server.frozen = false;
  sim.server.drop_links();
  sim.settle();
  EXPECT_EQ(outcome(whole), "ok");
  EXPECT_EQ(code(a), "1");
}

TEST_F(TransactionTest, IsAnsweredInPartBeforeAllOfItIsWritten) {
  sim.server.last()->room = 40;
  std::vector<Transaction::Slot<std::int64_t>> slots;
  for (int i = 0; i < 5; ++i) slots.push_back(transaction.add(number("INCR")));
  const auto whole = post();
  sim.settle();
  EXPECT_EQ(outcome(whole), "ok");
  EXPECT_EQ(code(slots.back()), "5");
  EXPECT_EQ(sim.server.dials, 1u);
}

TEST_F(TransactionTest, KeepsItsPlaceWhenItsCallerGivesUp) {
  sim.server.delay = 50ms;
  auto a = transaction.add(number("INCR"));
  const auto whole = post(10ms);
  const auto next = sim.submit(get("k"), 90ms);
  sim.run_for(100ms);
  EXPECT_EQ(outcome(whole), "timeout");
  EXPECT_EQ(code(a), "timeout");
  EXPECT_EQ((*next)->value(), "value of k");
  EXPECT_EQ(sim.stats().late_replies, 1u);
}

TEST_F(TransactionTest, CondemnsALinkThatAnswersWithSomethingElse) {
  sim.server.handler = [](const Argv& argv) -> std::optional<std::string> {
    return argv[0] == "INCR" ? std::optional<std::string>("$5\r\nother\r\n") : std::nullopt;
  };
  auto a = transaction.add(number("INCR"));
  const auto whole = post();
  sim.settle();
  EXPECT_EQ(outcome(whole), "connection_lost");
  EXPECT_EQ(code(a), "connection_lost");
  EXPECT_EQ(sim.stats().condemned, 1u);
}

TEST_F(TransactionTest, CondemnsALinkWhoseExecHasAnotherLength) {
  sim.server.handler = [](const Argv& argv) -> std::optional<std::string> {
    if (argv[0] == "EXEC") return "*2\r\n:1\r\n:2\r\n";
    return argv[0] == "INCR" ? std::optional<std::string>("+QUEUED\r\n") : std::nullopt;
  };
  auto a = transaction.add(number("INCR"));
  const auto whole = post();
  sim.settle();
  EXPECT_EQ(outcome(whole), "foreign_reply");
  EXPECT_EQ(code(a), "foreign_reply");
  EXPECT_EQ(sim.stats().condemned, 1u);
}

TEST_F(TransactionTest, RefusesWhatWouldOutliveItOnASharedLink) {
  auto a = transaction.add(number("INCR"));
  auto b = transaction.add(number("SELECT"));
  const auto whole = post();
  EXPECT_EQ(outcome(whole), "unsupported");
  EXPECT_THAT(message(whole), HasSubstr("SELECT"));
  EXPECT_EQ(code(a), "unsupported");
  EXPECT_EQ(code(b), "unsupported");
  EXPECT_EQ(transaction.size(), 0u);
}

TEST_F(TransactionTest, ThatIsNeverRunEndsItsCommands) {
  Transaction::Slot<std::int64_t> slot;
  {
    Transaction unused;
    slot = unused.add(number("INCR"));
  }
  EXPECT_EQ(code(slot), "closed");
}

TEST_F(TransactionTest, SendsAScriptWithItsText) {
  const Script script("return 1");
  auto a = transaction.add(script.command<std::int64_t>(script.words(0), decode_integer, Repeat::kNever, 0));
  (void)post();
  sim.settle();
  EXPECT_THAT(sim.server.asked()[1], HasSubstr("EVAL return 1 0"));
}

class OneInFlight : public TransactionTest {
 protected:
  static ClientOptions one() {
    ClientOptions options;
    options.max_in_flight = 1;
    return options;
  }
  OneInFlight() : TransactionTest(one()) {}
};

TEST_F(OneInFlight, CountsAsOneInTheWindow) {
  auto a = transaction.add(number("INCR"));
  auto b = transaction.add(number("INCR"));
  const auto whole = post();
  sim.settle();
  EXPECT_EQ(outcome(whole), "ok");
  EXPECT_EQ(code(b), "2");
}

}  // namespace
}  // namespace envoyou::redis::transaction_test
