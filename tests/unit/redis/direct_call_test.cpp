// Goal: a lone caller may do the work himself, and whatever is not as it should be is left to the I/O role, which finds
// it; one holder of the role at a time, who is called back at once.
// Method: the steps of a direct call by hand over a network, a Redis and a clock in memory; the role with real threads.
#include "redis/direct_call.hpp"
#include "redis/io_role.hpp"
#include "sim.hpp"
#include "wire/reply_wait.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

namespace envoyou::redis::direct_call_test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

using Answer = std::shared_ptr<std::optional<Result<std::optional<std::string>>>>;

class DirectCallTest : public ::testing::Test {
 protected:
  DirectCallTest() {
    client_.settle();
    EXPECT_TRUE(client_.board.is_up());
  }

  static Submission asked(Command<std::optional<std::string>> command, const Answer& answer) {
    return to_submission(std::move(command),
                         [answer](Result<std::optional<std::string>> result) { answer->emplace(std::move(result)); });
  }

  // A caller that sleeps, in the usual way.
  void call_alone(bool alone = true) {
    auto answer = std::make_shared<Answer::element_type>();
    auto submission = asked(get("k"), answer);
    ASSERT_TRUE(client_.inbox.post(submission, {client_.now() + 100ms, false, alone}));
    client_.settle();
    EXPECT_EQ(outcome(answer), "ok");
  }
  void become_lone() {
    for (int i = 0; i < Engine::kLoneCalls; ++i) call_alone();
    ASSERT_TRUE(engine().is_called_alone());
    engine().mute();
  }

  // Null if it may not go directly.
  Answer send(Command<std::optional<std::string>> command = get("k")) {
    link_ = engine().begin_direct(client_.now());
    if (link_ == nullptr) return nullptr;
    auto answer = std::make_shared<Answer::element_type>();
    link_->encode_directly(Pending(asked(std::move(command), answer), client_.now() + 100ms), client_.now());
    EXPECT_EQ(link_->write_directly(), Direct::kGoesOn);
    return answer;
  }
  Direct read() {
    client_.server.pump();
    return link_->read_directly(client_.now());
  }
  // What the I/O thread does when it is woken.
  void leave() {
    engine().unmute();
    client_.settle();
  }
  Engine& engine() { return client_.node->engine; }

  SimClient client_;
  Link* link_ = nullptr;
};

TEST_F(DirectCallTest, IsForCallersThatCameOneByOne) {
  for (int i = 0; i < Engine::kLoneCalls; ++i) {
    EXPECT_FALSE(engine().is_called_alone());
    call_alone();
  }
  EXPECT_TRUE(engine().is_called_alone());
  call_alone(false);
  EXPECT_FALSE(engine().is_called_alone()) << "a callback came between";
}

TEST_F(DirectCallTest, IsNotForTwoAtOnce) {
  for (int i = 0; i < Engine::kLoneCalls; ++i) call_alone();
  auto first = std::make_shared<Answer::element_type>();
  auto second = std::make_shared<Answer::element_type>();
  for (const auto& answer : {first, second}) {
    auto submission = asked(get("k"), answer);
    ASSERT_TRUE(client_.inbox.post(submission, {client_.now() + 100ms, false, true}));
  }
  client_.settle();
  EXPECT_FALSE(engine().is_called_alone());
}

TEST_F(DirectCallTest, AnswersWithoutTheLoop) {
  become_lone();
  const int polls = client_.loop.polls;
  for (int i = 0; i < 3; ++i) {
    const Answer answer = send();
    ASSERT_NE(answer, nullptr);
    EXPECT_EQ(link_->read_directly(client_.now()), Direct::kGoesOn) << "nothing has come yet";
    EXPECT_EQ(read(), Direct::kDone);
    ASSERT_EQ(outcome(answer), "ok");
    EXPECT_EQ((**answer).value(), "value of k");
    engine().after_direct();
  }
  EXPECT_EQ(client_.loop.polls, polls);
  EXPECT_EQ(client_.stats().direct, 3u);
}

TEST_F(DirectCallTest, NeedsMutedLinks) {
  for (int i = 0; i < Engine::kLoneCalls; ++i) call_alone();
  EXPECT_EQ(send(), nullptr);
}

TEST_F(DirectCallTest, SendsNothingBehindBytesThatNobodyAskedFor) {
  become_lone();
  client_.server.push_to_all("+OK\r\n");
  EXPECT_EQ(send(), nullptr);
  leave();
  EXPECT_THAT(client_.recorder->told, Contains(HasSubstr("condemned: a reply came that nobody asked for")));
}

TEST_F(DirectCallTest, SendsNothingOnALinkThatHasEnded) {
  become_lone();
  client_.server.drop_links();
  EXPECT_EQ(send(), nullptr);
  leave();
  EXPECT_THAT(client_.recorder->logged, Contains(HasSubstr("link lost")));
  EXPECT_EQ(client_.server.dials, 2u);
  call_alone();
}

TEST_F(DirectCallTest, LeavesALinkThatEndsToTheIoRole) {
  become_lone();
  const Answer answer = send(get("k", Repeat::kNever));
  client_.server.drop_links();
  EXPECT_EQ(link_->read_directly(client_.now()), Direct::kLeft);
  EXPECT_EQ(outcome(answer), "pending");
  leave();
  EXPECT_EQ(outcome(answer), "connection_lost");
}

TEST_F(DirectCallTest, LeavesAForeignAnswerToTheIoRole) {
  become_lone();
  client_.server.handler = [](const Argv& argv) {
    return argv[0] == "GET" ? std::optional<std::string>(":7\r\n") : std::nullopt;
  };
  const Answer answer = send();
  EXPECT_EQ(read(), Direct::kLeft);
  EXPECT_EQ((**answer).error().code(), Errc::kForeignReply);
  leave();
  EXPECT_THAT(client_.recorder->told, Contains(HasSubstr("belongs to another question")));
}

TEST_F(DirectCallTest, LeavesWhatIsNoReplyToTheIoRole) {
  become_lone();
  client_.server.handler = [](const Argv& argv) {
    return argv[0] == "GET" ? std::optional<std::string>("HTTP/1.1\r\n") : std::nullopt;
  };
  const Answer answer = send();
  EXPECT_EQ(read(), Direct::kLeft);
  leave();
  EXPECT_EQ((**answer).error().code(), Errc::kProtocol);
}

TEST_F(DirectCallTest, KeepsTheDeadlineWhenItIsLeft) {
  become_lone();
  client_.server.delay = 120ms;
  const TimePoint begin = client_.now();
  const Answer answer = send();
  EXPECT_EQ(read(), Direct::kGoesOn);
  EXPECT_EQ(link_->due(), begin + 100ms);
  engine().unmute();
  client_.run_for(100ms);
  EXPECT_TRUE(answer->has_value()) << "the deadline, or the stall limit, which is the same here";
}

TEST_F(DirectCallTest, GivesALateAnswerToNobody) {
  become_lone();
  client_.server.delay = 60ms;
  link_ = engine().begin_direct(client_.now());
  auto answer = std::make_shared<Answer::element_type>();
  link_->encode_directly(Pending(asked(get("k"), answer), client_.now() + 50ms), client_.now());
  EXPECT_EQ(link_->write_directly(), Direct::kGoesOn);
  engine().unmute();
  client_.run_for(50ms);
  EXPECT_EQ(outcome(answer), "timeout");
  client_.run_for(20ms);
  EXPECT_EQ(client_.stats().late_replies, 1u);
}

TEST_F(DirectCallTest, LeavesAFullSocketToTheIoRole) {
  become_lone();
  client_.server.last()->room = 5;
  link_ = engine().begin_direct(client_.now());
  auto answer = std::make_shared<Answer::element_type>();
  link_->encode_directly(Pending(asked(get("k"), answer), client_.now() + 100ms), client_.now());
  EXPECT_EQ(link_->write_directly(), Direct::kLeft);
  client_.server.last()->room = SIZE_MAX;
  leave();
  EXPECT_EQ(outcome(answer), "ok");
}

TEST_F(DirectCallTest, EndsWithTheClient) {
  become_lone();
  const Answer answer = send();
  engine().drop_everything(Error(Errc::kClosed));
  EXPECT_EQ(outcome(answer), "closed");
}

std::unique_ptr<IoRole> make_role() { return std::make_unique<IoRole>(wire::WakeUp::make().value()); }

TEST(IoRole, IsLentOnlyWhenItIsOffered) {
  auto role = make_role();
  role->take();
  EXPECT_TRUE(role->is_mine());
  EXPECT_FALSE(role->try_borrow());
  role->offer(true);
  role->give();
  EXPECT_FALSE(role->is_mine());
  ASSERT_TRUE(role->try_borrow());
  EXPECT_TRUE(role->is_mine());
  role->give();
  role->take();
  role->offer(false);
  role->give();
  EXPECT_FALSE(role->try_borrow());
}

// The borrower waits for an answer that never comes: only the recall ends that.
TEST(IoRole, IsGivenBackWhenItIsRecalled) {
  auto role = make_role();
  int silent[2];
  ASSERT_EQ(pipe(silent), 0);
  std::atomic<int> borrowed{0};
  std::atomic<bool> stopping{false};
  std::thread borrower([&] {
    while (!stopping) {
      if (!role->try_borrow()) continue;
      ++borrowed;
      while (wire::wait_for_reply(silent[0], role->recall(), 10s) != wire::Waited::kRecalled) {
      }
      role->give();
    }
  });
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) {
    role->take();
    EXPECT_TRUE(role->is_mine());
    role->offer(i < 99);
    role->give();
    std::this_thread::sleep_for(100us);
  }
  stopping = true;
  borrower.join();
  EXPECT_GT(borrowed, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 9s) << "a recall was lost";
  close(silent[0]);
  close(silent[1]);
}

}  // namespace
}  // namespace envoyou::redis::direct_call_test
