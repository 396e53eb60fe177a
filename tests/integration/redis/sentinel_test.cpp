// Goal: the client finds the primary that sentinels name, leaves one that is none any more at once, and loses nothing
// on the way. Method: real sets of redis-server with real sentinels, failed over by order and by kill -9 under load.
#include "redis_commands.hpp"

#include "support/certificates.hpp"
#include "support/redis_sentinel.hpp"
#include "support/wait_for.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::sentinel_test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using ::testing::HasSubstr;
using testing::RedisSentinelSet;

// Calls that are not about time have enough of it on a busy machine.
std::shared_ptr<Client> open_patient(ClientOptions options) {
  options.command_timeout = 5s;
  return open_at(std::move(options));
}
std::shared_ptr<Client> open_patient(const std::string& url) { return open_patient(parse_url(url).value()); }

Endpoint address(testing::RedisServer& server) { return {"127.0.0.1", server.port()}; }

// Increments one counter; what was acknowledged and what is not known.
struct Count {
  std::int64_t acknowledged = 0;
  std::int64_t perhaps = 0;
  std::map<Errc, int> errors;
  std::string wrong;
};

void keep_counting(Client& client, const std::string& name, std::atomic<bool>& stop, Count& count) {
  while (!stop) {
    const auto answer = client.run(incr(name), {within(300ms)});
    if (!answer) {
      ++count.errors[answer.error().code()];
      if (answer.error().is_ambiguous()) ++count.perhaps;
      std::this_thread::sleep_for(1ms);
      continue;
    }
    if (*answer > count.acknowledged + count.perhaps + 1) count.wrong += std::to_string(*answer) + " ";
    count.acknowledged = *answer;
    count.perhaps = 0;
  }
}

void print(const char* what, const std::vector<Count>& counts) {
  std::map<Errc, int> errors;
  for (const Count& count : counts) {
    for (const auto& [code, number] : count.errors) errors[code] += number;
  }
  std::printf("%s:", what);
  for (const auto& [code, number] : errors) std::printf(" %s %d", std::string(to_string(code)).c_str(), number);
  std::printf("\n");
}

TEST(Sentinel, LeadsToThePrimary) {
  auto set = RedisSentinelSet::start();
  auto client = open_patient(set.url());
  ASSERT_TRUE(client->run(redis::set("k", "v")));
  EXPECT_EQ(client->run(get("k")).value(), "v");
  EXPECT_EQ(client->server().role, "master");
  const auto nodes = client->nodes();
  ASSERT_EQ(nodes.size(), 1u);
  EXPECT_EQ(nodes[0].endpoint, address(set.server(0)));
  // No slots here: keys may lie anywhere.
  EXPECT_TRUE(client->run(Command<void>(Words("MSET", "a", "1", "b", "2"), decode_ok)));
  EXPECT_EQ(client->run(Command<std::int64_t>(Words("DBSIZE"), decode_integer)).value(), 3);
}

TEST(Sentinel, LearnsOfSentinelsThatWereNotNamed) {
  auto set = RedisSentinelSet::start();
  auto client =
      open_patient("redis-sentinel://127.0.0.1:1,127.0.0.1:" + std::to_string(set.sentinel_port(0)) + "/main");
  ASSERT_TRUE(client->run(redis::set("k", "v")));
  // Each of them is listened to.
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(eventually([&] {
      return set.sentinel_cli(i, {"CLIENT", "LIST"}).find("name=envoyou") != std::string::npos;
    })) << i;
  }
  set.kill_sentinel(0);
  set.server(0).kill9();
  EXPECT_TRUE(eventually([&] { return client->run(get("k")).has_value(); }, 20s));
}

TEST(Sentinel, FollowsAFailoverByOrderWithoutALostAnswer) {
  auto set = RedisSentinelSet::start();
  auto client = open_patient(set.url());
  std::atomic<bool> stop{false};
  std::vector<Count> counts(4);
  std::vector<std::thread> writers;
  for (std::size_t i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] { keep_counting(*client, "c" + std::to_string(i), stop, counts[i]); });
  }
  std::this_thread::sleep_for(200ms);
  set.fail_over();
  const auto begun = Clock_::now();
  ASSERT_TRUE(eventually(
      [&] { return client->nodes().size() == 1 && client->nodes()[0].endpoint != address(set.server(0)); }, 20s));
  const auto followed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock_::now() - begun);
  std::this_thread::sleep_for(500ms);
  stop = true;
  for (auto& writer : writers) writer.join();
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(counts[i].wrong, "");
    EXPECT_GT(counts[i].acknowledged, 0);
  }
  EXPECT_EQ(client->stats().foreign_replies, 0u);
  std::printf("followed after %lld ms\n", static_cast<long long>(followed.count()));
  print("by order", counts);
}

TEST(Sentinel, FollowsAFailoverAfterAKill) {
  auto set = RedisSentinelSet::start();
  auto client = open_patient(set.url());
  ASSERT_TRUE(client->run(redis::set("kept", "v")));
  std::atomic<bool> stop{false};
  std::vector<Count> counts(4);
  std::vector<std::thread> writers;
  for (std::size_t i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] { keep_counting(*client, "c" + std::to_string(i), stop, counts[i]); });
  }
  std::this_thread::sleep_for(200ms);
  set.server(0).kill9();
  const auto killed = Clock_::now();
  std::this_thread::sleep_for(50ms);
  const auto refused = time_of([&] { EXPECT_FALSE(client->run(get("kept"), {within(300ms)})); });
  EXPECT_LT(refused, 100ms);
  ASSERT_TRUE(eventually([&] { return client->run(redis::set("after", "v")).has_value(); }, 20s));
  const auto back = std::chrono::duration_cast<std::chrono::milliseconds>(Clock_::now() - killed);
  EXPECT_EQ(client->run(get("kept")).value(), "v");
  std::this_thread::sleep_for(200ms);
  stop = true;
  for (auto& writer : writers) writer.join();
  for (const Count& count : counts) EXPECT_EQ(count.wrong, "");
  std::printf("back %lld ms after the kill\n", static_cast<long long>(back.count()));
  print("kill -9", counts);
}

TEST(Sentinel, LeavesAPrimaryThatBecameAReplicaAtOnce) {
  auto set = RedisSentinelSet::start({.replicas = 1});
  auto client = open_patient(set.url());
  ASSERT_TRUE(client->run(redis::set("k", "old")));
  // Behind the sentinels' backs, who go on naming it.
  set.server(1).cli({"REPLICAOF", "NO", "ONE"});
  set.server(0).cli({"REPLICAOF", "127.0.0.1", std::to_string(set.server(1).port())});
  const auto refused = client->run(redis::set("k", "new"), {within(50ms)});
  ASSERT_FALSE(refused);
  EXPECT_FALSE(refused.error().is_ambiguous()) << refused.error().message();
  // Nobody may read from it now, though it would answer.
  EXPECT_TRUE(eventually([&] {
    const auto read = client->run(get("k"), {within(50ms)});
    return !read && !client->is_connected();
  }));
  EXPECT_EQ(client->run(redis::set("k", "new"), {within(2s)}).error().code(), Errc::kUnavailable);
  set.server(0).cli({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(eventually([&] { return client->run(redis::set("k", "new")).has_value(); }));
}

TEST(Sentinel, HasCredentialsAndTlsOfItsOwn) {
  testing::Certificates certificates;
  const testing::RedisTls tls{certificates.files(testing::CertificateKind::kGood), certificates.ca(), false};
  auto set = RedisSentinelSet::start({.servers = {.password = "of-redis", .tls = tls},
                                      .replicas = 1,
                                      .sentinel_password = "of-sentinels",
                                      .sentinel_tls = tls});
  auto options = parse_url(set.url()).value();
  options.tls.ca_file = certificates.ca().string();
  options.sentinel.tls.ca_file = certificates.ca().string();
  options.sentinel.password = "of-sentinels";
  auto client = open_patient(options);
  ASSERT_TRUE(client->run(redis::set("k", "v")));
  EXPECT_EQ(client->nodes()[0].endpoint, (Endpoint{"127.0.0.1", set.server(0).tls_port()}));

  options.sentinel.password = "wrong-secret";
  auto wrong = open_only(options);
  EXPECT_TRUE(eventually([&] { return wrong->away_because() == Errc::kAuthentication; }));
  const auto refused = wrong->run(get("k"));
  EXPECT_EQ(refused.error().code(), Errc::kUnavailable);
  EXPECT_EQ(std::string(refused.error().message()).find("wrong-secret"), std::string::npos);
  EXPECT_EQ(std::string(refused.error().message()).find("of-redis"), std::string::npos);
}

TEST(Sentinel, SaysThatItDoesNotKnowTheName) {
  auto set = RedisSentinelSet::start({.replicas = 0, .sentinels = 1});
  auto client =
      open_only(parse_url("redis-sentinel://127.0.0.1:" + std::to_string(set.sentinel_port(0)) + "/other").value());
  EXPECT_TRUE(eventually([&] { return client->away_because() == Errc::kUnavailable; }));
  EXPECT_THAT(std::string(client->run(get("k")).error().message()), HasSubstr("named other"));
}

TEST(Sentinel, ReadsFromReplicasIfThatIsWanted) {
  auto set = RedisSentinelSet::start();
  auto options = parse_url(set.url()).value();
  options.read_from = ReadFrom::kNearestReplica;
  auto client = open_patient(options);
  ASSERT_TRUE(client->run(redis::set("k", "v")));
  ASSERT_TRUE(eventually(
      [&] {
        std::size_t up = 0;
        for (const NodeInfo& node : client->nodes()) up += node.is_up ? 1 : 0;
        return up == 3;
      },
      10s));
  ASSERT_TRUE(eventually([&] { return client->run(get("k")).value_or(std::nullopt) == "v"; }));
  const auto before = set.server(0).calls_of("get");
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client->run(get("k")).value(), "v");
  EXPECT_EQ(set.server(0).calls_of("get"), before);
  EXPECT_GE(set.server(1).calls_of("get") + set.server(2).calls_of("get"), 50);
}

}  // namespace
}  // namespace envoyou::redis::sentinel_test
