// Goal: the public face keeps its word where no Redis is: in time, in its log, in its counters, and in a forked child.
// Method: a store in memory, a clock moved by hand, a sink that keeps every line.
#include <envoyou/session.hpp>

#include "support/temp_dir.hpp"

#include <envoyou/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mutex>
#include <string>

namespace envoyou::session_store_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

class Lines final : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    const std::lock_guard lock(mutex_);
    text_ += std::string(record.component) + " " + std::string(record.message);
    for (const auto& field : record.fields) text_ += " " + std::string(field.name) + "=" + std::string(field.value);
    text_ += "\n";
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

class SessionStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<SessionStore> open(SessionOptions options = {}) {
    Runtime runtime;
    runtime.clock = clock;
    runtime.logger = Logger(lines, LogLevel::kTrace);
    runtime.metrics = metrics;
    Backing backing;
    backing.runtime = runtime;
    backing.fallback = std::make_shared<Switch>(SwitchOptions{}, runtime, false);
    return SessionStore::open(std::move(options), std::move(backing)).value();
  }
  double metric(const std::string& labels) const {
    double value = -1;
    metrics->visit([&](const MetricsRegistry::Sample& sample) {
      if (sample.labels == labels) value = sample.value;
    });
    return value;
  }

  std::shared_ptr<testing::ManualClock> clock = std::make_shared<testing::ManualClock>();
  std::shared_ptr<Lines> lines = std::make_shared<Lines>();
  std::shared_ptr<MetricsRegistry> metrics = std::make_shared<MetricsRegistry>();
};

TEST_F(SessionStoreTest, WritesNeitherIdsNorUsersNorTheirDataIntoTheLog) {
  auto store = open();
  const auto made = store->create({"user_4711", R"({"secret":"hunter2"})", "{}", "192.0.2.7"}).value();
  (void)store->get(made.id);
  (void)store->merge(made.id, R"({"other":"hunter3"})");
  const auto rotated = store->rotate(made.id).value();
  (void)store->get(made.id);
  (void)store->list("user_4711");
  (void)store->replace(rotated.id, 99, "{}");
  (void)store->remove(rotated.id);
  const std::string text = lines->text();
  EXPECT_THAT(text, HasSubstr("handle=" + made.handle));
  EXPECT_THAT(text, HasSubstr("session create handle=" + made.handle));
  EXPECT_THAT(text, HasSubstr("result=conflict"));
  for (const std::string& forbidden :
       {made.id, rotated.id, std::string("hunter"), std::string("4711"), std::string("192.0.2.7")})
    EXPECT_THAT(text, Not(HasSubstr(forbidden)));
}

TEST_F(SessionStoreTest, CountsWhatHappens) {
  auto store = open();
  const auto made = store->create({"u"}).value();
  (void)store->create({""});
  (void)store->get(made.id);
  (void)store->get("nonsense");
  EXPECT_EQ(metric("op=\"create\",result=\"ok\""), 1);
  EXPECT_EQ(metric("op=\"create\",result=\"invalid\""), 1);
  EXPECT_EQ(metric("op=\"get\",result=\"ok\""), 1);
  EXPECT_EQ(metric("op=\"get\",result=\"not_found\""), 1);
}

TEST_F(SessionStoreTest, EndsAnIdleSessionAndKeepsAUsedOneToItsAbsoluteEnd) {
  SessionOptions options;
  options.idle_timeout = 10min;
  options.absolute_timeout = 1h;
  auto store = open(options);
  const auto idle = store->create({"u"}).value();
  const auto used = store->create({"u"}).value();
  for (int minute = 0; minute < 59; minute += 5) {
    ASSERT_TRUE(store->get(used.id)) << minute;
    clock->advance(5min);
  }
  EXPECT_EQ(store->get(idle.id).error().code(), Errc::kNotFound);
  EXPECT_EQ(store->get(used.id).error().code(), Errc::kNotFound) << "activity never passes the absolute end";
  EXPECT_FALSE(*store->validate(used.id));
}

TEST_F(SessionStoreTest, ChangesNothingWhenTheCalendarIsStepped) {
  auto store = open();
  const auto made = store->create({"u"}).value();
  clock->step_wall(-1h);
  EXPECT_EQ(store->get(made.id)->expires_at, made.expires_at);
  clock->step_wall(49h);
  EXPECT_TRUE(store->get(made.id));
  clock->advance(31min);
  EXPECT_FALSE(store->get(made.id));
}

TEST_F(SessionStoreTest, TouchesAtMostOnceInItsInterval) {
  auto store = open();
  const auto made = store->create({"u"}).value();
  clock->advance(29s);
  (void)store->get(made.id);
  EXPECT_EQ(store->get(made.id)->last_active, made.last_active);
  clock->advance(1s);
  (void)store->get(made.id);
  EXPECT_EQ(store->get(made.id)->last_active, made.last_active + 30s);
  EXPECT_EQ(store->get(made.id)->version, 1U) << "a touch is no change";
}

TEST_F(SessionStoreTest, TouchesOftenEnoughForAShortIdleTime) {
  SessionOptions options;
  options.idle_timeout = 2s;
  auto store = open(options);
  const auto made = store->create({"u"}).value();
  for (int i = 0; i < 20; ++i) {
    clock->advance(1s);
    ASSERT_TRUE(store->get(made.id)) << i;
  }
}

TEST_F(SessionStoreTest, KeepsSessionsOfAFileAcrossARestart) {
  testing::TempDir directory("store");
  SessionOptions options;
  options.database_file = (directory / "sessions.db").string();
  auto store = open(options);
  EXPECT_EQ(store->storage(), SessionStorage::kDatabase);
  const auto made = store->create({"u", R"({"n":1})"}).value();
  store.reset();
  store = open(options);
  EXPECT_EQ(store->get(made.id)->user_data, R"({"n":1})");
  const auto second = SessionStore::open(
      options, Backing{{}, nullptr, std::make_shared<Switch>(SwitchOptions{}, Runtime{}, false), nullptr});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::kStorage);
  EXPECT_THAT(std::string(second.error().message()), HasSubstr(options.database_file));
}

TEST_F(SessionStoreTest, RefusesWhatItCanNotOpen) {
  SessionOptions options;
  options.idle_timeout = Milliseconds(0);
  Backing backing;
  backing.fallback = std::make_shared<Switch>(SwitchOptions{}, Runtime{}, false);
  EXPECT_EQ(SessionStore::open(options, backing).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(SessionStore::open({}, Backing{}).error().code(), Errc::kInvalidArgument);
  options = {};
  options.database_file = "/proc/none.db";
  EXPECT_EQ(SessionStore::open(options, backing).error().code(), Errc::kStorage);
}

TEST_F(SessionStoreTest, RefusesToWorkInAForkedChild) {
  auto store = open();
  const auto made = store->create({"u"}).value();
  const pid_t child = ::fork();
  if (child == 0) {
    const bool refuses =
        store->get(made.id).error().code() == Errc::kForked && store->create({"u"}).error().code() == Errc::kForked;
    store.reset();
    ::_exit(refuses ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_TRUE(store->get(made.id));
}

TEST_F(SessionStoreTest, SaysWhoItIsAbout) {
  auto store = open();
  const auto made = store->create({"u"}).value();
  EXPECT_EQ(store->handle_of(made.id), made.handle);
  EXPECT_FALSE(store->handle_of("nonsense"));
  EXPECT_EQ(made.source, Source::kLocal);
  EXPECT_EQ(store->storage(), SessionStorage::kMemory);
  EXPECT_EQ(to_string(SessionStorage::kRedis), "redis");
}

}  // namespace
}  // namespace envoyou::session_store_test
