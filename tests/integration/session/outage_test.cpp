// Goal: what was acknowledged while Redis was away is there afterwards, on every server; what ended is not, on any.
// Method: a real Redis that is killed, frozen and cut off; a second server with its own file is asked what it sees.
#include "fleet.hpp"

#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::session_outage_test {
namespace {

using namespace std::chrono_literals;
using testing::FaultProxy;
using testing::FleetServer;
using testing::kPatient;
using testing::RedisServer;

class SessionOutage : public ::testing::Test {
 protected:
  std::string file(const std::string& name) const { return (dir_ / (name + ".db")).string(); }

  // 1,000 made and 200 of them ended; gives the ids of both kinds.
  void live_through_it(FleetServer& server, std::vector<std::string>& kept, std::vector<std::string>& ended) {
    std::vector<std::vector<std::string>> made(8);
    std::vector<std::thread> threads;
    for (std::size_t thread = 0; thread < made.size(); ++thread)
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 125; ++i) {
          const std::string user = "user " + std::to_string(i % 10);
          made[thread].push_back(server.login(user, "{\"n\":" + std::to_string(i) + "}").id);
          const bool ends = i % 5 == 0;
          EXPECT_EQ(ends && server->remove(made[thread].back(), kPatient).value(), ends);
        }
      });
    for (auto& thread : threads) thread.join();
    for (const auto& ids : made)
      for (std::size_t i = 0; i < ids.size(); ++i) (i % 5 == 0 ? ended : kept).push_back(ids[i]);
  }

  void expect_exactly(FleetServer& server, const std::vector<std::string>& kept,
                      const std::vector<std::string>& ended) {
    EXPECT_EQ(kept.size(), 800U);
    EXPECT_EQ(ended.size(), 200U);
    int alive = 0;
    for (const auto& id : kept) alive += server->validate(id, kPatient).value() ? 1 : 0;
    int revived = 0;
    for (const auto& id : ended) revived += server->validate(id, kPatient).value() ? 1 : 0;
    EXPECT_EQ(alive, 800);
    EXPECT_EQ(revived, 0);
    std::size_t listed = 0;
    for (int user = 0; user < 10; ++user) listed += server->list("user " + std::to_string(user), kPatient)->size();
    EXPECT_EQ(listed, 800U);
  }

  testing::TempDir dir_{"session_outage"};
  RedisServer redis_ = RedisServer::start();
};

TEST_F(SessionOutage, IsSeenByASecondServerExactlyAsItWas) {
  FleetServer first(redis_.url(), file("first"));
  redis_.kill9();
  ASSERT_TRUE(first.is_local());
  std::vector<std::string> kept, ended;
  live_through_it(first, kept, ended);
  redis_.restart();
  ASSERT_TRUE(first.is_on_redis());
  FleetServer second(redis_.url(), file("second"));
  expect_exactly(second, kept, ended);
}

TEST_F(SessionOutage, IsSeenExactlyAsItWasAlsoWhenTheFirstServerWasStartedAgainInIt) {
  FleetServer first(redis_.url(), file("first"));
  redis_.kill9();
  ASSERT_TRUE(first.is_local());
  std::vector<std::string> kept, ended;
  live_through_it(first, kept, ended);
  first.stop();
  first.start();
  EXPECT_EQ(first.state(kept[1]), "{\"n\":2}") << "its file goes on where it stopped";
  EXPECT_EQ(first.state(ended[0]), "not_found");
  redis_.restart();
  ASSERT_TRUE(first.is_on_redis());
  FleetServer second(redis_.url(), file("second"));
  expect_exactly(second, kept, ended);
}

TEST_F(SessionOutage, IsCarriedOverByAServerThatStartsWhenRedisIsBack) {
  std::vector<std::string> kept, ended;
  {
    FleetServer first(redis_.url(), file("first"));
    redis_.kill9();
    ASSERT_TRUE(first.is_local());
    live_through_it(first, kept, ended);
  }
  redis_.restart();
  FleetServer again(redis_.url(), file("first"));
  FleetServer second(redis_.url(), file("second"));
  EXPECT_TRUE(testing::eventually([&] { return second->validate(kept.back(), kPatient).value_or(false); }));
  ASSERT_TRUE(testing::eventually([&] {
    int alive = 0;
    for (const auto& id : kept) alive += second->validate(id, kPatient).value_or(false) ? 1 : 0;
    return alive == 800;
  }));
  expect_exactly(second, kept, ended);
}

TEST_F(SessionOutage, CarriesTenThousandSessionsOverSoon) {
  SessionOptions options;
  options.max_local_sessions = 20'000;
  FleetServer first(redis_.url(), "", options);
  redis_.kill9();
  ASSERT_TRUE(first.is_local());
  const std::string data = "{\"profile\":\"" + std::string(500, 'x') + "\"}";
  std::vector<std::string> ids;
  for (int i = 0; i < 10'000; ++i) ids.push_back(first.login("user " + std::to_string(i), data).id);
  redis_.restart();
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(testing::eventually([&] { return first.fallback().uses_redis(); }, 20s));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("10,000 sessions carried over %.2f s after Redis answered\n", took.count());
  EXPECT_LT(took.count(), 8.0) << "2 s on a machine that is not busy";
  FleetServer second(redis_.url(), "");
  for (int i = 0; i < 10'000; i += 97) EXPECT_EQ(second.state(ids[static_cast<std::size_t>(i)]), data);
  EXPECT_EQ(redis_.calls_of("hgetall") > 0, true);
}

TEST_F(SessionOutage, TellsAnUnknownSessionFromADeadOne) {
  FleetServer first(redis_.url(), file("first"));
  FleetServer second(redis_.url(), file("second"));
  const auto known = first.login();
  const auto unknown = second.login();
  const auto ended = first.login();
  ASSERT_TRUE(*first->remove(ended.id, kPatient));
  redis_.kill9();
  ASSERT_TRUE(first.is_local());
  EXPECT_EQ(first.state(known.id), "{}");
  EXPECT_EQ(first->get(known.id, kPatient)->source, Source::kLocal);
  EXPECT_EQ(first.state(unknown.id), "unknown");
  EXPECT_EQ(first->validate(unknown.id, kPatient).error().code(), Errc::kUnknown);
  EXPECT_EQ(first.state(ended.id), "not_found");
  EXPECT_EQ(first.state("nonsense"), "not_found");
  EXPECT_EQ(first->revoke("u", unknown.handle, kPatient).error().code(), Errc::kUnknown);
  EXPECT_EQ(first->storage(), SessionStorage::kDatabase);
  redis_.restart();
  ASSERT_TRUE(first.is_on_redis());
  EXPECT_EQ(first->storage(), SessionStorage::kRedis);
}

// What a frozen server finds in its sockets it still executes when it goes on: long after the senders gave up.
TEST_F(SessionOutage, IsNotConfusedByWhatAFrozenServerExecutesLate) {
  FleetServer first(redis_.url(), file("first"));
  FleetServer second(redis_.url(), file("second"));
  const auto before = first.login();
  const auto removed = first.login("v");
  const auto changed = first.login("w");
  const auto rotated = first.login("x");
  redis_.freeze();
  const auto made = first->create({"y"}).value();
  EXPECT_EQ(made.source, Source::kLocal);
  EXPECT_TRUE(first->remove(removed.id).value());
  EXPECT_EQ(first->replace(changed.id, 1, R"({"n":1})")->version, 2U);
  const auto successor = first->rotate(rotated.id).value();
  EXPECT_TRUE(first->revoke_all("u"));
  const auto after = first->create({"u"}).value();
  std::this_thread::sleep_for(1'200ms);
  redis_.thaw();
  ASSERT_TRUE(first.is_on_redis());
  ASSERT_TRUE(second.is_on_redis());
  ASSERT_TRUE(testing::eventually([&] { return second->validate(made.id, kPatient).value_or(false); }));
  for (FleetServer* server : {&first, &second}) {
    EXPECT_EQ(server->state(before.id), "not_found");
    EXPECT_EQ(server->state(removed.id), "not_found");
    EXPECT_EQ(server->state(rotated.id), "not_found");
    EXPECT_EQ(server->state(changed.id), R"({"n":1})");
    EXPECT_EQ(server->state(successor.id), "{}");
    EXPECT_EQ(server->state(after.id), "{}") << "a login after the log-out is not swept away by it";
    EXPECT_EQ((*server)->list("u", kPatient)->size(), 1U);
  }
  EXPECT_EQ(second->get(changed.id, kPatient)->version, 2U) << "done once";
}

TEST_F(SessionOutage, LetsAnEndHereWinOverChangesElsewhere) {
  FaultProxy proxy(redis_.port());
  FleetServer cut_off(proxy.url(), file("cut_off"));
  FleetServer other(redis_.url(), file("other"));
  const auto ended = cut_off.login();
  const auto rotated_there = cut_off.login();
  const auto ended_there = cut_off.login();
  const auto changed_here = cut_off.login();
  proxy.refuse();
  proxy.cut_all();
  ASSERT_TRUE(cut_off.is_local());
  EXPECT_TRUE(*cut_off->remove(ended.id, kPatient));
  EXPECT_TRUE(*cut_off->remove(rotated_there.id, kPatient));
  ASSERT_TRUE(cut_off->replace(ended_there.id, 1, R"({"here":1})", kPatient));
  ASSERT_TRUE(cut_off->replace(changed_here.id, 1, R"({"here":1})", kPatient));
  for (std::uint64_t version = 1; version < 5; ++version)
    ASSERT_TRUE(other->replace(ended.id, version, R"({"there":1})", kPatient));
  const auto successor = other->rotate(rotated_there.id, kPatient).value();
  EXPECT_TRUE(*other->remove(ended_there.id, kPatient));
  proxy.accept_again();
  ASSERT_TRUE(cut_off.is_on_redis());
  for (FleetServer* server : {&cut_off, &other}) {
    EXPECT_EQ(server->state(ended.id), "not_found");
    EXPECT_EQ(server->state(rotated_there.id), "not_found");
    EXPECT_EQ(server->state(successor.id), "not_found") << "the session was ended, whatever its id is by now";
    EXPECT_EQ(server->state(ended_there.id), "not_found");
    EXPECT_EQ(server->state(changed_here.id), R"({"here":1})");
  }
}

TEST_F(SessionOutage, LogsOutEverywhereAlsoWhatItDidNotKnow) {
  FaultProxy proxy(redis_.port());
  FleetServer cut_off(proxy.url(), file("cut_off"));
  FleetServer other(redis_.url(), file("other"));
  const auto known = cut_off.login();
  const auto unknown = other.login();
  const auto foreign = other.login("v");
  proxy.refuse();
  proxy.cut_all();
  ASSERT_TRUE(cut_off.is_local());
  const auto made = cut_off.login();
  EXPECT_EQ(*cut_off->revoke_all("u", kPatient), 2U);
  const auto after = cut_off.login();
  std::this_thread::sleep_for(20ms);
  const auto there_after = other.login();
  proxy.accept_again();
  ASSERT_TRUE(cut_off.is_on_redis());
  for (FleetServer* server : {&cut_off, &other}) {
    for (const auto& dead : {known, unknown, made}) EXPECT_EQ(server->state(dead.id), "not_found");
    for (const auto& alive : {after, there_after, foreign}) EXPECT_EQ(server->state(alive.id), "{}");
  }
}

TEST_F(SessionOutage, LetsNoLoginEscapeALogOutByArrivingLate) {
  FaultProxy proxy(redis_.port());
  FleetServer held_up(proxy.url(), file("held_up"));
  FleetServer other(redis_.url(), file("other"));
  const auto before = held_up.login();
  proxy.stall(true);
  const auto made = held_up->create({"u"}).value();
  EXPECT_EQ(made.source, Source::kLocal);
  std::this_thread::sleep_for(300ms);
  ASSERT_TRUE(other->revoke_all("u", kPatient));
  const auto after = other.login();
  proxy.stall(false);
  ASSERT_TRUE(held_up.is_on_redis());
  ASSERT_TRUE(testing::eventually([&] { return held_up.state(made.id) == "not_found"; }));
  for (FleetServer* server : {&held_up, &other}) {
    EXPECT_EQ(server->state(before.id), "not_found");
    EXPECT_EQ(server->state(made.id), "not_found");
    EXPECT_EQ(server->state(after.id), "{}");
    EXPECT_EQ((*server)->list("u", kPatient)->size(), 1U);
  }
}

TEST_F(SessionOutage, LosesNothingWhenLinksAreCutInTheMiddleOfReplies) {
  FaultProxy proxy(redis_.port());
  FleetServer first(proxy.url(), file("first"));
  FleetServer second(redis_.url(), file("second"));
  std::vector<std::string> kept, ended;
  std::set<std::string> all;
  for (int i = 0; i < 300; ++i) {
    if (i % 10 == 3) proxy.cut_replies(static_cast<std::size_t>(i) % 30, testing::CloseHow::kReset, 1);
    kept.push_back(first.login("user " + std::to_string(i % 5)).id);
    all.insert(kept.back());
    if (i % 3 == 0) {
      EXPECT_TRUE(first->remove(kept.back(), kPatient).ok());
      ended.push_back(kept.back());
      kept.pop_back();
    }
  }
  proxy.clear();
  ASSERT_TRUE(first.is_on_redis());
  ASSERT_TRUE(testing::eventually([&] { return second->validate(kept.back(), kPatient).value_or(false); }));
  const auto count = [&](const std::vector<std::string>& ids) {
    std::size_t alive = 0;
    for (const auto& id : ids) alive += second->validate(id, kPatient).value_or(false) ? 1U : 0U;
    return alive;
  };
  EXPECT_TRUE(testing::eventually([&] { return count(kept) == kept.size() && count(ended) == 0; }));
  EXPECT_EQ(count(kept), kept.size());
  EXPECT_EQ(count(ended), 0U);
  EXPECT_EQ(all.size(), 300U);
}

TEST_F(SessionOutage, NeverAnswersWithAnotherSessionWhenRepliesComeUnasked) {
  FaultProxy proxy(redis_.port());
  FleetServer server(proxy.url(), "");
  std::vector<Session> sessions;
  for (int i = 0; i < 50; ++i)
    sessions.push_back(server.login("user " + std::to_string(i), "{\"n\":" + std::to_string(i) + "}"));
  int wrong = 0;
  const auto ask_all = [&] {
    for (const Session& asked : sessions) {
      const auto found = server->get(asked.id, kPatient);
      if (found && (found->user_id != asked.user_id || found->user_data != asked.user_data)) ++wrong;
    }
  };
  for (std::size_t fault = 0; fault < 20; ++fault) {
    ASSERT_TRUE(server.is_on_redis());
    if (fault % 2 == 0) proxy.duplicate_replies(1);
    if (fault % 2 == 1) proxy.inject("*2\r\n$1\r\nf\r\n$1\r\n1\r\n", 1);
    ask_all();
    EXPECT_GT(proxy.faults_done(), fault);
  }
  EXPECT_EQ(wrong, 0);
}

TEST_F(SessionOutage, StaysOutOfRedisWhereItIsToldTo) {
  SessionOptions options;
  options.use_redis = false;
  FleetServer server(redis_.url(), file("local"), options);
  const auto made = server.login();
  EXPECT_EQ(made.source, Source::kLocal);
  EXPECT_EQ(server->storage(), SessionStorage::kDatabase);
  EXPECT_EQ(redis_.cli({"DBSIZE"}), "0");
}

}  // namespace
}  // namespace envoyou::session_outage_test
