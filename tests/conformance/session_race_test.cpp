// Goal: nothing that ended lives again and no acknowledged change is lost, whatever runs beside it. In a run of a
// well-known store 16 of 40 deleted sessions lived again, a counter stood at 73 after 200 updates, and 121 of 200
// fields were lost. Method: threads that race each other on the same sessions; every acknowledgement is written down
// and held to.
#include "session_world.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::session_race_test {
namespace {

using testing::kPatient;
using testing::SessionWorld;
using testing::WorldKind;

constexpr int kThreads = 4;

template <class Work>
void in_threads(int count, Work work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
  for (auto& thread : threads) thread.join();
}

class SessionRace : public ::testing::TestWithParam<WorldKind> {
 protected:
  // Where there is a server, the racers come from two of ours.
  SessionStore& racer(int thread) { return thread % 2 == 1 && other ? *other : *store; }

  std::unique_ptr<SessionWorld> world = testing::make_world(GetParam());
  // Every read touches.
  const SessionOptions eager = [] {
    SessionOptions options;
    options.touch_interval = Milliseconds(0);
    return options;
  }();
  const bool is_shared =
      GetParam() == WorldKind::kRedis || GetParam() == WorldKind::kRedisTls || GetParam() == WorldKind::kRedisCluster;
  std::unique_ptr<SessionStore> store = world->open(eager);
  std::unique_ptr<SessionStore> other = is_shared ? world->open(eager) : nullptr;
};

TEST_P(SessionRace, BringsNoEndedSessionBack) {
  constexpr int kSessions = 400;
  std::vector<std::string> ids;
  for (int i = 0; i < kSessions; ++i) ids.push_back(store->create({"u" + std::to_string(i % 7)}, kPatient)->id);
  std::atomic<int> removed{0};
  in_threads(kThreads, [&](int thread) {
    SessionStore& mine = racer(thread);
    for (const std::string& id : ids) {
      switch (thread) {
        case 0:
          if (mine.remove(id, kPatient).value()) ++removed;
          EXPECT_EQ(mine.get(id, kPatient).error().code(), Errc::kNotFound) << "at once";
          break;
        case 1: (void)mine.touch(id, kPatient); break;
        case 2: (void)mine.merge(id, R"({"n":1})", kPatient); break;
        default: (void)mine.get(id, kPatient); break;
      }
    }
  });
  EXPECT_EQ(removed.load(), kSessions);
  int alive = 0;
  for (const std::string& id : ids)
    for (SessionStore* each : {store.get(), other ? other.get() : store.get()})
      alive += each->get(id, kPatient) ? 1 : 0;
  EXPECT_EQ(alive, 0);
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(store->list("u" + std::to_string(i), kPatient)->empty());
}

TEST_P(SessionRace, EitherEndsOrRotatesASession) {
  constexpr int kSessions = 200;
  std::vector<std::string> ids;
  std::vector<std::string> successors(kSessions);
  std::vector<int> removed(kSessions);
  for (int i = 0; i < kSessions; ++i) ids.push_back(store->create({"u"}, kPatient)->id);
  in_threads(2, [&](int thread) {
    SessionStore& mine = racer(thread);
    for (std::size_t i = 0; i < kSessions; ++i) {
      if (thread == 0) {
        removed[i] = mine.remove(ids[i], kPatient).value() ? 1 : 0;
      } else if (auto rotated = mine.rotate(ids[i], kPatient); rotated) {
        successors[i] = rotated->id;
      }
    }
  });
  for (std::size_t i = 0; i < kSessions; ++i) {
    EXPECT_FALSE(store->get(ids[i], kPatient));
    EXPECT_NE(removed[i] == 1, !successors[i].empty()) << "exactly one of them had it";
    EXPECT_EQ(*store->validate(successors[i], kPatient), !successors[i].empty());
  }
}

TEST_P(SessionRace, RotatesToOneSuccessor) {
  for (int round = 0; round < 25; ++round) {
    const std::string id = store->create({"u"}, kPatient)->id;
    std::atomic<int> won{0};
    in_threads(kThreads, [&](int thread) { won += racer(thread).rotate(id, kPatient) ? 1 : 0; });
    EXPECT_EQ(won.load(), 1);
  }
  EXPECT_EQ(store->list("u", kPatient)->size(), 25U);
}

TEST_P(SessionRace, CountsEveryVersionedUpdate) {
  constexpr int kUpdates = 200;
  const std::string id = store->create({"u", R"({"n":0})"}, kPatient)->id;
  in_threads(kThreads, [&](int thread) {
    SessionStore& mine = racer(thread);
    for (int done = 0; done < kUpdates / kThreads;) {
      const auto seen = mine.get(id, kPatient).value();
      const int n = std::stoi(seen.user_data.substr(5));
      const auto written = mine.replace(id, seen.version, "{\"n\":" + std::to_string(n + 1) + "}", kPatient);
      if (written)
        ++done;
      else
        ASSERT_EQ(written.error().code(), Errc::kConflict);
    }
  });
  const auto end = store->get(id, kPatient).value();
  EXPECT_EQ(end.user_data, "{\"n\":200}");
  EXPECT_EQ(end.version, 201U);
}

TEST_P(SessionRace, KeepsEveryMergedField) {
  constexpr int kFields = 200;
  const std::string id = store->create({"u"}, kPatient)->id;
  in_threads(8, [&](int thread) {
    for (int i = thread; i < kFields; i += 8) {
      const auto merged =
          racer(thread).merge(id, "{\"f" + std::to_string(i) + "\":" + std::to_string(i) + "}", kPatient);
      EXPECT_TRUE(merged) << (merged ? "" : merged.error().message());
    }
  });
  const auto end = store->get(id, kPatient).value();
  for (int i = 0; i < kFields; ++i)
    EXPECT_NE(end.user_data.find("\"f" + std::to_string(i) + "\":" + std::to_string(i)), std::string::npos) << i;
  EXPECT_EQ(end.version, 201U);
}

TEST_P(SessionRace, LogsOutEveryLoginThatWasThereBefore) {
  for (int round = 0; round < 10; ++round) {
    std::mutex mutex;
    std::vector<std::string> before;
    std::vector<std::string> racing;
    std::atomic<bool> stop{false};
    std::thread logins([&] {
      SessionStore& mine = racer(1);
      while (!stop.load()) {
        const std::string id = mine.create({"u"}, kPatient)->id;
        const std::lock_guard lock(mutex);
        racing.push_back(id);
      }
    });
    const auto logged_in = [&] {
      const std::lock_guard lock(mutex);
      return racing.size();
    };
    while (logged_in() < 10) std::this_thread::yield();
    {
      const std::lock_guard lock(mutex);
      before = racing;
    }
    ASSERT_TRUE(store->revoke_all("u", kPatient));
    const std::string after = store->create({"u"}, kPatient)->id;
    stop.store(true);
    logins.join();
    for (const std::string& id : before) EXPECT_FALSE(*store->validate(id, kPatient));
    EXPECT_TRUE(*store->validate(after, kPatient));
    // Those that raced are before or after, and the list and the sessions agree on it.
    std::size_t alive = 1;
    for (const std::string& id : racing) alive += *store->validate(id, kPatient) ? 1U : 0U;
    EXPECT_EQ(store->list("u", kPatient)->size(), alive);
    ASSERT_TRUE(store->revoke_all("u", kPatient));
  }
}

INSTANTIATE_TEST_SUITE_P(Over, SessionRace,
                         ::testing::Values(WorldKind::kMemory, WorldKind::kSqlite, WorldKind::kRedis,
                                           WorldKind::kRedisTls, WorldKind::kRedisCluster),
                         [](const auto& at) { return testing::to_string(at.param); });

}  // namespace
}  // namespace envoyou::session_race_test
