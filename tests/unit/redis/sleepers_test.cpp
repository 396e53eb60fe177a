// Goal: callers who sleep in one place are woken when their answers are there: neither lost nor, while answers are
// being gathered, too early. Method: what would sleep for ever would end at the time limit of the test.
#include "redis/sleepers.hpp"

#include <envoyou/redis/completion.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace envoyou::redis::sleepers_test {
namespace {

TEST(Sleepers, ARoundThatIsOverPutsNobodyToSleep) {
  Sleepers sleepers;
  const auto round = sleepers.round();
  sleepers.note(7);
  EXPECT_NE(sleepers.round(), round);
  sleepers.sleep(round, 7);
}

TEST(Sleepers, WhoIsNotedWhileAnswersAreGatheredIsWokenAtTheEnd) {
  Sleepers sleepers;
  const auto round = sleepers.round();
  {
    const Sleepers::Gathering gathering(&sleepers);
    sleepers.note(0);
    sleepers.note(31);
    EXPECT_EQ(sleepers.round(), round);
  }
  EXPECT_EQ(sleepers.round(), round + 1);
}

TEST(Sleepers, WhoWasNotedCanBeWokenBeforeTheEnd) {
  Sleepers sleepers;
  const auto round = sleepers.round();
  Sleepers::Gathering gathering(&sleepers);
  gathering.wake();
  EXPECT_EQ(sleepers.round(), round) << "nobody was noted";
  sleepers.note(1);
  gathering.wake();
  EXPECT_EQ(sleepers.round(), round + 1);
}

TEST(Sleepers, AreAllWokenHoweverManyShareAGroup) {
  constexpr int kCallers = 100;
  constexpr int kRounds = 50;
  Sleepers sleepers;
  std::vector<WaitState*> asked(kCallers);
  std::atomic<int> asleep{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        WaitState state(&sleepers);
        state.expect_one();
        asked[static_cast<std::size_t>(i)] = &state;
        asleep.fetch_add(1);
        state.wait();
      }
    });
  }
  for (int round = 0; round < kRounds; ++round) {
    while (asleep.load() < kCallers) std::this_thread::yield();
    asleep.store(0);
    const Sleepers::Gathering gathering(&sleepers);
    for (WaitState* const state : asked) state->arrived();
  }
  for (auto& caller : callers) caller.join();
}

}  // namespace
}  // namespace envoyou::redis::sleepers_test
