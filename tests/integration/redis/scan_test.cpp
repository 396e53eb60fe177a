// Goal: a scan gives all there is, page by page, to a blocking caller and to a coroutine, and ends with its error.
// Method: a real redis-server with thousands of keys, of which few match, so that many pages are empty.
#include "redis_commands.hpp"

#include "support/coroutine.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <envoyou/redis/commands.hpp>
#include <envoyou/redis/scan.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace envoyou::redis::scan_test {
namespace {

using namespace std::chrono_literals;
using testing::Coroutine;
using ::testing::ElementsAre;
using testing::eventually;
using testing::RedisServer;
using ::testing::UnorderedElementsAre;

static_assert(std::input_iterator<ScanRange<std::string>::iterator>);
static_assert(std::sentinel_for<std::default_sentinel_t, ScanRange<std::string>::iterator>);

constexpr ScanLimits kPatient{.step_timeout = 5s};

class ScanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Pipeline pipeline;
    for (int i = 0; i < 2'000; ++i) (void)pipeline.add(cmd::set("key" + std::to_string(i), "v"));
    for (const char* rare : {"rare1", "rare2", "rare3"}) (void)pipeline.add(cmd::set(rare, "v"));
    ASSERT_TRUE(client->run(pipeline, {within(10s)}));
    ASSERT_EQ(server.cli({"DBSIZE"}), "2003");
  }
  // On a loaded machine the server may be silent for a while: these tests are about answers.
  static ClientOptions patient(const std::string& url) {
    auto options = parse_url(url).value();
    options.stall_limit = 5s;
    return options;
  }

  RedisServer server = RedisServer::start();
  std::shared_ptr<Client> client = open_at(patient(server.url()));
};

TEST_F(ScanTest, GivesEveryKey) {
  std::set<std::string> keys;
  for (Result<std::string>& key : scan(*client, {.count = 100}, kPatient)) keys.insert(std::move(key).value());
  EXPECT_EQ(keys.size(), 2'003u);
}

TEST_F(ScanTest, GoesThroughEmptyPages) {
  std::vector<std::string> keys;
  for (Result<std::string>& key : scan(*client, {.match = "rare*"}, kPatient)) keys.push_back(std::move(key).value());
  EXPECT_THAT(keys, UnorderedElementsAre("rare1", "rare2", "rare3"));
  EXPECT_GT(server.calls_of("scan"), 100);
}

TEST_F(ScanTest, GivesNothingWhereNothingMatches) {
  for (Result<std::string>& key : scan(*client, {.match = "none*"}, kPatient)) ADD_FAILURE() << *key;
}

TEST_F(ScanTest, EndsWithItsError) {
  ASSERT_TRUE(client->run(cmd::set("text", "v")));
  std::vector<Errc> errors;
  for (Result<std::string>& member : sscan(*client, "text")) errors.push_back(member.error().code());
  EXPECT_THAT(errors, ElementsAre(Errc::kWrongType));
}

TEST_F(ScanTest, EndsAStepAtItsDeadline) {
  server.freeze();
  std::vector<Errc> errors;
  const auto time = time_of([&] {
    for (Result<std::string>& key : scan(*client, {}, {.step_timeout = 50ms})) errors.push_back(key.error().code());
  });
  server.thaw();
  EXPECT_THAT(errors, ElementsAre(Errc::kTimeout));
  EXPECT_LT(time, 1s);
}

TEST_F(ScanTest, ReadsWhatIsInAKey) {
  ASSERT_TRUE(client->run(cmd::hset("h", {{"a", "1"}, {"b", "2"}})));
  ASSERT_TRUE(client->run(cmd::sadd("s", {"x", "y"})));
  ASSERT_TRUE(client->run(cmd::zadd("z", {{1.5, "m"}})));
  std::vector<cmd::Field> fields;
  for (auto& field : hscan(*client, "h")) fields.push_back(*field);
  EXPECT_THAT(fields, UnorderedElementsAre(cmd::Field("a", "1"), cmd::Field("b", "2")));
  std::vector<std::string> members;
  for (auto& member : sscan(*client, "s")) members.push_back(*member);
  EXPECT_THAT(members, UnorderedElementsAre("x", "y"));
  for (auto& scored : zscan(*client, "z")) EXPECT_EQ(*scored, (cmd::Scored{"m", 1.5}));
}

Coroutine collect(AsyncScan<std::string> keys, std::set<std::string>& into, std::optional<Errc>& error) {
  while (auto key = co_await keys.next()) {
    if (*key) {
      into.insert(**key);
    } else {
      error = key->error().code();
    }
  }
}

TEST_F(ScanTest, GivesACoroutineEveryKey) {
  std::set<std::string> keys;
  std::optional<Errc> error;
  const Coroutine all = collect(async_scan(*client, {}, kPatient), keys, error);
  ASSERT_TRUE(eventually([&] { return all.done(); }, 20s));
  EXPECT_EQ(keys.size(), 2'003u);
  EXPECT_EQ(error, std::nullopt);
}

TEST_F(ScanTest, TakesACoroutineThroughEmptyPages) {
  std::set<std::string> keys;
  std::optional<Errc> error;
  const Coroutine rare = collect(async_scan(*client, {.match = "rare*"}, kPatient), keys, error);
  ASSERT_TRUE(eventually([&] { return rare.done(); }));
  EXPECT_THAT(keys, UnorderedElementsAre("rare1", "rare2", "rare3"));
}

TEST_F(ScanTest, TellsACoroutineItsError) {
  ASSERT_TRUE(client->run(cmd::set("text", "v")));
  std::set<std::string> keys;
  std::optional<Errc> error;
  const Coroutine wrong = collect(async_sscan(*client, "text"), keys, error);
  ASSERT_TRUE(eventually([&] { return wrong.done(); }));
  EXPECT_EQ(error, Errc::kWrongType);
}

TEST_F(ScanTest, ACoroutineMayBeDestroyedInTheMidstOfIt) {
  std::set<std::string> keys;
  std::optional<Errc> error;
  for (int i = 0; i < 20; ++i) {
    std::optional<Coroutine> cut = collect(async_scan(*client, {.match = "none*"}, kPatient), keys, error);
    std::this_thread::sleep_for(1ms);
    // On the I/O thread, which is the one that resumes it.
    std::atomic<bool> destroyed{false};
    client->run(cmd::ping(), {within(5s)}, [&](Result<std::string>) {
      cut.reset();
      destroyed = true;
    });
    ASSERT_TRUE(eventually([&] { return destroyed.load(); }));
  }
  EXPECT_TRUE(keys.empty());
}

}  // namespace
}  // namespace envoyou::redis::scan_test
