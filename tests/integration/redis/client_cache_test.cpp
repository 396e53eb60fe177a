// Goal: the client cache stays true over a real Redis, plain and TLS, with every kind of refusal, and under a storm of
// writes from other connections. Method: a redis-server for each set-up. The storm counts: each key holds a number that
// only grows, the writer notes what was confirmed and when; a reader that sees less than what was confirmed before the
// last round trip of the link began has been served an old value.
#include "redis_commands.hpp"

#include "support/certificates.hpp"
#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <envoyou/redis/client_cache.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::client_cache_test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using ::testing::HasSubstr;
using testing::RedisServer;

struct CacheStage {
  explicit CacheStage(ClientOptions options, ClientCacheOptions cache_options = {})
      : client(open_at(patient(std::move(options)))),
        cache(ClientCache::open(client, std::move(cache_options)).value()) {}

  // These tests are of what is served, also on a machine that does many other things: its pauses are no silence.
  static ClientOptions patient(ClientOptions options) {
    options.stall_limit = std::max(options.stall_limit, Milliseconds(1'500));
    options.connect_timeout = std::max(options.connect_timeout, Milliseconds(2'000));
    return options;
  }

  bool comes_by(FeedSource source) {
    return eventually([&] { return cache->source() == source; });
  }
  std::string get(std::string_view key) {
    auto value = cache->get(key, {within(2s)});
    if (!value) return std::string(value.error().message());
    return *value ? **value : "(nil)";
  }
  // Whether `key` becomes `value` as by an invalidation that arrives.
  bool becomes(std::string_view key, std::string_view value) {
    return eventually([&] { return get(key) == value; }, 2s, 1ms);
  }

  std::shared_ptr<Client> client;
  std::shared_ptr<ClientCache> cache;
};

void expect_follows(CacheStage& stage, const RedisServer& server) {
  ASSERT_TRUE(stage.comes_by(FeedSource::kTracking)) << stage.cache->why();
  server.cli({"SET", "k", "1"});
  EXPECT_EQ(stage.get("k"), "1");
  // The word of the write may come while the first read is under way, which is then not kept.
  EXPECT_TRUE(eventually([&] { return stage.get("k") == "1" && stage.cache->stats().hits > 0; }));
  server.cli({"SET", "k", "2"});
  EXPECT_TRUE(stage.becomes("k", "2"));
  server.cli({"DEL", "k"});
  EXPECT_TRUE(stage.becomes("k", "(nil)"));
  server.cli({"SET", "k", "3"});
  EXPECT_TRUE(stage.becomes("k", "3"));
  server.cli({"FLUSHALL"});
  EXPECT_TRUE(stage.becomes("k", "(nil)"));
}

TEST(ClientCache, FollowsEveryKindOfChange) {
  auto server = RedisServer::start();
  for (const auto mode : {TrackingMode::kByKey, TrackingMode::kBroadcast}) {
    CacheStage stage(parse_url(server.url()).value(), {.feed = {.tracking = mode}});
    expect_follows(stage, server);
  }
}

TEST(ClientCache, FollowsOverTls) {
  const testing::Certificates certificates;
  auto server =
      RedisServer::start({.tls = testing::RedisTls{.server = certificates.files(testing::CertificateKind::kGood),
                                                   .ca = certificates.ca()}});
  auto options = parse_url(server.tls_url()).value();
  options.tls.ca_file = certificates.ca();
  CacheStage stage(options);
  expect_follows(stage, server);
}

TEST(ClientCache, EndsAValueWithTheServersTimeToLive) {
  auto server = RedisServer::start();
  CacheStage stage(parse_url(server.url()).value());
  ASSERT_TRUE(stage.comes_by(FeedSource::kTracking));
  server.cli({"SET", "k", "1", "PX", "150"});
  EXPECT_EQ(stage.get("k"), "1");
  std::this_thread::sleep_for(151ms);
  EXPECT_EQ(stage.get("k"), "(nil)");
}

TEST(ClientCache, ReadsManyKeysInOneGoAndHashesAsTheyAre) {
  auto server = RedisServer::start();
  CacheStage stage(parse_url(server.url()).value());
  ASSERT_TRUE(stage.comes_by(FeedSource::kTracking));
  server.cli({"MSET", "a", "1", "b", "2"});
  server.cli({"HSET", "h", "field", "value"});
  stage.get("a");
  const auto values = stage.cache->get_many({"a", "b", "absent", "b"}, {within(2s)}).value();
  EXPECT_EQ(*values[0], "1");
  EXPECT_EQ(*values[1], "2");
  EXPECT_EQ(values[2], nullptr);
  EXPECT_EQ(*values[3], "2");
  EXPECT_EQ(server.calls_of("get"), 3);
  for (int i = 0; i < 3; ++i) {
    const auto hash = stage.cache->read(Words("HGETALL", "h"), "h").value();
    ASSERT_EQ(hash->elements.size(), 2u);
    EXPECT_EQ(hash->elements[1].text, "value");
  }
  EXPECT_EQ(server.calls_of("hgetall"), 1);
  EXPECT_EQ(stage.cache->get("h").error().code(), Errc::kWrongType);
  server.cli({"HSET", "h", "field", "other"});
  EXPECT_TRUE(eventually(
      [&] { return stage.cache->read(Words("HGETALL", "h"), "h").value()->elements[1].text == "other"; }, 2s));
}

TEST(ClientCache, SeesItsOwnWritesAtOnce) {
  auto server = RedisServer::start();
  CacheStage stage(parse_url(server.url()).value());
  ASSERT_TRUE(stage.comes_by(FeedSource::kTracking));
  for (int i = 0; i < 500; ++i) {
    const std::string value = std::to_string(i);
    ASSERT_TRUE(stage.cache->write(set("k", value), {"k"}, {within(2s)}));
    ASSERT_EQ(stage.get("k"), value);
  }
}

TEST(ClientCache, StandsOnTheChannelWithoutResp3AndWithoutTheRightToTrack) {
  auto old = RedisServer::start({.config_lines = {"rename-command HELLO \"\""}});
  auto strict = RedisServer::start({.acl_users = {"reader on >pw ~* &* +@all -client|tracking"}});
  auto as_reader = parse_url(strict.url()).value();
  as_reader.username = "reader";
  as_reader.password = "pw";
  const std::array<std::pair<ClientOptions, const char*>, 2> cases{
      {{parse_url(old.url()).value(), "RESP3"}, {as_reader, "NOPERM"}}};
  for (const auto& [options, why] : cases) {
    CacheStage stage(options);
    CacheStage other(options);
    ASSERT_TRUE(stage.comes_by(FeedSource::kPubSub)) << stage.cache->why();
    ASSERT_TRUE(other.comes_by(FeedSource::kPubSub));
    EXPECT_THAT(stage.cache->why(), HasSubstr(why));
    ASSERT_TRUE(other.cache->write(set("k", "1"), {"k"}, {within(2s)}));
    EXPECT_EQ(stage.get("k"), "1");
    // The word of the write may come after the first read.
    EXPECT_TRUE(eventually([&] { return stage.get("k") == "1" && stage.cache->stats().hits > 0; }));
    ASSERT_TRUE(other.cache->write(set("k", "2"), {"k"}, {within(2s)}));
    EXPECT_EQ(other.get("k"), "2");
    EXPECT_TRUE(stage.becomes("k", "2"));
  }
}

TEST(ClientCache, KeepsNothingWhereNeitherIsAllowed) {
  auto server = RedisServer::start({.acl_users = {"reader on >pw ~* resetchannels +@all -client|tracking"}});
  auto options = parse_url(server.url()).value();
  options.username = "reader";
  options.password = "pw";
  CacheStage stage(options);
  ASSERT_TRUE(eventually([&] { return stage.cache->why().find("no channel") != std::string::npos; }));
  EXPECT_EQ(stage.cache->source(), FeedSource::kNone);
  for (const std::string value : {"1", "2"}) {
    server.cli({"SET", "k", value});
    EXPECT_EQ(stage.get("k"), value);
  }
}

TEST(ClientCache, ServesNothingOldOverAHalfOpenLinkBeyondTheLease) {
  auto server = RedisServer::start();
  testing::FaultProxy proxy(server.port());
  auto options = parse_url(proxy.url()).value();
  options.stall_limit = 10s;  // so that only the lease is left
  CacheStage stage(options, {.feed = {.heartbeat = 100ms, .lease = 500ms}});
  ASSERT_TRUE(stage.comes_by(FeedSource::kTracking));
  server.cli({"SET", "k", "1"});
  EXPECT_EQ(stage.get("k"), "1");
  proxy.stall(true);
  server.cli({"SET", "k", "2"});
  const auto changed = Clock_::now();
  auto last_served = changed;
  while (Clock_::now() - changed < 1s) {
    const auto asked = Clock_::now();
    if (const auto value = stage.cache->get("k", {within(5ms)}); value && **value == "1") last_served = asked;
  }
  EXPECT_LE(last_served - changed, 500ms);
  EXPECT_GE(last_served - changed, 100ms);
  proxy.drop_stalled();
  proxy.stall(false);
  proxy.cut_all();
  EXPECT_TRUE(stage.becomes("k", "2"));
}

TEST(ClientCache, ComesBackAfterAKilledServer) {
  auto server = RedisServer::start();
  CacheStage stage(parse_url(server.url()).value());
  ASSERT_TRUE(stage.comes_by(FeedSource::kTracking));
  server.cli({"SET", "k", "1"});
  EXPECT_EQ(stage.get("k"), "1");
  server.kill9();
  ASSERT_TRUE(eventually([&] { return stage.cache->source() == FeedSource::kNone; }));
  EXPECT_FALSE(stage.cache->get("k"));
  server.restart();
  ASSERT_TRUE(stage.comes_by(FeedSource::kTracking));
  EXPECT_EQ(stage.get("k"), "(nil)");
}

TEST(ClientCache, IsDestroyedAtOnceWhateverTheServerDoesAndLeavesAForkedChildAlone) {
  auto server = RedisServer::start();
  CacheStage stage(parse_url(server.url()).value());
  ASSERT_TRUE(stage.comes_by(FeedSource::kTracking));
  stage.get("k");
  const pid_t child = fork();
  if (child == 0) {
    const bool refused = stage.cache->get("k").error().code() == Errc::kForked;
    stage.cache.reset();
    _exit(refused ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  server.freeze();
  EXPECT_LT(time_of([&] { stage.cache.reset(); }), 200ms);
  server.thaw();
}

// A writer in another thread, over another connection, counts keys up, and notes when each count was confirmed. What
// was confirmed before a question was asked on the cache's own link has been told of when that question is answered: a
// prober asks such questions without end, and who reads after an answer must not see less than what was confirmed
// before it was asked. So the bound is one round trip of the link, whatever a loaded machine makes of it, and no time.
struct Storm {
  static constexpr std::size_t kKeys = 16;
  struct Written {
    std::mutex mutex;
    std::vector<std::pair<Clock_::time_point, long>> confirmed;

    long by(Clock_::time_point time) {
      const std::lock_guard lock(mutex);
      const auto at = std::upper_bound(confirmed.begin(), confirmed.end(), time,
                                       [](auto when, const auto& each) { return when < each.first; });
      return at == confirmed.begin() ? 0 : std::prev(at)->second;
    }
  };

  static std::string key(std::size_t index) { return "storm:" + std::to_string(index); }

  void write(const ClientOptions& options) {
    auto client = open_at(options);
    for (long count = 1; !stop; ++count) {
      for (std::size_t i = 0; i < kKeys; ++i) {
        if (!client->run(set(key(i), std::to_string(count)), {within(2s)})) continue;
        const std::lock_guard lock(written[i].mutex);
        written[i].confirmed.emplace_back(Clock_::now(), count);
      }
      std::this_thread::sleep_for(10ms);
    }
  }
  // Each of its questions is of another key, so that none is answered in this process.
  void probe(ClientCache& cache) {
    for (long number = 0; !stop; ++number) {
      const auto asked = Clock_::now();
      if (cache.get("probe:" + std::to_string(number), {within(2s)})) told.store(asked.time_since_epoch().count());
      std::this_thread::sleep_for(1ms);
    }
  }
  void read(ClientCache& cache, unsigned seed) {
    for (std::size_t i = seed; !stop; ++i) {
      const std::size_t index = i % kKeys;
      const long least = written[index].by(Clock_::time_point(Clock_::duration(told.load())));
      const auto value = cache.get(key(index), {within(2s)});
      if (!value) continue;
      ++reads;
      if ((*value ? std::stol(**value) : 0) < least) ++stale;
    }
  }

  std::array<Written, kKeys> written;
  std::atomic<bool> stop{false};
  std::atomic<Clock_::rep> told{0};  // when the last question was asked that has been answered
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> stale{0};
};

void rage(Storm& storm, CacheStage& stage, const ClientOptions& direct, std::chrono::milliseconds time) {
  std::vector<std::thread> threads;
  threads.emplace_back([&] { storm.write(direct); });
  threads.emplace_back([&] { storm.probe(*stage.cache); });
  for (unsigned seed = 0; seed < 4; ++seed) threads.emplace_back([&, seed] { storm.read(*stage.cache, seed); });
  std::this_thread::sleep_for(time);
  storm.stop = true;
  for (auto& thread : threads) thread.join();
}

TEST(ClientCache, ServesNoValueOlderThanARoundTripThroughAStormOfWrites) {
  auto server = RedisServer::start();
  const auto options = parse_url(server.url()).value();
  for (const auto mode : {TrackingMode::kByKey, TrackingMode::kBroadcast}) {
    CacheStage stage(options, {.feed = {.tracking = mode}});
    ASSERT_TRUE(stage.comes_by(FeedSource::kTracking));
    Storm storm;
    rage(storm, stage, options, 2s);
    EXPECT_EQ(storm.stale, 0u) << "of " << storm.reads;
    EXPECT_GT(stage.cache->stats().hits, 50u);
    EXPECT_GT(stage.cache->stats().invalidations, 50u);
  }
}

// The storm can fail: where a cache stands on the channel and the writers tell nobody, it serves old values.
TEST(ClientCache, IsSeenByTheStormToServeOldValuesWhereNobodyTellsOfWrites) {
  auto server = RedisServer::start({.acl_users = {"reader on >pw ~* &* +@all -client|tracking"}});
  auto options = parse_url(server.url()).value();
  options.username = "reader";
  options.password = "pw";
  CacheStage stage(options);
  ASSERT_TRUE(stage.comes_by(FeedSource::kPubSub));
  Storm storm;
  rage(storm, stage, parse_url(server.url()).value(), 1s);
  EXPECT_GT(storm.stale, 0u);
}

TEST(ClientCache, GoesThroughCutsOfItsLinkInAStormWithoutAnOldValue) {
  auto server = RedisServer::start();
  testing::FaultProxy proxy(server.port());
  CacheStage stage(parse_url(proxy.url()).value());
  ASSERT_TRUE(stage.comes_by(FeedSource::kTracking));
  Storm storm;
  std::thread cutter([&] {
    while (!storm.stop) {
      std::this_thread::sleep_for(100ms);
      proxy.cut_all();
    }
  });
  rage(storm, stage, parse_url(server.url()).value(), 3s);
  cutter.join();
  EXPECT_EQ(storm.stale, 0u) << "of " << storm.reads;
  EXPECT_GT(stage.cache->stats().drops, 3u);
  EXPECT_GT(stage.cache->stats().hits, 20u);
}

}  // namespace
}  // namespace envoyou::redis::client_cache_test
