// Goal: what is left behind in Redis and in files is what docs/session.md says: hashes instead of ids, bounded in time,
// one slot a user; and what is missing there makes a session unknown or dead, never valid. Method: a real Redis is
// looked into, and damaged.
#include "fleet.hpp"

#include "support/redis_server.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

namespace envoyou::session_stored_test {
namespace {

using namespace std::chrono_literals;
using testing::FleetServer;
using ::testing::HasSubstr;
using testing::kPatient;
using ::testing::Not;
using testing::RedisServer;

class SessionStored : public ::testing::Test {
 protected:
  std::vector<std::string> keys(const std::string& pattern = "*") {
    const std::string text = redis_.cli({"KEYS", pattern});
    std::vector<std::string> found;
    static const std::regex key("[a-z]+:sessions:[^\\s\",\\]]+");
    for (std::sregex_iterator at(text.begin(), text.end(), key), end; at != end; ++at) found.push_back(at->str());
    return found;
  }
  std::string bytes_of_all_files() {
    std::string all;
    for (const auto& file : std::filesystem::recursive_directory_iterator(dir_.path())) {
      if (!file.is_regular_file()) continue;
      std::ifstream in(file.path(), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  }

  static testing::RedisOptions redis_options() {
    testing::RedisOptions options;
    options.config_lines = {"enable-protected-configs yes"};  // so that a test can say where it saves
    return options;
  }

  testing::TempDir dir_{"session_stored"};
  RedisServer redis_ = RedisServer::start(redis_options());
};

TEST_F(SessionStored, HoldsNoIdAnywhere) {
  FleetServer server(redis_.url(), (dir_ / "sessions.db").string());
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(server.login().id);
  ids.push_back(server->rotate(ids[0], kPatient)->id);
  (void)server->remove(ids[1], kPatient);
  redis_.kill9();
  ASSERT_TRUE(server.is_local());
  for (int i = 0; i < 20; ++i) ids.push_back(server.login().id);
  ids.push_back(server->rotate(ids[2], kPatient)->id);
  (void)server->remove(ids[3], kPatient);
  const std::string files = bytes_of_all_files();
  EXPECT_NE(files.find("user_data"), std::string::npos) << "the file is there to be searched";
  redis_.restart();
  ASSERT_TRUE(server.is_on_redis());
  redis_.cli({"CONFIG", "SET", "dir", dir_.path().string()});
  redis_.cli({"SAVE"});
  const std::string dump = bytes_of_all_files();
  EXPECT_NE(dump.find("REDIS0"), std::string::npos);
  std::string values;
  for (const auto& key : keys()) values += key + redis_.cli({"HGETALL", key}) + redis_.cli({"ZRANGE", key, "0", "-1"});
  for (const auto& id : ids) {
    for (const std::string_view place : {std::string_view(files), std::string_view(dump), std::string_view(values)})
      EXPECT_EQ(place.find(id.substr(8)), std::string::npos);
  }
}

TEST_F(SessionStored, KeepsAUserInOneSlotAndEveryKeyForABoundedTime) {
  FleetServer server(redis_.url(), "");
  const auto made = server.login("a{b}:c");
  (void)server->rotate(made.id, kPatient);
  const auto all = keys();
  EXPECT_EQ(all.size(), 4U) << "session, index, epochs, tombstone";
  std::string slot;
  for (const auto& key : all) {
    const auto tag = key.substr(key.find('{'), key.find('}') - key.find('{') + 1);
    if (slot.empty()) slot = tag;
    EXPECT_EQ(tag, slot);
    EXPECT_EQ(std::count(key.begin(), key.end(), '{'), 1) << key;
    const long long left = std::stoll(redis_.cli({"PTTL", key}));
    EXPECT_GT(left, 0) << key;
    EXPECT_LE(left, 86'400'000 + 61'000) << key;
  }
}

TEST_F(SessionStored, HidesUsersInTheNamesOfKeysWhereThereIsASecret) {
  SessionOptions options;
  options.secrets = SecretRing::from({"a secret of the fleet, long enough"}).value();
  FleetServer server(redis_.url(), "", options);
  (void)server.login("jane@example.org");
  for (const auto& key : keys()) EXPECT_THAT(key, Not(HasSubstr("jane")));
}

TEST_F(SessionStored, AsksRedisNothingAboutAMalformedId) {
  FleetServer server(redis_.url(), "");
  (void)server.login();
  redis_.cli({"CONFIG", "RESETSTAT"});
  for (const std::string id : {"", "nonsense", "*", "../../etc/passwd"}) {
    EXPECT_EQ(server.state(id), "not_found");
    EXPECT_FALSE(*server->remove(id, kPatient));
  }
  EXPECT_EQ(redis_.calls_of("hgetall") + redis_.calls_of("evalsha") + redis_.calls_of("eval"), 0);
}

TEST_F(SessionStored, ReadsInOneRoundTripOfPlainCommands) {
  FleetServer server(redis_.url(), "");
  const auto made = server.login();
  (void)server.state(made.id);
  redis_.cli({"CONFIG", "RESETSTAT"});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(server.state(made.id), "{}");
  EXPECT_EQ(redis_.calls_of("hgetall"), 200);
  EXPECT_EQ(redis_.calls_of("evalsha"), 0) << "the touch waits for its interval";
}

TEST_F(SessionStored, TakesASessionWhoseEpochIsLostForUnknown) {
  FleetServer server(redis_.url(), "");
  const auto made = server.login();
  ASSERT_EQ(keys("*:e").size(), 1U);
  redis_.cli({"DEL", keys("*:e")[0]});
  EXPECT_EQ(server.state(made.id), "unknown");
  EXPECT_EQ(server->replace(made.id, 1, "{}", kPatient).error().code(), Errc::kUnknown);
  EXPECT_EQ(server->touch(made.id, kPatient).error().code(), Errc::kUnknown);
  EXPECT_EQ(server->list("u", kPatient).error().code(), Errc::kUnknown);
  const auto after = server.login();
  EXPECT_EQ(server.state(after.id), "{}");
  EXPECT_EQ(server.state(made.id), "not_found") << "a new epoch is never the lost one";
}

TEST_F(SessionStored, EndsSessionsByTheirEpochAlsoWhereTheIndexIsLost) {
  FleetServer server(redis_.url(), "");
  const auto made = server.login();
  redis_.cli({"DEL", keys("*:u:*")[0]});
  EXPECT_EQ(*server->revoke_all("u", kPatient), 0U);
  EXPECT_EQ(server.state(made.id), "not_found");
  const auto after = server.login();
  EXPECT_EQ(server.state(after.id), "{}");
}

TEST_F(SessionStored, SurvivesThatTheServerForgetsItsScripts) {
  FleetServer server(redis_.url(), "");
  const auto made = server.login();
  redis_.cli({"SCRIPT", "FLUSH"});
  EXPECT_TRUE(server->replace(made.id, 1, R"({"n":1})", kPatient));
  redis_.cli({"SCRIPT", "FLUSH"});
  EXPECT_TRUE(server->touch(made.id, kPatient));
  EXPECT_EQ(server->get(made.id, kPatient)->source, Source::kRedis);
}

TEST_F(SessionStored, SaysSoWhenASessionIsDamaged) {
  FleetServer server(redis_.url(), "");
  const auto made = server.login();
  const std::string key = keys("*:s:*").at(0);
  redis_.cli({"HSET", key, "l", "soon"});
  EXPECT_EQ(server.state(made.id), "incoherent");
  redis_.cli({"HSET", key, "f", "2"});
  EXPECT_EQ(server.state(made.id), "incoherent");
  EXPECT_TRUE(*server->remove(made.id, kPatient));
}

TEST_F(SessionStored, DoesNotKeepItsIndexForSessionsThatAreGone) {
  SessionOptions options;
  options.idle_timeout = 300ms;
  FleetServer server(redis_.url(), "", options);
  for (int i = 0; i < 5; ++i) (void)server.login();
  ASSERT_TRUE(testing::eventually([&] { return server->list("u", kPatient)->empty(); }));
  EXPECT_TRUE(keys("*:u:*").empty());
}

}  // namespace
}  // namespace envoyou::session_stored_test
