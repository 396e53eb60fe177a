// Goal: nothing that was acknowledged is lost when Redis goes and comes back, and nothing that ended lives again, on
// the server that saw it and on any other. Method: one fake Redis, two servers over it; faults before and after a
// command; the clock and the switch are moved by hand.
#include "session/stand_in.hpp"

#include "session/memory_backend.hpp"
#include "session/naming.hpp"
#include "session/sqlite_backend.hpp"

#include "fake_remote.hpp"
#include "support/temp_dir.hpp"

#include <envoyou/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <string>

#include "../times.hpp"

namespace envoyou::session::session_stand_in_test {
namespace {

using namespace std::chrono_literals;
using Fault = FakeRemote::Fault;

class Server {
 public:
  Server(std::shared_ptr<testing::ManualClock> clock, std::shared_ptr<FakeServer> redis, std::unique_ptr<Rows> rows,
         LocalLimits limits = {})
      : clock_(clock), time(std::make_shared<ServerTime>(clock)) {
    runtime_.clock = clock;
    fallback = std::make_shared<Switch>(SwitchOptions{}, runtime_, true);
    auto made = std::make_unique<FakeRemote>(redis, time);
    remote = made.get();
    auto local = std::make_unique<LocalBackend>(std::move(rows), Role::kJournal, limits, time);
    journal = local.get();
    stand_in = std::make_unique<StandIn>(std::move(made), std::move(local), StandInOptions{}, fallback, time,
                                         std::make_shared<const Observer>(runtime_));
    comes_back();
  }

  void goes_away() {
    remote->fault = Fault::kBefore;
    fallback->on_refused("the test says so");
    ASSERT_FALSE(fallback->uses_redis());
  }
  void comes_back() {
    remote->fault = Fault::kNone;
    for (int i = 0; i < 20 && !fallback->uses_redis(); ++i) {
      fallback->on_answered();
      fallback->run_due();
      clock_->advance(100ms);
    }
    ASSERT_TRUE(fallback->uses_redis());
  }
  void sweep() {
    clock_->advance(1s);
    fallback->run_due();
  }

  Record draft(const NewId& id, const std::string& user) const {
    Record made;
    made.address = id.address;
    made.user_part = naming.user_keys(user).front().part;
    made.user_id = user;
    made.user_data = "{}";
    made.device_info = "{}";
    made.created_ms = made.last_active_ms = made.modified_ms = time->now_ms();
    made.idle_ms = 1'800'000;
    made.absolute_end_ms = made.created_ms + 86'400'000;
    made.change = make_change().value();
    return made;
  }
  Address login(const std::string& user = "u") {
    const NewId id = naming.make_id(user).value();
    auto made = stand_in->create(draft(id, user), kNever);
    EXPECT_TRUE(made) << made.error().message();
    return id.address;
  }
  std::string state(const Address& address) {
    const auto record = stand_in->read(address, kNever);
    if (record) return record->user_data;
    return std::string(to_string(record.error().code()));
  }
  Result<Record> write(const Address& address, std::uint64_t version, const std::string& data) {
    return stand_in->write(address, {version, data, make_change().value()}, kNever);
  }
  Address rotate(const Address& from, const std::string& user = "u") {
    const Address to = naming.make_id(user)->address;
    EXPECT_TRUE(stand_in->rotate(from, to, make_change().value(), kNever));
    return to;
  }
  std::size_t log_out_everywhere(const std::string& user = "u") {
    return stand_in->revoke_all(naming.user_keys(user).front(), make_change().value(), kNever).value();
  }
  std::size_t sessions_of(const std::string& user = "u") {
    return stand_in->list(naming.user_keys(user).front(), kNever)->records.size();
  }

  std::shared_ptr<testing::ManualClock> clock_;
  Runtime runtime_;
  std::shared_ptr<ServerTime> time;
  std::shared_ptr<Switch> fallback;
  Naming naming = Naming::with({}).value();
  FakeRemote* remote = nullptr;
  LocalBackend* journal = nullptr;
  std::unique_ptr<StandIn> stand_in;
};

class SessionStandInTest : public ::testing::Test {
 protected:
  std::shared_ptr<testing::ManualClock> clock = std::make_shared<testing::ManualClock>();
  std::shared_ptr<FakeServer> redis = std::make_shared<FakeServer>();
  Server here{clock, redis, make_memory_rows()};
  Server there{clock, redis, make_memory_rows()};
};

TEST_F(SessionStandInTest, AsksRedisWhileItIsThere) {
  const Address session = here.login();
  EXPECT_EQ(here.stand_in->read(session, kNever)->source, Source::kRedis);
  EXPECT_EQ(there.state(session), "{}");
  EXPECT_EQ(here.journal->pending(), 0U);
}

// More of the users whose node is away than fit in a batch, an end among them, and rows of others behind.
TEST_F(SessionStandInTest, OneNodeThatIsAwayHoldsUpItsOwnUsersOnly) {
  const Address ended = here.login("dead");
  here.goes_away();
  here.remote->away.insert(ended.tag);
  EXPECT_TRUE(here.stand_in->remove(ended, kNever).value());
  for (int i = 0; i < 300; ++i) here.remote->away.insert(here.login("dead" + std::to_string(i)).tag);
  std::vector<Address> alive;
  for (int i = 0; i < 300; ++i) {
    alive.push_back(here.login("alive" + std::to_string(i)));
    here.remote->away.erase(alive.back().tag);
  }
  here.comes_back();
  for (const Address& session : alive) EXPECT_EQ(there.state(session), "{}");
  EXPECT_GE(here.journal->pending(), 290U);
  EXPECT_EQ(there.state(ended), "{}");
  here.remote->away.clear();
  for (int i = 0; i < 3; ++i) here.sweep();
  EXPECT_EQ(here.journal->pending(), 0U);
  EXPECT_EQ(there.state(ended), "not_found");
}

TEST_F(SessionStandInTest, DoesNotAskARedisThatIsAway) {
  const Address known = here.login();
  here.goes_away();
  const int calls = redis->calls;
  EXPECT_EQ(here.stand_in->read(known, kNever)->source, Source::kLocal);
  (void)here.login();
  (void)here.state(known);
  EXPECT_EQ(redis->calls, calls);
}

TEST_F(SessionStandInTest, TellsWhatItDoesNotKnowFromWhatDoesNotLive) {
  const Address known = here.login();
  const Address unknown = there.login();
  here.goes_away();
  EXPECT_EQ(here.state(known), "{}");
  EXPECT_EQ(here.state(unknown), "unknown");
  EXPECT_TRUE(*here.stand_in->remove(known, kNever));
  EXPECT_EQ(here.state(known), "not_found");
  EXPECT_FALSE(*here.stand_in->remove(known, kNever));
}

TEST_F(SessionStandInTest, GoesOnFromACopyForAStatedTime) {
  const Address session = here.login();
  here.goes_away();
  clock->advance(300s);
  EXPECT_EQ(here.state(session), "{}");
  clock->advance(1s);
  EXPECT_EQ(here.state(session), "unknown");
}

TEST_F(SessionStandInTest, KeepsThatTimeAlsoForASessionThatChangedMeanwhile) {
  const Address session = here.login();
  const Address made_here = [&] {
    here.goes_away();
    return here.login();
  }();
  ASSERT_TRUE(here.write(session, 1, R"({"n":1})"));
  clock->advance(301s);
  EXPECT_EQ(here.state(session), "unknown");
  EXPECT_EQ(here.state(made_here), "{}");
  here.comes_back();
  EXPECT_EQ(there.state(session), R"({"n":1})") << "what was acknowledged is carried over all the same";
}

TEST_F(SessionStandInTest, BringsWhatWasMadeChangedAndEndedToEveryServer) {
  const Address changed = here.login();
  const Address ended = here.login();
  here.goes_away();
  const Address made = here.login();
  const Address made_and_ended = here.login();
  ASSERT_TRUE(here.write(changed, 1, R"({"n":1})"));
  ASSERT_TRUE(here.write(made, 1, R"({"n":2})"));
  ASSERT_TRUE(*here.stand_in->remove(ended, kNever));
  ASSERT_TRUE(*here.stand_in->remove(made_and_ended, kNever));
  EXPECT_EQ(there.state(changed), "{}");
  here.comes_back();
  EXPECT_EQ(here.journal->pending(), 0U);
  for (Server* server : {&here, &there}) {
    EXPECT_EQ(server->state(changed), R"({"n":1})");
    EXPECT_EQ(server->state(made), R"({"n":2})");
    EXPECT_EQ(server->state(ended), "not_found");
    EXPECT_EQ(server->state(made_and_ended), "not_found");
  }
}

TEST_F(SessionStandInTest, LetsAnEndWinOverAChangeMadeElsewhere) {
  const Address session = here.login();
  here.goes_away();
  ASSERT_TRUE(*here.stand_in->remove(session, kNever));
  ASSERT_TRUE(there.write(session, 1, R"({"n":1})"));
  ASSERT_TRUE(there.write(session, 2, R"({"n":2})"));
  here.comes_back();
  EXPECT_EQ(there.state(session), "not_found");
}

TEST_F(SessionStandInTest, LetsAnEndElsewhereWinOverAChangeMadeHere) {
  const Address session = here.login();
  here.goes_away();
  ASSERT_TRUE(here.write(session, 1, R"({"n":1})"));
  ASSERT_TRUE(*there.stand_in->remove(session, kNever));
  here.comes_back();
  EXPECT_EQ(here.state(session), "not_found");
  EXPECT_EQ(there.state(session), "not_found");
}

TEST_F(SessionStandInTest, EndsASessionThatOnlyRedisKnew) {
  const Address session = there.login();
  here.goes_away();
  EXPECT_TRUE(*here.stand_in->remove(session, kNever)) << "it may have lived";
  EXPECT_EQ(here.state(session), "not_found");
  here.comes_back();
  EXPECT_EQ(there.state(session), "not_found");
}

TEST_F(SessionStandInTest, KeepsTheHigherVersionWhereTwoServersChangedASession) {
  const Address session = here.login();
  ASSERT_EQ(there.state(session), "{}");
  here.goes_away();
  ASSERT_TRUE(here.write(session, 1, R"({"here":1})"));
  for (std::uint64_t version = 1; version < 4; ++version) ASSERT_TRUE(there.write(session, version, R"({"there":1})"));
  here.comes_back();
  EXPECT_EQ(here.state(session), R"({"there":1})");
  here.goes_away();
  EXPECT_EQ(here.state(session), R"({"there":1})") << "and its copy is not the one that lost";
}

TEST_F(SessionStandInTest, MakesOneSessionOfACreationThatTimedOutAfterItWasExecuted) {
  here.remote->fault = Fault::kAfter;
  const Address session = here.login();
  EXPECT_EQ(redis->sessions.size(), 1U);
  EXPECT_EQ(here.journal->pending(), 1U);
  here.remote->fault = Fault::kNone;
  ASSERT_TRUE(here.write(session, 1, R"({"n":1})")) << "the journal leads, though Redis is in use";
  EXPECT_EQ(here.state(session), R"({"n":1})");
  here.sweep();
  EXPECT_EQ(here.journal->pending(), 0U);
  EXPECT_EQ(redis->sessions.size(), 1U);
  EXPECT_EQ(there.state(session), R"({"n":1})");
}

TEST_F(SessionStandInTest, AppliesAChangeOnceThatTimedOutAfterItWasExecuted) {
  const Address session = here.login();
  here.remote->fault = Fault::kAfter;
  ASSERT_EQ(here.write(session, 1, R"({"n":1})")->version, 2U);
  here.remote->fault = Fault::kNone;
  here.sweep();
  EXPECT_EQ(there.stand_in->read(session, kNever)->version, 2U);
  EXPECT_TRUE(there.write(session, 2, R"({"n":2})"));
}

TEST_F(SessionStandInTest, HidesASessionAtOnceWhoseEndHasNotReachedRedis) {
  const Address session = here.login();
  here.remote->fault = Fault::kBefore;
  ASSERT_TRUE(*here.stand_in->remove(session, kNever));
  here.remote->fault = Fault::kNone;
  EXPECT_EQ(there.state(session), "{}") << "Redis does not know yet";
  EXPECT_EQ(here.state(session), "not_found");
  EXPECT_EQ(here.sessions_of(), 0U);
  EXPECT_EQ(here.write(session, 1, "{}").error().code(), Errc::kNotFound);
  here.sweep();
  EXPECT_EQ(there.state(session), "not_found");
}

TEST_F(SessionStandInTest, HidesAUsersSessionsAtOnceWhoseRevocationHasNotReachedRedis) {
  const Address session = there.login();
  here.remote->fault = Fault::kBefore;
  (void)here.log_out_everywhere();
  here.remote->fault = Fault::kNone;
  EXPECT_EQ(here.state(session), "not_found");
  EXPECT_EQ(here.sessions_of(), 0U);
  const Address login = here.login();
  here.sweep();
  EXPECT_EQ(there.state(session), "not_found");
  EXPECT_EQ(there.state(login), "{}") << "a login after the revocation is not swept away by it";
}

TEST_F(SessionStandInTest, LogsOutEverywhereInAnOutage) {
  const Address known = here.login();
  const Address of_another = here.login("v");
  const Address unknown = there.login();
  here.goes_away();
  const Address made = here.login();
  EXPECT_EQ(here.log_out_everywhere(), 2U);
  const Address after = here.login();
  EXPECT_EQ(here.state(known), "not_found");
  EXPECT_EQ(here.state(made), "not_found");
  EXPECT_EQ(here.state(after), "{}");
  here.comes_back();
  for (Server* server : {&here, &there}) {
    EXPECT_EQ(server->state(known), "not_found");
    EXPECT_EQ(server->state(unknown), "not_found");
    EXPECT_EQ(server->state(made), "not_found");
    EXPECT_EQ(server->state(after), "{}");
    EXPECT_EQ(server->state(of_another), "{}");
    EXPECT_EQ(server->sessions_of(), 1U);
  }
}

TEST_F(SessionStandInTest, EndsAJournaledSessionThatWasRevokedElsewhere) {
  const Address session = here.login();
  here.goes_away();
  ASSERT_TRUE(here.write(session, 1, R"({"n":1})"));
  const Address made = here.login();
  clock->advance(1s);
  (void)there.log_out_everywhere();
  here.comes_back();
  EXPECT_EQ(here.state(session), "not_found");
  EXPECT_EQ(here.state(made), "not_found");
  EXPECT_EQ(there.sessions_of(), 0U);
}

TEST_F(SessionStandInTest, RotatesInAnOutage) {
  const Address first = here.login();
  here.goes_away();
  const Address second = here.rotate(first);
  EXPECT_EQ(here.state(first), "not_found");
  EXPECT_EQ(here.state(second), "{}");
  const Address third = here.rotate(second);
  EXPECT_EQ(here.sessions_of(), 1U);
  here.comes_back();
  EXPECT_EQ(here.journal->pending(), 0U);
  for (const Address& dead : {first, second}) EXPECT_EQ(there.state(dead), "not_found");
  EXPECT_EQ(there.state(third), "{}");
  EXPECT_EQ(there.sessions_of(), 1U);
}

TEST_F(SessionStandInTest, EndsTheSuccessorOfASessionThatEndedElsewhere) {
  const Address first = here.login();
  here.goes_away();
  const Address second = here.rotate(first);
  ASSERT_TRUE(*there.stand_in->remove(first, kNever));
  here.comes_back();
  EXPECT_EQ(there.state(second), "not_found");
  EXPECT_EQ(here.state(second), "not_found");
}

TEST_F(SessionStandInTest, EndsARotatedSessionForGood) {
  const Address first = here.login();
  here.goes_away();
  const Address second = here.rotate(first);
  ASSERT_TRUE(*here.stand_in->remove(second, kNever));
  here.comes_back();
  EXPECT_EQ(here.journal->pending(), 0U);
  EXPECT_EQ(there.state(first), "not_found");
  EXPECT_EQ(there.state(second), "not_found");
  EXPECT_EQ(there.sessions_of(), 0U);
}

TEST_F(SessionStandInTest, RecognisesARotationThatTimedOutAfterItWasExecuted) {
  const Address first = here.login();
  here.remote->fault = Fault::kAfter;
  const Address second = here.rotate(first);
  here.remote->fault = Fault::kNone;
  EXPECT_EQ(here.state(second), "{}");
  here.sweep();
  EXPECT_EQ(there.state(second), "{}");
  EXPECT_EQ(there.state(first), "not_found");
}

TEST_F(SessionStandInTest, ServesNoCopyOfASessionThatItEnded) {
  const Address session = here.login();
  ASSERT_EQ(here.state(session), "{}");
  ASSERT_TRUE(*here.stand_in->remove(session, kNever));
  here.goes_away();
  EXPECT_EQ(here.state(session), "not_found");
}

TEST_F(SessionStandInTest, KeepsASessionAliveThatWasUsedInTheOutage) {
  const Address session = here.login();
  here.goes_away();
  for (int i = 0; i < 4; ++i) {
    clock->advance(60s);
    here.stand_in->note_activity(*here.stand_in->read(session, kNever));
  }
  EXPECT_EQ(here.journal->pending(), 1U);
  const auto active_ms = here.stand_in->read(session, kNever)->last_active_ms;
  EXPECT_EQ(active_ms, here.time->now_ms());
  here.comes_back();
  EXPECT_EQ(redis->sessions.at(session.name).last_active_ms, active_ms);
}

TEST_F(SessionStandInTest, TriesAgainWhatWasNotAcknowledged) {
  here.goes_away();
  for (int i = 0; i < 600; ++i) (void)here.login("user " + std::to_string(i));
  here.remote->fault = Fault::kAfter;
  EXPECT_FALSE(here.stand_in->carry_over(kNever));
  EXPECT_EQ(here.journal->pending(), 600U);
  here.comes_back();
  EXPECT_EQ(here.journal->pending(), 0U);
  EXPECT_EQ(redis->sessions.size(), 600U);
}

TEST_F(SessionStandInTest, SaysSoWhenItCanHoldNoMore) {
  Server small{clock, redis, make_memory_rows(), {.max_sessions = 3}};
  small.goes_away();
  std::vector<Address> made;
  for (int i = 0; i < 3; ++i) made.push_back(small.login());
  const NewId id = small.naming.make_id("u").value();
  EXPECT_EQ(small.stand_in->create(small.draft(id, "u"), kNever).error().code(), Errc::kQueueFull);
  EXPECT_EQ(small.journal->overflows(), 1U);
  EXPECT_EQ(small.state(id.address), "unknown");
  EXPECT_TRUE(*small.stand_in->remove(made[0], kNever)) << "an end always has room";
  EXPECT_TRUE(small.stand_in->create(small.draft(id, "u"), kNever));
  small.comes_back();
  EXPECT_EQ(redis->sessions.size(), 3U);
}

TEST_F(SessionStandInTest, LosesNothingWhenTheServerIsStartedAgainInTheOutage) {
  testing::TempDir directory("stand_in");
  const std::string file = (directory / "sessions.db").string();
  Address changed, ended, made;
  {
    Server first{clock, redis, open_sqlite_rows(file).value()};
    changed = first.login();
    ended = first.login();
    first.goes_away();
    made = first.login();
    ASSERT_TRUE(first.write(changed, 1, R"({"n":1})"));
    ASSERT_TRUE(*first.stand_in->remove(ended, kNever));
  }
  EXPECT_EQ(redis->sessions.size(), 2U);
  Server second{clock, redis, open_sqlite_rows(file).value()};
  second.sweep();
  EXPECT_EQ(there.state(made), "{}");
  EXPECT_EQ(there.state(changed), R"({"n":1})");
  EXPECT_EQ(there.state(ended), "not_found");
}

TEST_F(SessionStandInTest, AnswersForAnEarlierRunBeforeRedisIsBack) {
  testing::TempDir directory("stand_in");
  const std::string file = (directory / "sessions.db").string();
  Address made, ended;
  {
    Server first{clock, redis, open_sqlite_rows(file).value()};
    ended = first.login();
    first.goes_away();
    made = first.login();
    ASSERT_TRUE(*first.stand_in->remove(ended, kNever));
  }
  auto time = std::make_shared<ServerTime>(clock);
  LocalBackend journal(open_sqlite_rows(file).value(), Role::kJournal, {}, time);
  EXPECT_EQ(journal.pending(), 2U);
  EXPECT_TRUE(journal.read(made, kNever));
  EXPECT_EQ(journal.read(ended, kNever).error().code(), Errc::kNotFound);
}

}  // namespace
}  // namespace envoyou::session::session_stand_in_test
