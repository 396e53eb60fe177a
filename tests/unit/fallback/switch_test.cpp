// Goal: the switch calls its participants when it must and only then, tells every transition once (log, counter, gauge,
// observer),
//       wakes the keeper when something became due, and never calls a participant that was removed.
// Method: a ManualClock, run_due called by hand, participants that note how they are called. One test uses threads, to
// hold
//         `remove` against a call that is under way.
#include <envoyou/fallback.hpp>
#include <envoyou/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::switch_test {
namespace {

using namespace std::chrono_literals;
using testing::ManualClock;

class Lines final : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    std::string line(to_string(record.level));
    line += ' ';
    line += record.message;
    for (const auto& field : record.fields) {
      line += ' ';
      line += field.name;
      line += '=';
      line += field.value;
    }
    lines.push_back(std::move(line));
  }
  std::vector<std::string> lines;
};

class Participant final : public CarryOver {
 public:
  std::string_view name() const noexcept override { return "test"; }
  std::size_t pending() const noexcept override { return left; }
  Result<void> carry_over(Deadline deadline) override {
    ++calls;
    last_deadline = deadline;
    if (on_call) on_call();
    return answer;
  }

  std::atomic<std::size_t> left{0};
  std::atomic<int> calls{0};
  Result<void> answer;
  Deadline last_deadline = Deadline::never();
  std::function<void()> on_call;
};

class SwitchTest : public ::testing::Test {
 protected:
  SwitchTest() {
    runtime.clock = clock;
    runtime.logger = Logger(log, LogLevel::kInfo);
    made = std::make_unique<Switch>(SwitchOptions{}, runtime, true);
    made->add(&participant);
  }
  void fail_and_answer() {
    made->on_refused("connection refused");
    made->on_answered();
    clock->advance(50ms);
  }
  std::uint64_t transitions_to(std::string_view mode) {
    return runtime.metrics->counter("envoyou_fallback_transitions_total", "to=\"" + std::string(mode) + "\"", "")
        .value();
  }

  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
  std::shared_ptr<Lines> log = std::make_shared<Lines>();
  Runtime runtime;
  std::unique_ptr<Switch> made;
  Participant participant;
};

TEST_F(SwitchTest, StartsWithRedisInUse) {
  EXPECT_TRUE(made->uses_redis());
  EXPECT_TRUE(made->has_redis());
  EXPECT_EQ(made->breaker(), BreakerState::kClosed);
  EXPECT_EQ(made->reason(), "");
}

TEST_F(SwitchTest, GoesRoundAndTellsEachTransitionOnce) {
  std::vector<std::string> seen;
  made->observe([&](const SwitchTransition& t) { seen.emplace_back(to_string(t.to)); });
  made->on_refused("connection refused");
  for (int i = 0; i < 10; ++i) made->on_condemned("the other links, one by one");
  made->on_answered();
  clock->advance(400ms);
  made->run_due();
  EXPECT_EQ(made->mode(), Mode::kRedis);
  EXPECT_EQ(seen, (std::vector<std::string>{"local", "recovering", "redis"}));
  EXPECT_EQ(made->transitions(), 3u);
  ASSERT_EQ(log->lines.size(), 3u);
  EXPECT_EQ(log->lines[0], "warning mode changed from=redis to=local reason=connection refused");
  EXPECT_EQ(log->lines[2], "info mode changed from=recovering to=redis reason=carried over");
  for (const auto* mode : {"local", "recovering", "redis"}) EXPECT_EQ(transitions_to(mode), 1u) << mode;
  EXPECT_EQ(runtime.metrics->gauge("envoyou_fallback_mode", "", "").value(), 0);
}

TEST_F(SwitchTest, SaysWhyItIsNotRedis) {
  made->on_condemned("link silent for 100 ms");
  EXPECT_EQ(made->reason(), "link silent for 100 ms");
  EXPECT_EQ(runtime.metrics->gauge("envoyou_fallback_mode", "", "").value(), 1);
  EXPECT_EQ(Switch({}, runtime, false).reason(), "not configured");
}

TEST_F(SwitchTest, TheEraChangesWheneverRedisIsLeftOrReached) {
  const auto first = made->era();
  made->on_refused("refused");
  const auto outage = made->era();
  EXPECT_GT(outage, first);
  made->on_answered();
  clock->advance(50ms);
  EXPECT_EQ(made->era(), outage);
  made->run_due();
  EXPECT_EQ(made->mode(), Mode::kRedis);
  EXPECT_GT(made->era(), outage);
}

TEST_F(SwitchTest, IsBackAtTheFirstRunAfterTheStableTime) {
  made->on_refused("connection refused");
  made->on_answered();
  EXPECT_EQ(made->run_due(), clock->now() + 50ms);
  EXPECT_EQ(made->mode(), Mode::kLocal);
  clock->advance(50ms);
  made->run_due();
  EXPECT_EQ(made->mode(), Mode::kRedis);
  EXPECT_EQ(participant.calls, 1);
  EXPECT_EQ(participant.last_deadline.time(), clock->now() + 2s);
}

TEST_F(SwitchTest, StaysRecoveringAndTriesAgainWhileCarryingOverFails) {
  participant.answer = Error(Errc::kLoading);
  fail_and_answer();
  const TimePoint next = made->run_due();
  EXPECT_EQ(made->mode(), Mode::kRecovering);
  EXPECT_EQ(next, clock->now() + 50ms);
  participant.answer = {};
  clock->advance(50ms);
  made->run_due();
  EXPECT_EQ(made->mode(), Mode::kRedis);
  EXPECT_EQ(participant.calls, 2);
}

TEST_F(SwitchTest, AFailureWhileCarryingOverLeadsBackToLocal) {
  participant.on_call = [this] { made->on_condemned("gone again"); };
  fail_and_answer();
  made->run_due();
  EXPECT_EQ(made->mode(), Mode::kLocal);
  EXPECT_EQ(made->reason(), "gone again");
}

TEST_F(SwitchTest, BeginsAgainWhenOnePassTookTooLong) {
  participant.left = 1;
  participant.on_call = [this] { clock->advance(2s); };
  fail_and_answer();
  const TimePoint next = made->run_due();
  EXPECT_EQ(next, clock->now());
  EXPECT_EQ(made->mode(), Mode::kRecovering);
  participant.left = 0;
  made->run_due();
  EXPECT_EQ(made->mode(), Mode::kRedis);
}

TEST_F(SwitchTest, SweepsWhatArrivedLate) {
  fail_and_answer();
  participant.on_call = [this] { participant.left = 5; };
  EXPECT_EQ(made->run_due(), clock->now()) << "the first sweep follows the flip at once";
  participant.on_call = [this] { participant.left = 0; };
  EXPECT_EQ(made->run_due(), clock->now() + 200ms);
  EXPECT_EQ(participant.calls, 2);
  clock->advance(200ms);
  made->run_due();
  EXPECT_EQ(participant.calls, 2) << "nothing is pending";
}

TEST_F(SwitchTest, SweepsAtItsIntervalAndNotSooner) {
  made->run_due();
  participant.left = 1;
  clock->advance(199ms);
  made->run_due();
  EXPECT_EQ(participant.calls, 0);
  clock->advance(1ms);
  made->run_due();
  EXPECT_EQ(participant.calls, 1);
}

TEST_F(SwitchTest, OneModuleThatFailsDoesNotKeepAnotherFromCarryingOver) {
  Participant second;
  made->add(&second);
  participant.answer = Error(Errc::kTimeout);
  fail_and_answer();
  made->run_due();
  EXPECT_EQ(second.calls, 1);
  EXPECT_EQ(made->mode(), Mode::kRecovering);
  made->remove(&second);
}

TEST_F(SwitchTest, WakesTheKeeperWhenThereIsSomethingToWaitFor) {
  int woken = 0;
  made->set_waker([&] { ++woken; });
  made->on_refused("refused");
  EXPECT_EQ(woken, 0);
  made->on_answered();
  EXPECT_EQ(woken, 1);
  made->on_answered();
  EXPECT_EQ(woken, 1);
}

TEST_F(SwitchTest, DoesNotCallWhoWasRemoved) {
  made->remove(&participant);
  fail_and_answer();
  made->run_due();
  EXPECT_EQ(participant.calls, 0);
  EXPECT_EQ(made->mode(), Mode::kRedis);
}

TEST_F(SwitchTest, RemovingWaitsForTheCallThatIsUnderWay) {
  std::promise<void> inside;
  std::promise<void> leave;
  std::atomic<bool> left{false};
  participant.on_call = [&] {
    inside.set_value();
    leave.get_future().wait();
    left = true;
  };
  fail_and_answer();
  std::thread keeper([this] { made->run_due(); });
  inside.get_future().wait();
  auto removed = std::async(std::launch::async, [&] {
    made->remove(&participant);
    return left.load();
  });
  leave.set_value();
  EXPECT_TRUE(removed.get());
  keeper.join();
}

TEST(Switch, WithoutRedisNothingMovesIt) {
  Runtime runtime;
  Switch made({}, runtime, false);
  Participant participant;
  made.add(&participant);
  made.on_answered();
  made.on_refused("refused");
  made.run_due();
  EXPECT_EQ(made.mode(), Mode::kLocal);
  EXPECT_EQ(made.transitions(), 0u);
  EXPECT_EQ(participant.calls, 0);
}

}  // namespace
}  // namespace envoyou::switch_test
