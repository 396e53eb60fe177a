// Goal: an entry leaves the journal only in the state in which Redis took it over, ends go first, and bounds hold.
// Method: batches are taken out, the journal is changed behind their back, and they are settled.
#include "session/local_backend.hpp"
#include "session/memory_backend.hpp"
#include "session/naming.hpp"
#include "session/sqlite_backend.hpp"

#include "support/temp_dir.hpp"

#include <envoyou/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "../times.hpp"

namespace envoyou::session::journal_test {
namespace {

using namespace std::chrono_literals;

class JournalTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Rows> rows() {
    if (GetParam() == "memory") return make_memory_rows();
    return open_sqlite_rows((dir_ / "sessions.db").string()).value();
  }
  void reopen(Role role = Role::kJournal) {
    journal.reset();
    journal = std::make_unique<LocalBackend>(rows(), role, limits, time);
  }
  void SetUp() override { reopen(); }

  Address login(const std::string& user = "u") {
    const NewId id = naming.make_id(user).value();
    Record draft;
    draft.address = id.address;
    draft.user_part = user;
    draft.user_id = user;
    draft.user_data = "{}";
    draft.change = "made";
    draft.created_ms = draft.last_active_ms = draft.modified_ms = time->now_ms();
    draft.idle_ms = 60'000;
    draft.absolute_end_ms = draft.created_ms + 600'000;
    EXPECT_TRUE(journal->create(draft, kNever));
    return id.address;
  }
  void write(const Address& address, std::uint64_t version) {
    ASSERT_TRUE(journal->write(address, {version, R"({"n":1})", "written"}, nullptr));
  }
  void settle(const Batch& batch, std::int64_t epoch = 7) {
    std::vector<SettledRow> rows;
    for (const Row& row : batch.rows) rows.push_back({row, epoch, row.record.version});
    ASSERT_TRUE(journal->settle(batch.tombstones, batch.revocations, rows));
  }
  Batch batch() { return journal->next_batch(100).value(); }

  testing::TempDir dir_{"journal"};
  std::shared_ptr<testing::ManualClock> clock = std::make_shared<testing::ManualClock>();
  std::shared_ptr<ServerTime> time = std::make_shared<ServerTime>(clock);
  Naming naming = Naming::with({}).value();
  LocalLimits limits;
  std::unique_ptr<LocalBackend> journal;
};

TEST_P(JournalTest, GivesAnEntryAwayWhenItIsSettled) {
  (void)login();
  const Batch taken = batch();
  ASSERT_EQ(taken.rows.size(), 1U);
  settle(taken);
  EXPECT_EQ(journal->pending(), 0U);
}

TEST_P(JournalTest, KeepsAnEntryThatChangedWhileItWasCarried) {
  const Address session = login();
  const Batch taken = batch();
  write(session, 1);
  settle(taken);
  ASSERT_EQ(journal->pending(), 1U);
  const Batch again = batch();
  EXPECT_EQ(again.rows[0].base_version, 1U);
  EXPECT_EQ(again.rows[0].record.version, 2U);
  EXPECT_EQ(again.rows[0].record.epoch, 7);
  EXPECT_GT(again.rows[0].confirmed_ms, 0);
}

TEST_P(JournalTest, KeepsTheEndOfAnEntryThatWasBeingCarried) {
  const Address session = login();
  const Batch taken = batch();
  ASSERT_TRUE(*journal->remove(session, kNever));
  settle(taken);
  const Batch again = batch();
  EXPECT_TRUE(again.rows.empty());
  ASSERT_EQ(again.tombstones.size(), 1U);
  EXPECT_EQ(again.tombstones[0].address, session);
  EXPECT_EQ(journal->read(session, kNever).error().code(), Errc::kNotFound);
}

TEST_P(JournalTest, HandsOutEndsBeforeSessions) {
  const Address ended = login();
  (void)login();
  ASSERT_TRUE(*journal->remove(ended, kNever));
  const Batch first = batch();
  EXPECT_EQ(first.tombstones.size(), 1U);
  EXPECT_TRUE(first.rows.empty());
  settle(first);
  EXPECT_EQ(batch().rows.size(), 1U);
}

TEST_P(JournalTest, SendsTheTombstoneOfAReplacedSessionAlongWithItsSuccessor) {
  Known known;
  const Address old_place = naming.make_id("u")->address;
  known.record.address = old_place;
  known.record.user_part = known.record.user_id = "u";
  known.record.idle_ms = 60'000;
  known.record.created_ms = known.record.last_active_ms = time->now_ms();
  known.record.absolute_end_ms = time->now_ms() + 600'000;
  known.confirmed_ms = time->now_ms();
  const Address to = naming.make_id("u")->address;
  ASSERT_TRUE(journal->rotate(old_place, to, "rotated", &known));
  const Batch taken = batch();
  EXPECT_TRUE(taken.tombstones.empty());
  ASSERT_EQ(taken.rows.size(), 1U);
  EXPECT_EQ(taken.rows[0].parent, old_place.name);
  EXPECT_EQ(journal->read(old_place, kNever).error().code(), Errc::kNotFound);
  settle(taken);
  EXPECT_EQ(journal->pending(), 0U);
}

TEST_P(JournalTest, ForgetsWhatTimeHasEnded) {
  const Address ended = login();
  ASSERT_TRUE(*journal->remove(ended, kNever));
  for (int i = 0; i < 50; ++i) (void)login();
  EXPECT_EQ(journal->pending(), 51U);
  clock->advance(601s);
  for (int i = 0; i < 100; ++i) {
    clock->advance(100ms);
    (void)login("v");
  }
  EXPECT_LE(journal->pending(), 110U);
  EXPECT_EQ(journal->read(ended, kNever).error().code(), Errc::kUnknown) << "nobody can present it alive";
}

TEST_P(JournalTest, BoundsTheNumberOfEnds) {
  limits.max_sessions = 5;
  reopen();
  const auto end_unknown = [&] { return journal->remove(naming.make_id("u")->address, kNever); };
  int kept = 0;
  while (kept < 100 && end_unknown()) ++kept;
  EXPECT_GE(kept, 5);
  EXPECT_LE(kept, 10);
  EXPECT_EQ(end_unknown().error().code(), Errc::kQueueFull);
  EXPECT_GE(journal->overflows(), 1U);
}

TEST_P(JournalTest, EndsTheOldestOfAUserWhoHasTooMany) {
  limits.max_per_user = 3;
  reopen();
  const Address first = login();
  clock->advance(1s);
  for (int i = 0; i < 3; ++i) (void)login();
  (void)login("v");
  EXPECT_EQ(journal->read(first, kNever).error().code(), Errc::kNotFound);
  EXPECT_EQ(journal->list({"u", first.tag}, kNever)->records.size(), 3U);
}

TEST_P(JournalTest, HasNoMarksWhereItIsTheTruthItself) {
  reopen(Role::kTruth);
  const Address session = login();
  ASSERT_TRUE(*journal->remove(session, kNever));
  EXPECT_EQ(journal->pending(), 0U);
  EXPECT_EQ(journal->read(session, kNever).error().code(), Errc::kNotFound);
  (void)login();
  EXPECT_EQ(*journal->revoke_all({"u", session.tag}, "change", kNever), 1U);
  EXPECT_EQ(journal->pending(), 0U);
}

TEST_P(JournalTest, RemembersTheOffsetOfTheClocks) {
  EXPECT_EQ(*journal->remembered_offset(), 0);
  ASSERT_TRUE(journal->remember_offset(-90'000));
  EXPECT_EQ(*journal->remembered_offset(), -90'000);
}

TEST_P(JournalTest, KeepsEverythingAcrossARestartInAFile) {
  if (GetParam() == "memory") GTEST_SKIP() << "memory is not meant to";
  const Address kept = login();
  const Address ended = login();
  write(kept, 1);
  ASSERT_TRUE(*journal->remove(ended, kNever));
  ASSERT_TRUE(journal->revoke_all({"w", "abcdef"}, "change", kNever));
  const auto before = journal->pending();
  reopen();
  EXPECT_EQ(journal->pending(), before);
  const auto record = journal->read(kept, kNever);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->version, 2U);
  EXPECT_EQ(record->user_data, R"({"n":1})");
  EXPECT_EQ(journal->read(ended, kNever).error().code(), Errc::kNotFound);
  EXPECT_TRUE(*journal->awaits_revocation({"w", "abcdef"}));
  const Batch ends = batch();
  write(kept, 2);
  settle(ends);
  EXPECT_EQ(batch().rows[0].record.version, 3U) << "stamps go on where they stopped";
}

INSTANTIATE_TEST_SUITE_P(Rows, JournalTest, ::testing::Values("memory", "sqlite"),
                         [](const auto& at) { return at.param; });

}  // namespace
}  // namespace envoyou::session::journal_test
