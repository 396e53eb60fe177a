// Goal: a link that is up gives each reply to its own question, and knows when it can no longer be believed.
// Method: the core alone: commands in, bytes out, replies by hand, hand-fed time.
#include "redis/link_core.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../times.hpp"
#include "replies.hpp"

namespace envoyou::redis::link_core_test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LinkCoreTest : public ::testing::Test {
 protected:
  LinkCoreTest() { core_.open(t0); }

  void ask(const std::string& name, Repeat repeat = Repeat::kNever, TimePoint deadline = t0 + 1h) {
    Command<Reply> command(Words(name), decode_any, repeat);
    core_.enqueue(Pending(to_submission(std::move(command),
                                        [this, name](Result<Reply> result) {
                                          ended_.push_back(
                                              name + " " +
                                              (result ? result->text : std::string(to_string(result.error().code()))));
                                        }),
                          deadline));
  }
  // Encodes and writes everything.
  std::string send(TimePoint now = t0) {
    core_.encode(out_, now);
    std::string sent(out_.unwritten());
    out_.consume(sent.size());
    core_.on_written(out_.written());
    return sent;
  }
  std::string condemned(const ReplyView& reply, TimePoint now = t0) { return std::string(core_.on_reply(reply, now)); }
  // The word of the fence that is sent when it is due.
  std::string fence() {
    const std::string sent = send(t0 + options_.idle_ping);
    const std::size_t at = sent.find("envoyou-fence-");
    EXPECT_NE(at, std::string::npos);
    return at == std::string::npos ? "" : sent.substr(at, sent.find('\r', at) - at);
  }

  std::vector<std::string> ended_;  // first, since what is left in the core ends with it
  ClientOptions options_;
  Tally tally_;
  RetryBudget budget_;
  base::Jitter jitter_{1};
  LinkCore core_{options_, tally_, budget_, jitter_};
  OutBuffer out_;
};

TEST_F(LinkCoreTest, GivesRepliesInTheOrderOfTheBytes) {
  ask("A");
  ask("B");
  EXPECT_EQ(send(), "*1\r\n$1\r\nA\r\n*1\r\n$1\r\nB\r\n");
  EXPECT_EQ(condemned(string_reply("a")), "");
  EXPECT_EQ(condemned(error_reply("WRONGTYPE Operation against a key")), "");
  EXPECT_THAT(ended_, ElementsAre("A a", "B wrong_type"));
  EXPECT_TRUE(core_.is_idle());
}

TEST_F(LinkCoreTest, KeepsToItsWindow) {
  options_.max_in_flight = 2;
  for (const char* name : {"A", "B", "C"}) ask(name);
  EXPECT_EQ(send().find("C"), std::string::npos);
  EXPECT_EQ(core_.load(), 3u);
  EXPECT_EQ(condemned(string_reply("a")), "");
  EXPECT_NE(send().find("C"), std::string::npos);
}

TEST_F(LinkCoreTest, EncodesNoMoreThanEnoughAtOnce) {
  for (int i = 0; i < 10; ++i) ask(std::string(100'000, 'x'));
  core_.encode(out_, t0);
  EXPECT_LT(out_.unwritten().size(), OutBuffer::kEnough + 100'100);
  EXPECT_GE(core_.in_flight(), 3u);
  EXPECT_EQ(core_.load(), 10u);
  core_.salvage(0, t0 + 2h, Error(Errc::kConnectionLost), std::nullopt);
}

TEST_F(LinkCoreTest, IsCondemnedByAReplyThatNobodyAskedFor) {
  EXPECT_THAT(condemned(string_reply("x")), HasSubstr("nobody asked for"));
}

TEST_F(LinkCoreTest, IsCondemnedByAReplyToWhatIsNotWritten) {
  ask("A");
  core_.encode(out_, t0);
  EXPECT_THAT(condemned(string_reply("x")), HasSubstr("nobody asked for"));
  core_.salvage(0, t0, Error(Errc::kConnectionLost), std::nullopt)[0].fail(Error(Errc::kClosed));
}

TEST_F(LinkCoreTest, SendsAFenceWhenItIsDueAlsoUnderLoad) {
  EXPECT_EQ(send(t0 + options_.idle_ping - 1ns), "");
  ask("A");
  const std::string word = fence();
  EXPECT_EQ(core_.in_flight(), 1u);  // without the fence
  EXPECT_EQ(condemned(string_reply(word)), "");
  EXPECT_EQ(condemned(string_reply("a")), "");
  EXPECT_EQ(core_.due(true), t0 + 2 * options_.idle_ping);
}

TEST_F(LinkCoreTest, IsCondemnedByAFenceThatDoesNotComeBack) {
  fence();
  EXPECT_THAT(condemned(string_reply("value")), HasSubstr("ping"));
  EXPECT_EQ(tally_.foreign_replies, 1u);
}

TEST_F(LinkCoreTest, TakesAPlainPongFromWhoNeverEchoed) {
  fence();
  EXPECT_EQ(condemned(string_reply("PONG")), "");
}

TEST_F(LinkCoreTest, TakesNoPlainPongFromWhoHasEchoedOnce) {
  EXPECT_EQ(condemned(string_reply(fence())), "");
  send(t0 + 2 * options_.idle_ping);
  EXPECT_THAT(condemned(string_reply("PONG")), HasSubstr("ping"));
}

TEST_F(LinkCoreTest, TakesErrorsThatAnyCommandMayMeetAndNoOthersForAFence) {
  fence();
  EXPECT_EQ(condemned(error_reply("NOPERM no permission for 'ping'")), "");
  send(t0 + 2 * options_.idle_ping);
  EXPECT_THAT(condemned(error_reply("WRONGTYPE Operation against a key")), HasSubstr("ping"));
}

TEST_F(LinkCoreTest, IsSilentFromTheFirstCommandInFlightOn) {
  EXPECT_FALSE(core_.judge_silence(t0 + 1h));
  ask("A");
  send(t0 + 500ms);
  EXPECT_EQ(core_.due(true), t0 + 600ms);
  EXPECT_FALSE(core_.judge_silence(t0 + 600ms - 1ns));
  EXPECT_TRUE(core_.judge_silence(t0 + 600ms));
  core_.on_bytes(LinkCore::kLifeBytes - 1, t0 + 550ms);
  EXPECT_TRUE(core_.judge_silence(t0 + 600ms));
  core_.on_bytes(1, t0 + 550ms);
  EXPECT_FALSE(core_.judge_silence(t0 + 649ms));
  EXPECT_EQ(condemned(string_reply("a")), "");
  EXPECT_FALSE(core_.judge_silence(t0 + 1h));
}

TEST_F(LinkCoreTest, GivesWhatMayGoOnInOrder) {
  ask("unsafe");
  ask("safe", Repeat::kIsSafe);
  ask("given up", Repeat::kIsSafe, t0 + 1ms);
  send();
  core_.expire(t0 + 1ms);
  ask("written in part");
  core_.encode(out_, t0 + 1ms);
  out_.consume(5);
  core_.on_written(out_.written());
  ask("unsent");
  auto kept = core_.salvage(out_.written(), t0 + 2ms, Error(Errc::kConnectionLost), std::nullopt);
  EXPECT_THAT(ended_, ElementsAre("given up timeout", "unsafe connection_lost"));
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_TRUE(kept[0].may_have_run);
  EXPECT_FALSE(kept[1].may_have_run);
  for (Pending& pending : kept) pending.fail(Error(Errc::kClosed));
  EXPECT_THAT(ended_, ElementsAre("given up timeout", "unsafe connection_lost", "safe closed", "written in part closed",
                                  "unsent closed"));
  EXPECT_TRUE(core_.is_idle());
}

TEST_F(LinkCoreTest, DoesNotRepeatTheCommandWhoseReplyWasBroken) {
  ask("broken", Repeat::kIsSafe);
  ask("behind", Repeat::kIsSafe);
  send();
  auto kept = core_.salvage(out_.written(), t0, Error(Errc::kConnectionLost), Error(Errc::kProtocol));
  EXPECT_THAT(ended_, ElementsAre("broken protocol"));
  ASSERT_EQ(kept.size(), 1u);
  kept[0].fail(Error(Errc::kClosed));
}

TEST_F(LinkCoreTest, RetiresAtAReadonlyWhenItsFlightIsEmpty) {
  ask("A");
  ask("B");
  send();
  EXPECT_EQ(condemned(error_reply("READONLY You can't write"), t0 + LinkCore::kLeastLife), "");
  EXPECT_FALSE(core_.is_retired());
  ask("C");
  EXPECT_EQ(send(t0 + LinkCore::kLeastLife), "");
  EXPECT_EQ(condemned(string_reply("b"), t0 + LinkCore::kLeastLife), "");
  EXPECT_TRUE(core_.is_retired());
  auto kept = core_.salvage(out_.written(), t0, Error(Errc::kConnectionLost), std::nullopt);
  ASSERT_EQ(kept.size(), 1u);
  kept[0].fail(Error(Errc::kClosed));
}

// Takes over what goes elsewhere.
class Elsewhere final : public RedirectSink {
 public:
  bool take(Pending& pending, std::string_view error, TimePoint) override {
    if (!is_redirect(error)) return false;
    told += error;
    taken.push_back(std::move(pending));
    return true;
  }
  bool is_redirect(std::string_view error) const override {
    return error.starts_with("MOVED") || error.starts_with("TRYAGAIN") || error.starts_with("LOADING");
  }

  std::string told;
  std::vector<Pending> taken;
};

class SentTransaction : public LinkCoreTest {
 protected:
  // MULTI, two commands, EXEC.
  SentTransaction() {
    core_.open(t0);
    Submission submission;
    submission.words = Words("MULTI");
    submission.words.then(Words("INCR", "a")).then(Words("INCR", "b")).then(Words("EXEC"));
    submission.parts = 3;
    submission.reader.reset(&log_);
    Pending pending(std::move(submission), t0 + 1h);
    pending.route.is_set = true;
    core_.enqueue(std::move(pending));
    core_.encode(out_, t0);
    core_.on_written(out_.encoded());
  }
  ~SentTransaction() override {
    for (Pending& pending : elsewhere_.taken) pending.fail(Error(Errc::kClosed));
  }
  std::string tell(const ReplyView& reply) { return std::string(core_.on_reply(reply, t0)); }

  class Log final : public ReplyReader {
   public:
    Verdict on_part(const ReplyView& part) noexcept override { return add(part); }
    void on_repeat() noexcept override { told.emplace_back("again"); }
    Verdict on_reply(const ReplyView& reply) noexcept override { return add(reply); }
    void on_error(Error error) noexcept override { told.emplace_back(to_string(error.code())); }
    void release() noexcept override {}
    std::vector<std::string> told;

   private:
    Verdict add(const ReplyView& reply) {
      told.emplace_back(reply.text);
      return Verdict::kMine;
    }
  };

  Log log_;
  Elsewhere elsewhere_;
  LinkCore core_{options_, tally_, budget_, jitter_, nullptr, &elsewhere_};
};

// The server had loaded its data in between: what followed was executed one by one.
TEST_F(SentTransaction, WhoseMultiWasRefusedIsNeverSentAgain) {
  EXPECT_EQ(tell(error_reply("LOADING Redis is loading the dataset in memory")), "");
  EXPECT_EQ(tell({.type = ReplyType::kInteger, .integer = 1}), "");
  EXPECT_EQ(tell(error_reply("TRYAGAIN")), "");
  EXPECT_EQ(tell(error_reply("MOVED 1 127.0.0.1:1")), "");
  EXPECT_TRUE(elsewhere_.taken.empty());
}

class RedirectedTransaction : public SentTransaction {
 protected:
  RedirectedTransaction() { EXPECT_EQ(tell(string_reply("OK")), ""); }
};

TEST_F(RedirectedTransaction, GoesWholeWhereOneOfItsCommandsWasSent) {
  EXPECT_EQ(tell(string_reply("QUEUED")), "");
  EXPECT_EQ(tell(error_reply("MOVED 1 127.0.0.1:1")), "");
  EXPECT_EQ(tell(error_reply("EXECABORT Transaction discarded because of previous errors.")), "");
  ASSERT_EQ(elsewhere_.taken.size(), 1u);
  EXPECT_EQ(elsewhere_.told, "MOVED 1 127.0.0.1:1");
  EXPECT_EQ(elsewhere_.taken[0].parts, 3u);
  EXPECT_THAT(log_.told, ElementsAre("OK", "QUEUED", "again"));
  EXPECT_TRUE(core_.is_idle());
}

TEST_F(RedirectedTransaction, ThatExecSendsElsewhereBeginsAnewThere) {
  EXPECT_EQ(tell(string_reply("QUEUED")), "");
  EXPECT_EQ(tell(string_reply("QUEUED")), "");
  EXPECT_EQ(tell(error_reply("MOVED 1 127.0.0.1:1")), "");
  ASSERT_EQ(elsewhere_.taken.size(), 1u);
  EXPECT_EQ(elsewhere_.taken[0].parts, 3u);
  EXPECT_THAT(log_.told, ElementsAre("OK", "QUEUED", "QUEUED", "again"));
}

TEST_F(RedirectedTransaction, StaysWhereItsCallerKnowsOfARefusal) {
  EXPECT_EQ(tell(error_reply("ERR unknown command")), "");
  EXPECT_EQ(tell(error_reply("MOVED 1 127.0.0.1:1")), "");
  EXPECT_EQ(tell(error_reply("EXECABORT Transaction discarded because of previous errors.")), "");
  EXPECT_TRUE(elsewhere_.taken.empty());
  EXPECT_THAT(log_.told, ElementsAre("OK", "ERR unknown command", "MOVED 1 127.0.0.1:1", "server_error"));
}

TEST_F(RedirectedTransaction, IsNotBelievedToBeExecutedWhereItWasSentAway) {
  EXPECT_EQ(tell(error_reply("TRYAGAIN")), "");
  EXPECT_EQ(tell(string_reply("QUEUED")), "");
  EXPECT_THAT(tell(aggregate_reply(ReplyType::kArray, {})), HasSubstr("another question"));
  EXPECT_THAT(log_.told, ElementsAre("OK", "foreign_reply"));
}

TEST_F(RedirectedTransaction, ThatALostLinkCutsInHalfBeginsAnewOnTheNext) {
  EXPECT_EQ(tell(string_reply("QUEUED")), "");
  auto kept = core_.salvage(out_.encoded() - 1, t0, Error(Errc::kConnectionLost), std::nullopt);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].parts, 3u);
  EXPECT_THAT(log_.told, ElementsAre("OK", "QUEUED", "again"));
  kept[0].fail(Error(Errc::kClosed));
}

TEST_F(RedirectedTransaction, ThatALostLinkCutsInHalfEndsIfItsCallerKnowsOfARefusal) {
  EXPECT_EQ(tell(error_reply("ERR unknown command")), "");
  EXPECT_TRUE(core_.salvage(out_.encoded() - 1, t0, Error(Errc::kConnectionLost), std::nullopt).empty());
  EXPECT_THAT(log_.told, ElementsAre("OK", "ERR unknown command", "connection_lost"));
}

}  // namespace
}  // namespace envoyou::redis::link_core_test
