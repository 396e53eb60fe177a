// Goal: a coroutine that awaits a command goes on exactly once, where it should, and may be destroyed while it waits.
// Method: coroutines over the simulated network, stepped by hand; an executor whose queue the test runs.
#include "sim.hpp"

#include "support/coroutine.hpp"

#include <envoyou/redis/async.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace envoyou::redis::async_test {
namespace {

using namespace std::chrono_literals;
using testing::Coroutine;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Value = std::optional<std::string>;
using Told = std::vector<std::string>;

struct ThroughSim {
  SimClient* sim;
  void operator()(Submission submission, const CallOptions&) const { sim->post(std::move(submission)); }
};

AsyncCall<Value, ThroughSim> ask(SimClient& sim, std::string_view key) { return {ThroughSim{&sim}, get(key), {}}; }

std::string text_of(const Result<Value>& result) {
  return result ? result->value_or("null") : std::string(to_string(result.error().code()));
}

// Runs what it was given when the test says so.
class ByHand final : public Executor {
 public:
  void post(Job job) noexcept override { jobs.push_back(std::move(job)); }
  void run_one() {
    Job job = std::move(jobs.front());
    jobs.pop_front();
    job();
  }
  std::deque<Job> jobs;
};

Coroutine ask_twice(SimClient& sim, Told& told) {
  told.push_back(text_of(co_await ask(sim, "a")));
  told.push_back(text_of(co_await ask(sim, "b")));
}

Coroutine ask_on(SimClient& sim, Executor& executor, Told& told) {
  told.push_back(text_of(co_await ask(sim, "a").on(executor)));
}

TEST(Async, GoesOnWithTheAnswer) {
  SimClient sim;
  Told told;
  const Coroutine coroutine = ask_twice(sim, told);
  EXPECT_THAT(told, IsEmpty());
  sim.settle();
  EXPECT_THAT(told, ElementsAre("value of a", "value of b"));
  EXPECT_TRUE(coroutine.done());
}

TEST(Async, SendsNothingBeforeItIsAwaited) {
  SimClient sim;
  sim.settle();
  { auto never_awaited = ask(sim, "a"); }
  sim.settle();
  EXPECT_THAT(sim.server.asked(), IsEmpty());
}

TEST(Async, GoesOnWithTheErrorWhenTheDeadlinePasses) {
  SimClient sim;
  sim.settle();
  sim.server.frozen = true;
  Told told;
  const Coroutine coroutine = ask_twice(sim, told);
  sim.run_for(150ms);
  EXPECT_EQ(told.front(), "timeout");
}

TEST(Async, GoesOnWhereTheExecutorRunsIt) {
  SimClient sim;
  ByHand executor;
  Told told;
  const Coroutine coroutine = ask_on(sim, executor, told);
  sim.settle();
  EXPECT_THAT(told, IsEmpty());
  ASSERT_EQ(executor.jobs.size(), 1u);
  executor.run_one();
  EXPECT_THAT(told, ElementsAre("value of a"));
  EXPECT_TRUE(coroutine.done());
}

TEST(Async, IsNeverResumedOnceItIsDestroyed) {
  SimClient sim;
  Told told;
  Coroutine coroutine = ask_twice(sim, told);
  coroutine.destroy();
  sim.settle();
  EXPECT_THAT(told, IsEmpty());
  EXPECT_THAT(sim.server.asked(), ElementsAre("GET a"));
  EXPECT_EQ(sim.stats().answered, 1u);  // to nobody
}

TEST(Async, IsNeverResumedOnceItIsDestroyedOnItsWayToTheExecutor) {
  SimClient sim;
  ByHand executor;
  Told told;
  Coroutine coroutine = ask_on(sim, executor, told);
  sim.settle();
  coroutine.destroy();
  executor.run_one();
  EXPECT_THAT(told, IsEmpty());
}

TEST(Async, StaysSuspendedForItsOwnerWhenTheExecutorDropsIt) {
  SimClient sim;
  ByHand executor;
  Told told;
  Coroutine coroutine = ask_on(sim, executor, told);
  sim.settle();
  executor.jobs.clear();
  EXPECT_FALSE(coroutine.done());
  coroutine.destroy();
  EXPECT_THAT(told, IsEmpty());
}

TEST(Async, AndAnExecutorMayDropWhatWasDestroyed) {
  SimClient sim;
  ByHand executor;
  Told told;
  Coroutine coroutine = ask_on(sim, executor, told);
  sim.settle();
  coroutine.destroy();
  executor.jobs.clear();
}

// The other frame is destroyed by a coroutine that was resumed for an answer of the same read.
Coroutine destroy_other(SimClient& sim, std::optional<Coroutine>& other) {
  (void)co_await ask(sim, "first");
  other->destroy();
}

TEST(Async, MayDestroyAnotherOneWhileTheLinkIsRead) {
  SimClient sim;
  sim.settle();
  Told told;
  std::optional<Coroutine> other;
  const Coroutine first = destroy_other(sim, other);
  other.emplace(ask_twice(sim, told));
  sim.settle();
  EXPECT_TRUE(first.done());
  EXPECT_THAT(told, IsEmpty());
}

// A refusal comes within the submit: were the coroutine resumed from there, each round would lie on the last.
Coroutine ask_often(SimClient& sim, int rounds, int& refused) {
  for (int i = 0; i < rounds; ++i) refused += text_of(co_await ask(sim, "a")) == "unavailable" ? 1 : 0;
}

TEST(Async, NeedsNoStackForRefusals) {
  SimClient sim;
  sim.server.refuses = true;
  sim.settle();
  ASSERT_TRUE(sim.board.is_away());
  int refused = 0;
  constexpr int kRounds = 50'000;
  const Coroutine coroutine = ask_often(sim, kRounds, refused);
  EXPECT_TRUE(coroutine.done());
  EXPECT_EQ(refused, kRounds);
}

TEST(Async, GoesByTheExecutorAlsoWhenItIsRefused) {
  SimClient sim;
  sim.server.refuses = true;
  sim.settle();
  ByHand executor;
  Told told;
  const Coroutine coroutine = ask_on(sim, executor, told);
  EXPECT_THAT(told, IsEmpty());
  executor.run_one();
  EXPECT_THAT(told, ElementsAre("unavailable"));
}

TEST(Async, EndsWithTheClient) {
  Told told;
  std::optional<Coroutine> coroutine;
  {
    SimClient sim;
    sim.server.frozen = true;
    coroutine.emplace(ask_twice(sim, told));
    sim.run_for(1ms);
    sim.reactor.close();
    sim.reactor.drop_everything(Error(Errc::kClosed));
  }
  EXPECT_THAT(told, ElementsAre("closed", "unavailable"));
  EXPECT_TRUE(coroutine->done());
}

// The one thing that an owner must not do, made without threads: the awaiter goes in the middle of being resumed.
TEST(AsyncDeathTest, DiesWhenItIsDestroyedWhileItIsResumed) {
  const auto destroyed_in_the_middle = [] {
    auto* const operation = new detail_redis::AsyncAnswer<Value>(decode_optional_string, 0);
    struct Frame {
      void (*resume)(void*);
      void (*destroy)(void*);
      detail_redis::AsyncOperation* operation;
    };
    static Frame frame{[](void* self) { static_cast<Frame*>(self)->operation->abandon(); }, [](void*) {}, operation};
    operation->start(std::coroutine_handle<>::from_address(&frame), nullptr, [] {});
    operation->on_error(Error(Errc::kTimeout));
    operation->release();
  };
  EXPECT_DEATH(destroyed_in_the_middle(), "destroyed while another thread resumes it");
}

TEST(JobDeathTest, DiesWhenItIsRunTwice) {
  struct Body final : Job::Body {
    void run() noexcept override {}
    void drop() noexcept override {}
  } body;
  Job job(body);
  job();
  EXPECT_DEATH(job(), "run twice");
}

}  // namespace
}  // namespace envoyou::redis::async_test
