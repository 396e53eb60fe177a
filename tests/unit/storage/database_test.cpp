// Goal: what is committed stays, what fails leaves no trace and a clear error, and the file is private and has one
// owner. Method: a file in a directory of the test's own; damage is done to the file itself.
#include "storage/database.hpp"

#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::storage::database_test {
namespace {

using ::testing::HasSubstr;
using testing::TempDir;

constexpr std::int32_t kApplication = 0x74657374;
constexpr std::string_view kFirst = "CREATE TABLE notes (name TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;";
constexpr std::string_view kSecond = "ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 3;";

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseOptions options() const { return {path(), kApplication, {kFirst}}; }
  std::string path() const { return (dir_ / "notes.db").string(); }
  std::unique_ptr<Database> open() const { return std::move(Database::open(options())).value(); }
  std::string refusal(DatabaseOptions with) const {
    auto opened = Database::open(std::move(with));
    if (opened) return "opened";
    EXPECT_EQ(opened.error().code(), Errc::kStorage);
    return std::string(opened.error().message());
  }

  TempDir dir_{"storage"};
};

Result<void> write(Database& database, std::string_view name, std::string_view body) {
  return database.query("INSERT INTO notes (name, body) VALUES (?1, ?2)").bind(name).bind(body).run();
}

std::string read(Database& database, std::string_view name) {
  Query found = database.query("SELECT body FROM notes WHERE name = ?1");
  auto row = found.bind(name).next();
  if (!row) return "error: " + std::string(row.error().message());
  return *row ? found.text(0) : "absent";
}

TEST_F(DatabaseTest, KeepsWhatWasCommittedAcrossOpenings) {
  auto database = open();
  ASSERT_TRUE(database->transact([&] { return write(*database, "a", "1"); }));
  ASSERT_TRUE(database->transact([&] { return write(*database, "b", "2"); }));
  database.reset();
  database = open();
  EXPECT_EQ(read(*database, "a"), "1");
  EXPECT_EQ(read(*database, "b"), "2");
}

TEST_F(DatabaseTest, LetsManyThreadsShareTheWaitForTheDisk) {
  auto database = open();
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 20; ++i) {
        {
          const std::lock_guard lock(mutex);
          ASSERT_TRUE(database->transact(
              [&] { return write(*database, std::to_string(thread) + "-" + std::to_string(i), "x"); }));
        }
        ASSERT_TRUE(database->flush());
      }
    });
  for (auto& thread : threads) thread.join();
  database.reset();
  database = open();
  EXPECT_EQ(read(*database, "7-19"), "x");
}

TEST_F(DatabaseTest, KeepsTextByteForByte) {
  auto database = open();
  std::string bytes("a\0b\"';--\xc3\xa9", 10);
  ASSERT_TRUE(write(*database, "bytes", bytes));
  EXPECT_EQ(read(*database, "bytes"), bytes);
  ASSERT_TRUE(write(*database, "nothing", {}));
  EXPECT_EQ(read(*database, "nothing"), "");
}

TEST_F(DatabaseTest, UndoesATransactionWhoseWorkFails) {
  auto database = open();
  const auto done = database->transact([&]() -> Result<void> {
    if (auto written = write(*database, "a", "1"); !written) return written;
    return Error(Errc::kConflict, "changed my mind");
  });
  EXPECT_EQ(done.error().code(), Errc::kConflict);
  EXPECT_EQ(read(*database, "a"), "absent");
  EXPECT_TRUE(write(*database, "a", "2")) << "the connection goes on";
}

TEST_F(DatabaseTest, MakesThePrivateFileOfAPrivateOwner) {
  std::ofstream(path()).flush();
  std::filesystem::permissions(path(), std::filesystem::perms::all);
  auto database = open();
  ASSERT_TRUE(write(*database, "a", "1"));
  for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
    struct stat status {};
    ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << file.path();
  }
}

TEST_F(DatabaseTest, RefusesASecondOwnerAndNamesTheFile) {
  auto database = open();
  EXPECT_THAT(refusal(options()), ::testing::AllOf(HasSubstr(path()), HasSubstr("in use by another server")));
  ASSERT_TRUE(write(*database, "a", "1")) << "the refused opener took nothing away";
  database.reset();
  EXPECT_EQ(refusal(options()), "opened");
}

TEST_F(DatabaseTest, IsFreeAgainWhenItsOwnerWasKilled) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto database = Database::open(options());
    const bool wrote = database && write(**database, "a", "1").ok();
    ::kill(::getpid(), wrote ? SIGKILL : SIGTERM);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(read(*open(), "a"), "1");
}

TEST_F(DatabaseTest, LeavesTheFileAloneInAForkedChild) {
  auto database = open();
  ASSERT_TRUE(write(*database, "a", "1"));
  const pid_t child = ::fork();
  if (child == 0) {
    database.reset();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(write(*database, "b", "2"));
  database.reset();
  database = open();
  EXPECT_EQ(read(*database, "a") + read(*database, "b"), "12");
}

TEST_F(DatabaseTest, BringsAnOlderFileToTheNewestVersion) {
  ASSERT_TRUE(write(*open(), "a", "1"));
  auto newer = options();
  newer.migrations.push_back(kSecond);
  {
    auto database = std::move(Database::open(newer)).value();
    Query query = database->query("SELECT stars FROM notes WHERE name = 'a'");
    ASSERT_TRUE(*query.next());
    EXPECT_EQ(query.integer(0), 3);
  }
  EXPECT_THAT(refusal(options()), HasSubstr("made by a newer release"));
  EXPECT_EQ(refusal(newer), "opened");
}

TEST_F(DatabaseTest, LeavesNoHalfMigratedFileBehind) {
  auto broken = options();
  broken.migrations.push_back("CREATE TABLE half (a); SELECT nonsense FROM nowhere;");
  EXPECT_THAT(refusal(broken), HasSubstr("can not be set up"));
  EXPECT_EQ(read(*open(), "a"), "absent");
}

TEST_F(DatabaseTest, RefusesWhatIsNotItsFile) {
  auto other = options();
  other.application_id = 7;
  ASSERT_TRUE(Database::open(other));
  EXPECT_THAT(refusal(options()), HasSubstr("belongs to another program"));

  std::ofstream(dir_ / "text.db") << std::string(8192, 'x');
  EXPECT_THAT(refusal({(dir_ / "text.db").string(), kApplication, {kFirst}}), HasSubstr("not a database"));
  EXPECT_THAT(refusal({dir_.path().string(), kApplication, {kFirst}}), HasSubstr("can not be opened"));
  std::filesystem::create_symlink("/dev/full", dir_ / "device.db");
  EXPECT_THAT(refusal({(dir_ / "device.db").string(), kApplication, {kFirst}}), HasSubstr("regular file"));
  EXPECT_THAT(refusal({(dir_ / "no/such/dir.db").string(), kApplication, {kFirst}}), HasSubstr("No such file"));
  EXPECT_THAT(refusal({"", kApplication, {kFirst}}), HasSubstr("empty"));
}

TEST_F(DatabaseTest, SaysSoWhenTheFileIsFullAndKeepsWhatItHad) {
  auto small = options();
  small.max_bytes = 64U << 10U;
  auto database = std::move(Database::open(small)).value();
  const std::string body(2000, 'b');
  Result<void> written;
  int count = 0;
  while (written && count < 1000) {
    written = database->transact([&] { return write(*database, std::to_string(count), body); });
    if (written) ++count;
  }
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Errc::kStorage);
  EXPECT_THAT(std::string(written.error().message()), ::testing::AllOf(HasSubstr(path()), HasSubstr("full")));
  EXPECT_GT(count, 5);
  EXPECT_EQ(read(*database, "0"), body);
  EXPECT_TRUE(database->query("DELETE FROM notes").run());
  EXPECT_EQ(database->changes(), count);
  EXPECT_TRUE(write(*database, "again", "1"));
}

TEST_F(DatabaseTest, SaysSoWhenThePagesAreDamaged) {
  {
    auto database = open();
    ASSERT_TRUE(database->transact([&]() -> Result<void> {
      for (int i = 0; i < 200; ++i)
        if (auto done = write(*database, std::to_string(i), std::string(500, 'b')); !done) return done;
      return {};
    }));
  }
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(40'000, '\xff');
  }
  auto damaged = Database::open(options());
  ASSERT_TRUE(damaged) << "the first page is whole";
  EXPECT_THAT(read(**damaged, "150"), HasSubstr("malformed"));
  EXPECT_FALSE(write(**damaged, "150", "x"));
}

TEST_F(DatabaseTest, AnswersAWrongStatementWithAnError) {
  auto database = open();
  EXPECT_FALSE(database->query("SELECT FROM WHERE").next());
  EXPECT_FALSE(database->query("SELECT 1").bind(5).next()) << "there is no such parameter";
  EXPECT_TRUE(database->query("SELECT 1").next());
}

}  // namespace
}  // namespace envoyou::storage::database_test
