// Goal: the mode follows the diagram of <envoyou/fallback.hpp> and nothing else moves it.
// Method: feed events and times by hand and compare the transitions.
#include "fallback/switch_machine.hpp"

#include <gtest/gtest.h>

#include "../times.hpp"

namespace envoyou::fallback::switch_machine_test {
namespace {

using namespace std::chrono_literals;

void expect_transition(const std::optional<SwitchTransition>& made, Mode from, Mode to) {
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->from, from);
  EXPECT_EQ(made->to, to);
  EXPECT_FALSE(made->reason.empty());
}

TEST(SwitchMachine, GoesRoundTheCircle) {
  SwitchMachine machine({}, true);
  EXPECT_EQ(machine.mode(), Mode::kRedis);
  const auto failed = machine.on_failure(t0, "connection refused");
  expect_transition(failed, Mode::kRedis, Mode::kLocal);
  EXPECT_EQ(failed->reason, "connection refused");
  machine.on_answered(t0 + 1s);
  EXPECT_EQ(machine.mode(), Mode::kLocal);
  EXPECT_EQ(machine.due(), t0 + 1050ms);
  EXPECT_FALSE(machine.advance(t0 + 1049ms).has_value());
  expect_transition(machine.advance(t0 + 1050ms), Mode::kLocal, Mode::kRecovering);
  expect_transition(machine.on_carried_over(), Mode::kRecovering, Mode::kRedis);
}

TEST(SwitchMachine, FallsBackFromRecovering) {
  SwitchMachine machine({}, true);
  machine.on_failure(t0, "refused");
  machine.on_answered(t0);
  machine.advance(t0 + 50ms);
  ASSERT_EQ(machine.mode(), Mode::kRecovering);
  expect_transition(machine.on_failure(t0 + 60ms, "link silent"), Mode::kRecovering, Mode::kLocal);
  EXPECT_FALSE(machine.on_carried_over().has_value())
      << "what came too late may not turn it back to a node that has gone";
  EXPECT_EQ(machine.mode(), Mode::kLocal);
}

TEST(SwitchMachine, ManyFailuresMakeOneTransition) {
  SwitchMachine machine({}, true);
  EXPECT_TRUE(machine.on_failure(t0, "refused").has_value());
  for (int i = 0; i < 64; ++i) EXPECT_FALSE(machine.on_failure(t0, "refused").has_value());
}

TEST(SwitchMachine, CarryingOverMeansNothingWhileInUse) {
  SwitchMachine machine({}, true);
  EXPECT_FALSE(machine.on_carried_over().has_value());
  EXPECT_FALSE(machine.advance(t0 + 1h).has_value());
  EXPECT_EQ(machine.mode(), Mode::kRedis);
}

TEST(SwitchMachine, WithoutRedisIsLocalForGood) {
  SwitchMachine machine({}, false);
  EXPECT_EQ(machine.mode(), Mode::kLocal);
  machine.on_answered(t0);
  EXPECT_FALSE(machine.on_failure(t0, "refused").has_value());
  EXPECT_FALSE(machine.advance(t0 + 1h).has_value());
  EXPECT_FALSE(machine.due().has_value());
  EXPECT_EQ(machine.mode(), Mode::kLocal);
  EXPECT_EQ(machine.breaker(), BreakerState::kOpen);
}

}  // namespace
}  // namespace envoyou::fallback::switch_machine_test
