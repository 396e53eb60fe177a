// Goal: what lies in Redis names nobody, ends by itself, and is answered only if it is whole, ours and current.
// Method: look into a real server beside the caches, and change what lies there.
#include "server.hpp"

namespace envoyou::testing::cache_stored_test {
namespace {

constexpr std::string_view kIncoherent = "cache=\"data\",kind=\"incoherent\"";
constexpr std::string_view kForeign = "cache=\"data\",kind=\"foreign\"";

std::vector<std::string> keys_of(const RedisServer& redis) {
  std::vector<std::string> keys;
  const std::string text = redis.cli({"KEYS", "*"});
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    if (end > from) keys.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return keys;
}

std::string data_key(const RedisServer& redis) {
  for (const auto& key : keys_of(redis)) {
    if (key.starts_with("envoyou:cache:d:")) return key;
  }
  return {};
}

TEST(CacheStored, EveryKeyHasOurPrefixAndEnds) {
  const auto redis = RedisServer::start();
  Server server(redis.url());
  EXPECT_TRUE(server.sets_in_redis("k", "v"));
  EXPECT_TRUE(server.store("/things/1", "one"));
  EXPECT_TRUE(server.sees_path("/things/1", "one"));
  EXPECT_TRUE(server.responses->invalidate(Server::request_of("/things/1")));
  const auto keys = keys_of(redis);
  EXPECT_EQ(keys.size(), 5U) << "a value, three generations of shared tags, one of the entry's own";
  for (const auto& key : keys) {
    EXPECT_TRUE(key.starts_with("envoyou:cache:")) << key;
    EXPECT_GT(std::stoll(redis.cli({"PTTL", key})), 0) << key;
  }
}

TEST(CacheStored, WithASecretNothingOfTheUsersCanBeRead) {
  const auto redis = RedisServer::start();
  auto setup = setup_for(redis.url());
  setup.cache.secrets = SecretRing::from({"a secret of this test"}).value();
  Server server(setup);
  EXPECT_TRUE(server.sets_in_redis("alice@example.test", "v"));
  auto request = Server::request_of("/things/1");
  request.principal = "alice";
  EXPECT_TRUE(server.responses->set(request, {200, {}, "x"}, server.responses->get(request)));
  for (const auto& key : keys_of(redis)) EXPECT_EQ(key.find("alice"), std::string::npos) << key;
}

TEST(CacheStored, LargeValuesLieCompressed) {
  const auto redis = RedisServer::start();
  Server server(redis.url());
  EXPECT_TRUE(server.sets_in_redis("k", std::string(100'000, 'a')));
  EXPECT_LT(std::stoll(redis.cli({"STRLEN", data_key(redis)})), 2'000);
  EXPECT_TRUE(server.sees("k", std::string(100'000, 'a')));
}

TEST(CacheStored, WhatIsTornOrForeignIsAMissAndNoError) {
  const auto redis = RedisServer::start();
  Server server(redis.url());
  EXPECT_TRUE(server.sets_in_redis("k", "value"));
  const std::string key = data_key(redis);
  for (const char* garbage :
       {"", "x", "EYCE", "EYCE\x01garbage that is longer than a header has to be, so that more of it is looked at"}) {
    redis.cli({"SET", key, garbage});
    EXPECT_EQ(server.get("k"), "(none)");
  }
  EXPECT_TRUE(server.sets_in_redis("k", "value"));
  redis.cli({"SETRANGE", key, "66", "!"});
  EXPECT_EQ(server.get("k"), "(none)");
  EXPECT_EQ(server.counted("envoyou_cache_errors_total", kIncoherent), 5U);
  redis.cli({"DEL", key});
  redis.cli({"LPUSH", key, "x"});
  EXPECT_EQ(server.get("k"), "(none)") << "a value of another type";
  EXPECT_TRUE(server.sets_in_redis("k", "again"));
  EXPECT_TRUE(server.sees("k", "again"));
  EXPECT_TRUE(server.backing.fallback->uses_redis());
}

TEST(CacheStored, TheValueOfAnotherKeyIsNeverGivenAndGoesAway) {
  const auto redis = RedisServer::start();
  Server server(redis.url());
  EXPECT_TRUE(server.sets_in_redis("mine", "mine"));
  const std::string mine = data_key(redis);
  redis.cli({"RENAME", mine, "aside"});
  EXPECT_TRUE(server.sets_in_redis("other", "other's"));
  const std::string other = data_key(redis);
  redis.cli({"COPY", other, mine});
  // Each reading costs a link, and a moment without Redis; the second one in a row removes what lies there.
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(server.get("mine"), "(none)");
    return redis.cli({"EXISTS", mine}) == "0";
  }));
  EXPECT_GE(server.counted("envoyou_cache_errors_total", kForeign), 2U);
  EXPECT_TRUE(eventually([&] { return server.get("other") == "other's"; }));
}

TEST(CacheStored, AnEntryWhoseTagHasLostItsNumberIsStale) {
  const auto redis = RedisServer::start();
  Server server(redis.url());
  EXPECT_TRUE(server.store("/things/1", "one"));
  EXPECT_TRUE(server.sees_path("/things/1", "one"));
  for (const auto& key : keys_of(redis)) {
    if (!key.starts_with("envoyou:cache:g:")) continue;
    redis.cli({"DEL", key});
    EXPECT_EQ(server.get_path("/things/1"), "(none)") << "without " << key;
    EXPECT_TRUE(server.store("/things/1", "one"));
    EXPECT_TRUE(server.sees_path("/things/1", "one"));
  }
}

TEST(CacheStored, AGenerationThatIsNoneIsReplaced) {
  const auto redis = RedisServer::start();
  Server server(redis.url());
  EXPECT_TRUE(server.store("/things/1", "one"));
  for (const auto& key : keys_of(redis)) {
    if (key.starts_with("envoyou:cache:g:")) redis.cli({"SET", key, "garbage"});
  }
  EXPECT_EQ(server.get_path("/things/1"), "(none)");
  EXPECT_TRUE(server.store("/things/1", "two"));
  EXPECT_TRUE(server.sees_path("/things/1", "two"));
}

TEST(CacheStored, AKeyThatWasMadeToLiveForEverEndsByItsOwnCalendar) {
  const auto redis = RedisServer::start();
  Server server(redis.url());
  const auto request = Server::request_of("/things/1");
  EXPECT_TRUE(server.responses->set(request, {200, {}, "x"}, server.responses->get(request), {.ttl = 300ms}));
  EXPECT_TRUE(server.sees_path("/things/1", "x"));
  for (const auto& key : keys_of(redis)) redis.cli({"PERSIST", key});
  EXPECT_TRUE(eventually([&] { return server.get_path("/things/1") == "(none)"; }));
}

TEST(CacheStored, AnotherServerSeesWhatThisOneStoredAndPurged) {
  const auto redis = RedisServer::start();
  Server one(redis.url());
  Server other(redis.url());
  EXPECT_TRUE(one.sets_in_redis("k", "v"));
  EXPECT_TRUE(other.sees("k", "v"));
  other.remove("k");
  EXPECT_EQ(one.get("k"), "(none)");
  EXPECT_TRUE(one.store("/things/1", "one"));
  EXPECT_TRUE(eventually([&] { return other.get_path("/things/1") == "one"; }));
  EXPECT_TRUE(other.put_path("/things/1"));
  EXPECT_EQ(one.get_path("/things/1"), "(none)");
}

TEST(CacheStored, ClearingAnEndpointIsOneCommandAndTouchesNoOther) {
  const auto redis = RedisServer::start();
  Server server(redis.url());
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(server.store("/things/" + std::to_string(i), "x"));
  EXPECT_TRUE(server.store("/others/1", "other"));
  EXPECT_TRUE(server.sees_path("/others/1", "other"));
  redis.cli({"CONFIG", "RESETSTAT"});
  EXPECT_TRUE(server.responses->invalidate_endpoint("/things/*"));
  EXPECT_EQ(redis.calls_of("del"), 1);
  EXPECT_EQ(redis.calls_of("keys") + redis.calls_of("scan"), 0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(server.get_path("/things/" + std::to_string(i)), "(none)");
  EXPECT_TRUE(server.sees_path("/others/1", "other"));
}

}  // namespace
}  // namespace envoyou::testing::cache_stored_test
