// Goal: one object opens everything from one configuration, over Redis or in process, and three calls of one request
// share one budget. Method: real servers, asked, frozen and never there.
#include "fixture.hpp"
#include "support/redis_cluster.hpp"

#include <gmock/gmock.h>

namespace envoyou::testing::services_test {
namespace {

const RateRule kRule{.limit = 100, .window = 60s};

TEST(Services, InProcessEverythingAnswersLocally) {
  auto services = Services::open(config_for("")).value();
  EXPECT_EQ(services.redis(), nullptr);
  EXPECT_EQ(services.limiter().check("k", kRule)->source, Source::kLocal);
  EXPECT_EQ(services.sessions().create({.user_id = "u"})->source, Source::kLocal);
  EXPECT_EQ(services.cache().set("k", "v").value(), Source::kLocal);
  EXPECT_EQ(services.cache().get("k").value()->bytes, "v");
}

TEST(Services, OverRedisTheVeryFirstRequestGoesThere) {
  const RedisServer redis = RedisServer::start();
  auto services = Services::open(config_for(redis.url())).value();
  ASSERT_NE(services.redis(), nullptr);
  EXPECT_EQ(services.limiter().check("k", kRule)->source, Source::kRedis);
  EXPECT_EQ(services.sessions().create({.user_id = "u"})->source, Source::kRedis);
  EXPECT_EQ(services.cache().set("k", "v").value(), Source::kRedis);
  EXPECT_EQ(services.responses().source(), Source::kRedis);
}

TEST(Services, OverAClusterEachKeyIsAtItsNode) {
  auto cluster = RedisCluster::start(3);
  const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "REDIS_URL") return cluster.url();
    if (name == "ENVOYOU_SECRET") return std::string(kTestSecret);
    return std::nullopt;
  };
  auto services = Services::open(Config::from_lookup(lookup).value()).value();
  for (int i = 0; i < 30; ++i) {
    const std::string name = "k" + std::to_string(i);
    const auto decision = services.limiter().check(name, kRule).value();
    EXPECT_EQ(decision.source, Source::kRedis) << name;
    EXPECT_EQ(decision.remaining, 99) << name;
    const auto session = services.sessions().create({.user_id = name}).value();
    EXPECT_EQ(services.sessions().get(session.id).value().user_id, name);
    EXPECT_EQ(services.cache().set(name, name).value(), Source::kRedis);
    EXPECT_EQ(services.cache().get(name).value()->bytes, name);
  }
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    EXPECT_NE(cluster.node(i).cli({"DBSIZE"}), "0") << "node " << i;
  }
  EXPECT_TRUE(services.health().healthy);
}

TEST(Services, TwoOfThemShareWhatIsInRedis) {
  const RedisServer redis = RedisServer::start();
  auto one = Services::open(config_for(redis.url())).value();
  auto other = Services::open(config_for(redis.url())).value();
  EXPECT_EQ(one.limiter().check("k", {.limit = 1, .window = 60s})->allowed, true);
  EXPECT_EQ(other.limiter().check("k", {.limit = 1, .window = 60s})->allowed, false);
  const auto session = one.sessions().create({.user_id = "u"}).value();
  EXPECT_EQ(other.sessions().get(session.id)->user_id, "u");
}

TEST(Services, OpensQuicklyWhereRedisNeverWas) {
  std::optional<Services> services;
  EXPECT_LT(time_of([&] { services.emplace(Services::open(config_for(url_of_nobody())).value()); }), 300ms);
  EXPECT_EQ(services->limiter().check("k", kRule)->source, Source::kLocal);
  EXPECT_EQ(services->sessions().create({.user_id = "u"})->source, Source::kLocal);
}

TEST(Services, ThreeCallsToAFrozenRedisCostOneBudget) {
  const RedisServer redis = RedisServer::start();
  auto services = Services::open(config_for(redis.url())).value();
  const auto session = services.sessions().create({.user_id = "u"}).value();
  redis.freeze();
  const auto took = time_of([&] {
    const auto deadline = services.request_deadline();
    EXPECT_TRUE(services.limiter().check("k", kRule, {.deadline = deadline}));
    EXPECT_TRUE(services.sessions().get(session.id, {deadline})) << "its copy is here";
    EXPECT_TRUE(services.cache().get("k", {deadline}));
  });
  redis.thaw();
  EXPECT_LT(took, 150ms);
}

TEST(Services, SessionsStayInProcessWhereTheSettingSaysSo) {
  const RedisServer redis = RedisServer::start();
  auto config = config_for(redis.url());
  config.sessions.use_redis = false;
  auto services = Services::open(config).value();
  EXPECT_EQ(services.sessions().create({.user_id = "u"})->source, Source::kLocal);
  EXPECT_EQ(services.sessions().storage(), SessionStorage::kMemory);
  EXPECT_EQ(services.limiter().check("k", kRule)->source, Source::kRedis);
  EXPECT_TRUE(services.health().healthy);
}

TEST(Services, WarnsOnceThatThereIsNoSecret) {
  for (const bool with_secret : {false, true}) {
    auto sink = std::make_shared<LinesSink>();
    Runtime runtime;
    runtime.logger = Logger(sink, LogLevel::kTrace);
    auto config = config_for("");
    if (!with_secret) config.secrets = SecretRing();
    auto services = Services::open(config, runtime).value();
    EXPECT_EQ(sink->count("no secret is set"), with_secret ? 0u : 1u);
  }
}

TEST(Services, EveryModuleUsesTheCommonSecret) {
  const RedisServer redis = RedisServer::start();
  auto services = Services::open(config_for(redis.url())).value();
  ASSERT_TRUE(services.limiter().check("alice@example.test", kRule));
  ASSERT_TRUE(services.sessions().create({.user_id = "alice@example.test"}));
  ASSERT_TRUE(services.cache().set("alice@example.test", "v"));
  EXPECT_TRUE(
      eventually([&] { return redis.calls_of("set") + redis.calls_of("evalsha") + redis.calls_of("eval") >= 3; }));
  EXPECT_EQ(redis.cli({"KEYS", "*alice*"}).find("alice"), std::string::npos);
}

TEST(Services, ABadConfigurationOpensNothing) {
  auto config = config_for("");
  config.request_budget = 0ms;
  config.cache.prefix = "";
  const auto services = Services::open(config);
  ASSERT_FALSE(services);
  EXPECT_EQ(services.error().code(), Errc::kInvalidArgument);
  EXPECT_THAT(std::string(services.error().message()),
              ::testing::AllOf(::testing::HasSubstr("request_budget"), ::testing::HasSubstr("cache.prefix")));
}

TEST(Services, ASessionDatabaseThatAnotherHoldsIsNamed) {
  const TempDir dir("services");
  auto config = config_for("");
  config.sessions.database_file = (dir / "sessions.db").string();
  auto services = Services::open(config).value();
  const auto second = Services::open(config);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::kStorage);
  EXPECT_THAT(std::string(second.error().message()), ::testing::HasSubstr("sessions.db"));
}

}  // namespace
}  // namespace envoyou::testing::services_test
