// Goal: an answer arrives exactly once, and losing one or giving it twice ends the process with a message.
// Method: readers called by hand; death tests.
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/completion.hpp>

#include "replies.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace envoyou::redis::completion_test {
namespace {

Command<std::int64_t> command() { return {Words("INCR", "k"), decode_integer}; }

TEST(Completion, CallsOnceWithTheAnswer) {
  std::optional<std::int64_t> got;
  Submission submission = to_submission(command(), [&](Result<std::int64_t> result) { got = result.value(); });
  EXPECT_EQ(submission.reader->on_reply(integer_reply(7)), Verdict::kMine);
  EXPECT_EQ(got, 7);
}

TEST(Completion, TellsAReplyOfAnotherShape) {
  std::optional<Errc> got;
  Submission submission = to_submission(command(), [&](Result<std::int64_t> result) { got = result.error().code(); });
  EXPECT_EQ(submission.reader->on_reply(string_reply("seven")), Verdict::kForeign);
  EXPECT_EQ(got, Errc::kForeignReply);
}

TEST(Completion, TakesACompletionAndWhatCanOnlyBeMoved) {
  auto owned = std::make_unique<int>(1);
  int got = 0;
  Completion<std::int64_t> completion([&, owned = std::move(owned)](Result<std::int64_t>) { got = *owned; });
  Submission submission = to_submission(command(), std::move(completion));
  submission.reader->on_error(Error(Errc::kTimeout));
  EXPECT_EQ(got, 1);
}

TEST(CompletionDeathTest, DiesWhenDropped) {
  EXPECT_DEATH(Completion<int>([](Result<int>) {}), "dropped without an answer");
  EXPECT_DEATH((void)to_submission(command(), [](Result<std::int64_t>) {}), "dropped without an answer");
}

TEST(CompletionDeathTest, DiesWhenCalledTwice) {
  Completion<int> completion([](Result<int>) {});
  completion(1);
  EXPECT_DEATH(completion(2), "called twice");
  Submission submission = to_submission(command(), [](Result<std::int64_t>) {});
  submission.reader->on_error(Error(Errc::kTimeout));
  EXPECT_DEATH(submission.reader->on_error(Error(Errc::kTimeout)), "called twice");
}

TEST(Pipeline, ThatIsNeverRunEndsItsCommands) {
  Pipeline::Slot<std::int64_t> slot;
  {
    Pipeline pipeline;
    slot = pipeline.add(command());
    EXPECT_EQ(pipeline.size(), 1u);
  }
  EXPECT_EQ(Pipeline::take(slot).error().code(), Errc::kClosed);
}

TEST(PipelineDeathTest, DiesWhenAnAnswerIsTakenBeforeItWasRun) {
  Pipeline pipeline;
  auto slot = pipeline.add(command());
  EXPECT_DEATH((void)Pipeline::take(slot), "has not been run");
}

}  // namespace
}  // namespace envoyou::redis::completion_test
