// Goal: a provider of credentials is asked when it must be and never more, and whatever it does, what is known goes on
// being used. Method: hand-fed time; the provider's thread is a list of tasks that the test runs.
#include "redis/credential_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace envoyou::redis::credential_source_test {
namespace {

using namespace std::chrono_literals;
using Readiness = CredentialSource::Readiness;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const TimePoint t0{std::chrono::hours(1)};

class Lines final : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    std::string line(record.message);
    for (const LogField& field : record.fields) line += " " + std::string(field.value);
    lines.push_back(line);
  }
  std::vector<std::string> lines;
};

struct Asked : ::testing::Test {
  std::shared_ptr<CredentialSource> make() {
    ClientOptions options;
    options.credentials = [this]() -> Result<Credentials> {
      ++calls;
      return next();
    };
    Runtime runtime;
    runtime.logger = Logger(log, LogLevel::kDebug);
    return CredentialSource::make(
        options, runtime, [this] { ++wakes; },
        [this](CredentialSource::Task task) {
          if (has_threads) tasks.push_back(std::move(task));
          return has_threads;
        });
  }
  // Steps the source at `now` and lets its thread run to the end.
  void turn(CredentialSource& source, TimePoint now) {
    source.on_turn(now);
    for (auto& task : std::exchange(tasks, {})) task();
  }

  std::function<Result<Credentials>()> next = [] { return Result<Credentials>(Credentials{"joe", "one", 100s}); };
  int calls = 0;
  int wakes = 0;
  bool has_threads = true;
  std::vector<CredentialSource::Task> tasks;
  std::shared_ptr<Lines> log = std::make_shared<Lines>();
};

TEST(CredentialSource, WithoutAProviderIsWhatTheOptionsSay) {
  ClientOptions options;
  options.username = "joe";
  options.password = "hunter2";
  const auto source = CredentialSource::make(options, {}, [] {});
  EXPECT_EQ(source->readiness(t0), Readiness::kReady);
  EXPECT_EQ(source->current()->password, "hunter2");
  EXPECT_EQ(source->generation(), 1u);
  source->on_refused(1);
  source->on_turn(t0);
  EXPECT_EQ(source->due(), TimePoint::max());
}

TEST(CredentialSource, TakesOthersFromTheHost) {
  int wakes = 0;
  const auto source = CredentialSource::make({}, {}, [&] { ++wakes; });
  source->set({"joe", "new"});
  EXPECT_EQ(source->generation(), 2u);
  EXPECT_EQ(source->current()->username, "joe");
  EXPECT_EQ(wakes, 1);
  source->set({"joe", "new"});
  EXPECT_EQ(source->generation(), 2u) << "the same again is no news";
}

TEST_F(Asked, BeforeTheFirstDial) {
  const auto source = make();
  EXPECT_EQ(source->readiness(t0), Readiness::kPending);
  EXPECT_LE(source->due(), t0);
  source->on_turn(t0);
  EXPECT_EQ(source->readiness(t0), Readiness::kPending);
  EXPECT_EQ(source->due(), t0 + 400ms);
  source->on_turn(t0 + 1ms);
  ASSERT_EQ(tasks.size(), 1u) << "one call at a time";
  tasks[0]();
  EXPECT_EQ(source->readiness(t0), Readiness::kReady);
  EXPECT_EQ(source->current()->password, "one");
  EXPECT_EQ(wakes, 1);
}

TEST_F(Asked, AgainWhenAFifthOfTheirTimeIsLeft) {
  const auto source = make();
  turn(*source, t0);
  EXPECT_EQ(source->due(), t0 + 80s);
  turn(*source, t0 + 80s - 1ns);
  EXPECT_EQ(calls, 1);
  next = [] { return Credentials{"joe", "two", 100s}; };
  turn(*source, t0 + 80s);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(source->generation(), 2u);
  EXPECT_EQ(source->due(), t0 + 160s);
}

TEST_F(Asked, AMinuteBeforeTheEndOfALongTime) {
  next = [] { return Credentials{"joe", "one", 12h}; };
  const auto source = make();
  turn(*source, t0);
  EXPECT_EQ(source->due(), t0 + 12h - 60s);
}

TEST_F(Asked, NeverAgainWhereTheyAreForGood) {
  next = [] { return Credentials{"joe", "one"}; };
  const auto source = make();
  turn(*source, t0);
  EXPECT_EQ(source->due(), TimePoint::max());
}

TEST_F(Asked, AtMostOnceASecondHoweverShortTheyLive) {
  next = [] { return Credentials{"joe", "one", 1ms}; };
  const auto source = make();
  for (auto now = t0; now < t0 + 10s; now += 1ms) turn(*source, now);
  EXPECT_EQ(calls, 10);
}

TEST_F(Asked, OnceASecondWhileTheServerRefusesThem) {
  const auto source = make();
  turn(*source, t0);
  source->on_refused(1);
  EXPECT_EQ(source->due(), t0 + 1s);
  for (auto now = t0 + 10ms; now <= t0 + 5s; now += 10ms) turn(*source, now);
  EXPECT_EQ(calls, 6);
  EXPECT_EQ(source->generation(), 1u);
  next = [] { return Credentials{"joe", "two"}; };
  turn(*source, t0 + 6s);
  EXPECT_EQ(source->generation(), 2u);
  turn(*source, t0 + 60s);
  EXPECT_EQ(calls, 7);
}

TEST_F(Asked, NoMoreOnceTheServerTakesThemAfterAll) {
  next = [] { return Credentials{"joe", "one"}; };
  const auto source = make();
  turn(*source, t0);
  source->on_refused(1);
  source->on_accepted(1);
  EXPECT_EQ(source->due(), TimePoint::max());
}

TEST_F(Asked, NotForARefusalOfThoseBefore) {
  next = [] { return Credentials{"joe", "one"}; };
  const auto source = make();
  turn(*source, t0);
  source->set({"joe", "two"});
  source->on_refused(1);
  EXPECT_EQ(source->due(), TimePoint::max());
}

TEST_F(Asked, InVainKeepsWhatIsKnownAndSaysSoOnce) {
  const auto source = make();
  turn(*source, t0);
  next = [] { return Error(Errc::kUnavailable, "the metadata service is away"); };
  for (auto now = t0 + 80s; now < t0 + 90s; now += 100ms) turn(*source, now);
  EXPECT_EQ(calls, 11);
  EXPECT_EQ(source->readiness(t0 + 90s), Readiness::kReady);
  EXPECT_EQ(source->current()->password, "one");
  ASSERT_EQ(log->lines.size(), 1u);
  EXPECT_THAT(log->lines[0], HasSubstr("the metadata service is away"));
}

TEST_F(Asked, InVainAtFirstIsAFailureUntilTheySucceed) {
  next = [] { return Error(Errc::kUnavailable, "not yet"); };
  const auto source = make();
  turn(*source, t0);
  EXPECT_EQ(source->readiness(t0), Readiness::kFailed);
  EXPECT_EQ(source->failure().code(), Errc::kAuthentication);
  EXPECT_EQ(source->failure().message(), "credentials: not yet");
  source->on_turn(t0 + 1s);
  EXPECT_EQ(source->readiness(t0 + 1s), Readiness::kFailed) << "and not pending again";
  next = [] { return Credentials{"joe", "one"}; };
  tasks[0]();
  EXPECT_EQ(source->readiness(t0 + 1s), Readiness::kReady);
}

TEST_F(Asked, WithoutAnAnswerIsAFailureAfterTheConnectTimeout) {
  const auto source = make();
  source->on_turn(t0);
  source->on_turn(t0 + 400ms - 1ns);
  EXPECT_EQ(source->readiness(t0 + 400ms - 1ns), Readiness::kPending);
  source->on_turn(t0 + 400ms);
  EXPECT_EQ(source->readiness(t0 + 400ms), Readiness::kFailed);
  EXPECT_THAT(std::string(source->failure().message()), HasSubstr("400 ms"));
  EXPECT_EQ(source->due(), TimePoint::max()) << "nothing to do until it answers";
  tasks[0]();
  EXPECT_EQ(source->readiness(t0 + 1h), Readiness::kReady);
}

TEST_F(Asked, AndThrowingIsAFailure) {
  next = []() -> Result<Credentials> { throw std::runtime_error("hunter2"); };
  const auto source = make();
  turn(*source, t0);
  EXPECT_EQ(source->failure().message(), "credentials: the provider threw an exception");
}

TEST_F(Asked, ForWhatIsNoCredentialIsAFailureWithoutItsContent) {
  next = [] { return Credentials{"joe", std::string(5000, 'x')}; };
  const auto source = make();
  turn(*source, t0);
  EXPECT_EQ(source->failure().message(), "credentials: password: longer than 4096 bytes");
}

TEST_F(Asked, WithoutAThreadIsAFailureAndTriedAgain) {
  has_threads = false;
  const auto source = make();
  source->on_turn(t0);
  EXPECT_EQ(source->readiness(t0), Readiness::kFailed);
  has_threads = true;
  turn(*source, t0 + 1s);
  EXPECT_EQ(source->readiness(t0 + 1s), Readiness::kReady);
}

TEST_F(Asked, OutlivesItsSource) {
  auto source = make();
  source->on_turn(t0);
  std::weak_ptr<CredentialSource> weak = source;
  source.reset();
  ASSERT_EQ(tasks.size(), 1u);
  std::exchange(tasks, {})[0]();
  EXPECT_TRUE(weak.expired());
}

}  // namespace
}  // namespace envoyou::redis::credential_source_test
