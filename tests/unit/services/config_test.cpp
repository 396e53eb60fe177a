// Goal: one configuration from the environment, a .env file, JSON or code; every problem told at once, by name; no
// secret in any text. Method: lookups made from maps instead of the process' environment; two temporary files.
#include <envoyou/config.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace envoyou::config_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

using Environment = std::map<std::string, std::string, std::less<>>;

Result<Config> read(const Environment& environment, std::string_view env_file = {}) {
  return Config::from_lookup(
      [&environment](std::string_view name) -> std::optional<std::string> {
        const auto found = environment.find(name);
        if (found == environment.end()) return std::nullopt;
        return found->second;
      },
      env_file);
}

Config read_ok(const Environment& environment, std::string_view env_file = {}) {
  auto config = read(environment, env_file);
  EXPECT_TRUE(config) << config.error().message();
  return config.value_or(Config{});
}

template <class T>
std::string problem_of(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? "" : std::string(result.error().message());
}

class TempFile {
 public:
  explicit TempFile(std::string_view content) {
    std::string name = (std::filesystem::temp_directory_path() / "envoyou_config_XXXXXX").string();
    const int fd = mkstemp(name.data());
    EXPECT_GE(fd, 0);
    if (fd >= 0) std::fclose(fdopen(fd, "w"));
    path_ = name;
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TempFile() { std::filesystem::remove(path_); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

constexpr char kSecret[] = "correct-horse-battery-staple";
constexpr char kOlderSecret[] = "a-secret-of-the-year-before";

TEST(Config, NothingSetMeansAllInProcess) {
  const auto config = read_ok({});
  EXPECT_FALSE(config.redis);
  EXPECT_FALSE(config.sessions.use_redis);
  EXPECT_TRUE(config.secrets.empty());
  EXPECT_EQ(config.cache.prefix, "envoyou:cache");
  EXPECT_EQ(config.limiter.prefix, "envoyou:ratelimit");
  EXPECT_EQ(config.sessions.prefix, "envoyou:sessions");
  EXPECT_EQ(config.cache.default_ttl, 3600s);
}

TEST(Config, ReadsEveryVariable) {
  const auto config = read_ok({{"REDIS_URL", "rediss://user:pw@cache.example:6380/2"},
                               {"REDIS_CA_FILE", "/dev/null"},
                               {"REDIS_CACHE_PREFIX", "c"},
                               {"REDIS_RATE_LIMIT_PREFIX", "r"},
                               {"REDIS_SESSION_PREFIX", "s"},
                               {"REDIS_CACHE_TTL", "60"},
                               {"USE_REDIS_SESSIONS", "off"},
                               {"ENVOYOU_SECRET", kSecret},
                               {"SESSION_IDLE_SECONDS", "10"},
                               {"SESSION_ABSOLUTE_SECONDS", "20"},
                               {"SESSION_DATABASE", "x.db"},
                               {"SESSION_LAST_KNOWN_SECONDS", "0"}});
  ASSERT_TRUE(config.redis);
  EXPECT_EQ(config.redis->host, "cache.example");
  EXPECT_EQ(config.redis->tls.ca_file, "/dev/null");
  EXPECT_EQ(config.cache.prefix, "c");
  EXPECT_EQ(config.responses.cache.prefix, "c");
  EXPECT_EQ(config.limiter.prefix, "r");
  EXPECT_EQ(config.sessions.prefix, "s");
  EXPECT_EQ(config.cache.default_ttl, 60s);
  EXPECT_EQ(config.responses.cache.default_ttl, 60s);
  EXPECT_FALSE(config.sessions.use_redis);
  EXPECT_EQ(config.secrets.size(), 1u);
  EXPECT_EQ(config.sessions.idle_timeout, 10s);
  EXPECT_EQ(config.sessions.absolute_timeout, 20s);
  EXPECT_EQ(config.sessions.database_file, "x.db");
  EXPECT_EQ(config.sessions.last_known_for, 0s);
}

TEST(Config, SessionsGoToRedisWhereThereIsOneUnlessToldOtherwise) {
  EXPECT_TRUE(read_ok({{"REDIS_URL", "redis://localhost"}}).sessions.use_redis);
  EXPECT_FALSE(read_ok({{"REDIS_URL", "redis://localhost"}, {"USE_REDIS_SESSIONS", "0"}}).sessions.use_redis);
  EXPECT_TRUE(read_ok({{"USE_REDIS_SESSIONS", "1"}}).sessions.use_redis);
}

TEST(Config, OfTwoSpellingsTheFirstWins) {
  EXPECT_EQ(read_ok({{"RATE_LIMIT_REDIS_PREFIX", "old"}}).limiter.prefix, "old");
  EXPECT_EQ(read_ok({{"RATE_LIMIT_REDIS_PREFIX", "old"}, {"REDIS_RATE_LIMIT_PREFIX", "new"}}).limiter.prefix, "new");
  EXPECT_EQ(read_ok({{"SESSION_REDIS_PREFIX", "old"}}).sessions.prefix, "old");
  EXPECT_EQ(read_ok({{"SESSION_REDIS_PREFIX", "old"}, {"REDIS_SESSION_PREFIX", "new"}}).sessions.prefix, "new");
}

TEST(Config, AnEmptyVariableCountsAsUnset) {
  const auto config = read_ok({{"REDIS_URL", ""}, {"REDIS_CACHE_TTL", ""}, {"ENVOYOU_SECRET", ""}});
  EXPECT_FALSE(config.redis);
  EXPECT_EQ(config.cache.default_ttl, 3600s);
}

TEST(Config, TellsEveryProblemAtOnceWithNameAndValue) {
  const auto message = problem_of(read({{"REDIS_URL", "http://localhost"},
                                        {"REDIS_CACHE_TTL", "12x"},
                                        {"USE_REDIS_SESSIONS", "maybe"},
                                        {"REDIS_CACHE_PREFIX", "a b"},
                                        {"SESSION_IDLE_SECONDS", "-5"},
                                        {"SESSION_ABSOLUTE_SECONDS", "99999999999999999999"},
                                        {"REDIS_CA_FILE", "/nonexistent/ca.pem"}}));
  EXPECT_THAT(message, AllOf(HasSubstr("REDIS_URL: "), HasSubstr("REDIS_CACHE_TTL: "), HasSubstr("\"12x\""),
                             HasSubstr("USE_REDIS_SESSIONS: "), HasSubstr("\"maybe\"")));
  EXPECT_THAT(message, AllOf(HasSubstr("REDIS_CACHE_PREFIX: "), HasSubstr("SESSION_IDLE_SECONDS: "),
                             HasSubstr("\"-5\""), HasSubstr("SESSION_ABSOLUTE_SECONDS: "),
                             HasSubstr("REDIS_CA_FILE: cannot be read"), HasSubstr("/nonexistent/ca.pem")));
}

TEST(Config, NumbersAreDigitsAndNothingElse) {
  for (const char* bad : {"0", "1.5", "1e3", "0x10", " 5", "5 ", "+5", "five", "2592001", "-1"}) {
    EXPECT_THAT(problem_of(read({{"REDIS_CACHE_TTL", bad}})), HasSubstr("REDIS_CACHE_TTL: must be a whole number"))
        << bad;
  }
}

TEST(Config, ReadsARingOfSecrets) {
  const auto config = read_ok({{"ENVOYOU_SECRET", std::string(kSecret) + ", " + kOlderSecret}});
  ASSERT_EQ(config.secrets.size(), 2u);
  EXPECT_EQ(config.secrets.at(0), kSecret);
  EXPECT_EQ(config.secrets.at(1), kOlderSecret);
}

TEST(Config, ReadsSecretsFromAFileOneALine) {
  const TempFile file(std::string(kSecret) + "\r\n\n" + kOlderSecret + "\n");
  const auto config = read_ok({{"ENVOYOU_SECRET_FILE", file.path()}});
  ASSERT_EQ(config.secrets.size(), 2u);
  EXPECT_EQ(config.secrets.at(0), kSecret);
}

TEST(Config, NeverShowsASecret) {
  const TempFile file("shorty");
  for (const Environment& bad :
       {Environment{{"ENVOYOU_SECRET", "shorty"}}, Environment{{"ENVOYOU_SECRET_FILE", file.path()}},
        Environment{{"REDIS_URL", "redis://u:shorty@host:99999"}},
        Environment{{"REDIS_URL", "redis://u:shorty@host"}, {"REDIS_CACHE_TTL", "x"}}}) {
    EXPECT_THAT(problem_of(read(bad)), Not(HasSubstr("shorty")));
  }
  const auto config = read_ok({{"ENVOYOU_SECRET", kSecret}, {"REDIS_URL", "redis://me:hunter2@host:6379"}});
  EXPECT_THAT(config.describe(), AllOf(Not(HasSubstr(kSecret)), Not(HasSubstr("hunter2")), HasSubstr("secrets: 1"),
                                       HasSubstr("redis: redis://host")));
}

TEST(Config, RefusesTwoSourcesOfSecrets) {
  const TempFile file(kSecret);
  EXPECT_THAT(problem_of(read({{"ENVOYOU_SECRET", kSecret}, {"ENVOYOU_SECRET_FILE", file.path()}})),
              HasSubstr("not both"));
}

TEST(Config, RefusesASecretFileWithoutASecret) {
  const TempFile file("\n , \n");
  EXPECT_THAT(problem_of(read({{"ENVOYOU_SECRET_FILE", file.path()}})),
              HasSubstr("ENVOYOU_SECRET_FILE: holds no secret"));
  EXPECT_THAT(problem_of(read({{"ENVOYOU_SECRET_FILE", "/nonexistent/secret"}})), HasSubstr("/nonexistent/secret"));
}

TEST(Config, PrefixesMustDiffer) {
  EXPECT_THAT(problem_of(read({{"REDIS_CACHE_PREFIX", "x"}, {"REDIS_SESSION_PREFIX", "x"}})), HasSubstr("must differ"));
}

TEST(Config, TheRealEnvironmentOverridesTheEnvFile) {
  const TempFile file("REDIS_CACHE_TTL=1\nSESSION_IDLE_SECONDS=7\nREDIS_CACHE_PREFIX=file");
  const auto config = read_ok({{"REDIS_CACHE_TTL", "2"}, {"REDIS_CACHE_PREFIX", ""}}, file.path());
  EXPECT_EQ(config.cache.default_ttl, 2s);
  EXPECT_EQ(config.sessions.idle_timeout, 7s);
  EXPECT_EQ(config.cache.prefix, "envoyou:cache") << "set to nothing is set";
}

TEST(Config, ABadEnvFileIsAnError) {
  const TempFile file("REDIS CACHE TTL");
  EXPECT_THAT(problem_of(read({}, file.path())), HasSubstr(file.path() + ":1: "));
  EXPECT_THAT(problem_of(read({}, "/")), HasSubstr("env_file: cannot be read"));
}

TEST(Config, AnEnvFileThatIsNotThereSaysNothing) {
  EXPECT_EQ(read_ok({{"REDIS_CACHE_TTL", "5"}}, "/nonexistent/.env").cache.default_ttl, 5s);
}

TEST(ConfigFromJson, ReadsTheSameSettingsInLowerCase) {
  auto config = Config::from_json(R"({"redis_url": "redis://h:1", "redis_cache_ttl": 60, "use_redis_sessions": false,
    "session_database": null, "envoyou_secret": ["correct-horse-battery-staple", "a-secret-of-the-year-before"]})");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->redis->port, 1);
  EXPECT_EQ(config->cache.default_ttl, 60s);
  EXPECT_FALSE(config->sessions.use_redis);
  EXPECT_EQ(config->secrets.size(), 2u);
}

TEST(ConfigFromJson, TellsEveryProblemInTheUsersSpelling) {
  const auto message =
      problem_of(Config::from_json(R"({"redis_cache_ttl": -1, "REDIS_URL": "x", "typo": 1, "session_idle_seconds": 1.5,
        "session_database": {}, "redis_cache_prefix": ["a"]})"));
  EXPECT_THAT(message, AllOf(HasSubstr("redis_cache_ttl: must be"), HasSubstr("\"REDIS_URL\": no such setting"),
                             HasSubstr("\"typo\": no such setting"), HasSubstr("session_idle_seconds: "),
                             HasSubstr("session_database: "), HasSubstr("redis_cache_prefix: ")));
}

TEST(ConfigFromJson, RefusesWhatIsNotAnObject) {
  for (const char* bad : {"", "[]", "1", "{", "{\"a\":}", "null"}) {
    EXPECT_THAT(problem_of(Config::from_json(bad)), HasSubstr("config: ")) << bad;
  }
}

TEST(ConfigValidate, TellsEveryProblemOfAConfigMadeInCode) {
  Config config;
  config.limiter.prefix = "";
  config.request_budget = 0ms;
  config.cache.default_ttl = kMaxCacheTtl + 1ms;
  config.redis.emplace().connections = 0;
  const auto message = problem_of(config.validate());
  EXPECT_THAT(message, AllOf(HasSubstr("limiter.prefix: "), HasSubstr("request_budget: "),
                             HasSubstr("cache.default_ttl: "), HasSubstr("connections: ")));
}

}  // namespace
}  // namespace envoyou::config_test
