// Goal: a session means the same in memory, in SQLite, in Redis, in Redis behind TLS and in a cluster. This suite is
// the definition. Method: the public face over each of them; time is moved by hand where there is no server.
#include "session_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace envoyou::session_test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::kPatient;
using testing::SessionWorld;
using testing::WorldKind;

class SessionSuite : public ::testing::TestWithParam<WorldKind> {
 protected:
  Session login(const std::string& user = "user_123", const std::string& data = "{}") {
    auto made = store->create({user, data, R"({"device":"test"})", "192.0.2.1"}, kPatient);
    EXPECT_TRUE(made) << (made ? "" : made.error().message());
    return std::move(made).value();
  }
  std::string state(const std::string& id) {
    const auto found = store->get(id, kPatient);
    return found ? found->user_data : std::string(to_string(found.error().code()));
  }
  Errc code_of(const Result<Session>& result) { return result ? Errc::kOk : result.error().code(); }
  void reopen(SessionOptions options) {
    store.reset();
    store = world->open(std::move(options));
  }

  std::unique_ptr<SessionWorld> world = testing::make_world(GetParam());
  std::unique_ptr<SessionStore> store = world->open();
};

TEST_P(SessionSuite, GivesBackWhatASessionWasMadeOf) {
  const auto made =
      store->create({"user:{1}*\"ü", R"({"a":[1,2.5,"é\u0000"],"b":null})", R"({"os":"x"})", "2001:db8::1"}, kPatient)
          .value();
  EXPECT_EQ(made.id.size(), kSessionIdLength);
  EXPECT_EQ(made.source, world->source());
  const auto found = store->get(made.id, kPatient).value();
  EXPECT_EQ(found.id, made.id);
  EXPECT_EQ(found.user_id, "user:{1}*\"ü");
  EXPECT_EQ(found.user_data, R"({"a":[1,2.5,"é\u0000"],"b":null})");
  EXPECT_EQ(found.device_info, R"({"os":"x"})");
  EXPECT_EQ(found.ip_address, "2001:db8::1");
  EXPECT_EQ(found.version, 1U);
  EXPECT_EQ(found.created_at, made.created_at);
  EXPECT_EQ(found.last_active, made.created_at);
  EXPECT_EQ(found.expires_at, made.created_at + 30min);
  EXPECT_EQ(found.handle, made.handle);
  EXPECT_EQ(found.source, world->source());
}

TEST_P(SessionSuite, KnowsOnlyIdsThatItMade) {
  const auto made = login();
  EXPECT_TRUE(*store->validate(made.id, kPatient));
  std::string other = made.id;
  other[30] = other[30] == 'A' ? 'B' : 'A';
  for (const std::string& id : {other, std::string(), std::string("nonsense"), std::string(48, '*'),
                                std::string(48, '\0'), std::string(7'000, 'A'), made.id + "\n", made.handle}) {
    EXPECT_EQ(state(id), "not_found");
    EXPECT_FALSE(*store->validate(id, kPatient));
    EXPECT_FALSE(*store->remove(id, kPatient));
    EXPECT_EQ(code_of(store->rotate(id, kPatient)), Errc::kNotFound);
    EXPECT_EQ(code_of(store->replace(id, 1, "{}", kPatient)), Errc::kNotFound);
    EXPECT_EQ(code_of(store->merge(id, "{}", kPatient)), Errc::kNotFound);
    EXPECT_EQ(store->touch(id, kPatient).error().code(), Errc::kNotFound);
  }
}

TEST_P(SessionSuite, ReplacesDataOnlyOfTheVersionThatWasSeen) {
  const auto made = login();
  const auto second = store->replace(made.id, 1, R"({"n":2})", kPatient).value();
  EXPECT_EQ(second.version, 2U);
  EXPECT_EQ(second.user_data, R"({"n":2})");
  EXPECT_EQ(code_of(store->replace(made.id, 1, R"({"n":3})", kPatient)), Errc::kConflict);
  EXPECT_EQ(code_of(store->replace(made.id, 3, R"({"n":3})", kPatient)), Errc::kConflict);
  EXPECT_EQ(code_of(store->replace(made.id, UINT64_MAX, R"({"n":3})", kPatient)), Errc::kConflict);
  EXPECT_EQ(state(made.id), R"({"n":2})");
  EXPECT_EQ(store->get(made.id, kPatient)->created_at, made.created_at);
}

TEST_P(SessionSuite, MergesAPatch) {
  const auto made = login("u", R"({"keep":1,"drop":2,"deep":{"a":1,"b":2}})");
  const auto merged = store->merge(made.id, R"({"drop":null,"new":[1],"deep":{"b":3}})", kPatient).value();
  EXPECT_EQ(merged.user_data, R"({"deep":{"a":1,"b":3},"keep":1,"new":[1]})");
  EXPECT_EQ(merged.version, 2U);
  EXPECT_EQ(state(made.id), merged.user_data);
}

TEST_P(SessionSuite, BoundsWhatAMergeMayGrowTo) {
  const auto made = login("u", "{\"a\":\"" + std::string(40'000, 'x') + "\"}");
  const std::string patch = "{\"b\":\"" + std::string(40'000, 'y') + "\"}";
  EXPECT_EQ(code_of(store->merge(made.id, patch, kPatient)), Errc::kTooLarge);
  EXPECT_EQ(store->get(made.id, kPatient)->version, 1U);
}

TEST_P(SessionSuite, EndsAnIdleSession) {
  SessionOptions options;
  options.idle_timeout = 600ms;
  reopen(options);
  const auto idle = login();
  const auto touched = login();
  const auto read = login();
  for (int i = 0; i < 4; ++i) {
    world->pass(300ms);
    EXPECT_TRUE(store->touch(touched.id, kPatient)) << i;
    EXPECT_TRUE(store->get(read.id, kPatient)) << i;
  }
  EXPECT_EQ(state(idle.id), "not_found");
  EXPECT_EQ(store->touch(idle.id, kPatient).error().code(), Errc::kNotFound);
  EXPECT_EQ(code_of(store->replace(idle.id, 1, "{}", kPatient)), Errc::kNotFound);
  EXPECT_EQ(store->list("user_123", kPatient)->size(), 2U);
}

TEST_P(SessionSuite, EndsEverySessionAtItsAbsoluteEnd) {
  SessionOptions options;
  options.idle_timeout = 10s;
  options.absolute_timeout = 900ms;
  reopen(options);
  const auto made = login();
  EXPECT_EQ(made.expires_at, made.created_at + 900ms);
  for (int i = 0; i < 2; ++i) {
    world->pass(300ms);
    EXPECT_TRUE(store->touch(made.id, kPatient));
    EXPECT_EQ(store->get(made.id, kPatient)->expires_at, made.expires_at);
  }
  const auto rotated = store->rotate(made.id, kPatient).value();
  EXPECT_EQ(rotated.expires_at, made.expires_at) << "a new id is no new life";
  world->pass(400ms);
  EXPECT_EQ(state(rotated.id), "not_found");
  EXPECT_EQ(store->list("user_123", kPatient)->size(), 0U);
}

TEST_P(SessionSuite, MarksActivityWithoutChangingTheVersion) {
  const auto made = login();
  world->pass(50ms);
  ASSERT_TRUE(store->touch(made.id, kPatient));
  const auto found = store->get(made.id, kPatient).value();
  EXPECT_GE(found.last_active, made.last_active + 40ms);
  EXPECT_EQ(found.version, 1U);
  EXPECT_TRUE(store->replace(made.id, 1, "{}", kPatient));
}

TEST_P(SessionSuite, GivesASessionANewId) {
  const auto made = login("u", R"({"n":1})");
  const auto rotated = store->rotate(made.id, kPatient).value();
  EXPECT_NE(rotated.id, made.id);
  EXPECT_EQ(rotated.user_data, R"({"n":1})");
  EXPECT_EQ(rotated.created_at, made.created_at);
  EXPECT_EQ(rotated.version, made.version);
  EXPECT_EQ(state(made.id), "not_found");
  EXPECT_EQ(state(rotated.id), R"({"n":1})");
  EXPECT_EQ(code_of(store->rotate(made.id, kPatient)), Errc::kNotFound);
  const auto list = store->list("u", kPatient).value();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].handle, rotated.handle);
}

TEST_P(SessionSuite, EndsASession) {
  const auto made = login();
  EXPECT_TRUE(*store->remove(made.id, kPatient));
  EXPECT_FALSE(*store->remove(made.id, kPatient));
  EXPECT_EQ(state(made.id), "not_found");
  EXPECT_EQ(store->touch(made.id, kPatient).error().code(), Errc::kNotFound);
  EXPECT_EQ(code_of(store->replace(made.id, 1, "{}", kPatient)), Errc::kNotFound);
  EXPECT_EQ(code_of(store->rotate(made.id, kPatient)), Errc::kNotFound);
  EXPECT_EQ(store->list("user_123", kPatient)->size(), 0U);
}

TEST_P(SessionSuite, ListsAUsersSessionsTheNewestFirst) {
  const auto first = login();
  world->pass(5ms);
  const auto second = login();
  world->pass(5ms);
  const auto third = login();
  (void)login("another");
  const auto list = store->list("user_123", kPatient).value();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_THAT((std::vector<std::string>{list[0].handle, list[1].handle, list[2].handle}),
              ElementsAre(third.handle, second.handle, first.handle));
  EXPECT_EQ(list[0].device_info, R"({"device":"test"})");
  EXPECT_EQ(list[0].ip_address, "192.0.2.1");
  EXPECT_EQ(list[0].created_at, third.created_at);
  EXPECT_TRUE(store->list("nobody", kPatient)->empty());
}

TEST_P(SessionSuite, RevokesOneSessionByAHandleOfItsUser) {
  const auto mine = login();
  const auto kept = login();
  const auto foreign = login("another");
  EXPECT_EQ(store->revoke("user_123", foreign.handle, kPatient).error().code(), Errc::kNotFound);
  EXPECT_EQ(store->revoke("user_123", "nonsense", kPatient).error().code(), Errc::kNotFound);
  EXPECT_EQ(store->revoke("user_123", mine.id, kPatient).error().code(), Errc::kNotFound);
  EXPECT_TRUE(store->revoke("user_123", mine.handle, kPatient));
  EXPECT_EQ(store->revoke("user_123", mine.handle, kPatient).error().code(), Errc::kNotFound);
  EXPECT_EQ(state(mine.id), "not_found");
  EXPECT_EQ(state(kept.id), "{}");
  EXPECT_EQ(state(foreign.id), "{}");
}

TEST_P(SessionSuite, LogsAUserOutEverywhere) {
  const auto first = login();
  const auto second = login();
  const auto foreign = login("another");
  EXPECT_EQ(*store->revoke_all("user_123", kPatient), 2U);
  EXPECT_EQ(*store->revoke_all("user_123", kPatient), 0U);
  EXPECT_EQ(state(first.id), "not_found");
  EXPECT_EQ(state(second.id), "not_found");
  EXPECT_EQ(state(foreign.id), "{}");
  const auto after = login();
  EXPECT_EQ(state(after.id), "{}");
  EXPECT_EQ(*store->revoke_all("user_123", kPatient), 1U);
  EXPECT_EQ(state(after.id), "not_found") << "also when it was made a moment ago";
}

TEST_P(SessionSuite, EndsTheOldestWhenAUserHasTooMany) {
  const auto first = login();
  world->pass(2ms);
  const auto second = login();
  world->pass(2ms);
  for (std::size_t i = 2; i < kMaxSessionsPerUser; ++i) (void)login();
  EXPECT_EQ(state(first.id), "{}");
  (void)login();
  EXPECT_EQ(state(first.id), "not_found");
  EXPECT_EQ(state(second.id), "{}");
  EXPECT_EQ(store->list("user_123", kPatient)->size(), kMaxSessionsPerUser);
  EXPECT_EQ(*store->revoke_all("user_123", kPatient), kMaxSessionsPerUser);
}

TEST_P(SessionSuite, GoesOnUnderANewSecret) {
  const std::string old_secret = "the old secret of the fleet";
  const std::string new_secret = "the new secret of the fleet";
  SessionOptions options;
  options.secrets = SecretRing::from({old_secret}).value();
  if (GetParam() == WorldKind::kMemory) GTEST_SKIP() << "memory does not outlive a change of its options";
  reopen(options);
  const auto made = login("u", R"({"n":1})");
  options.secrets = SecretRing::from({new_secret, old_secret}).value();
  reopen(options);
  EXPECT_EQ(state(made.id), R"({"n":1})");
  const auto after = login("u");
  EXPECT_EQ(store->list("u", kPatient)->size(), 2U);
  const auto rotated = store->rotate(made.id, kPatient).value();
  EXPECT_EQ(*store->revoke_all("u", kPatient), 2U);
  EXPECT_EQ(state(rotated.id), "not_found");
  EXPECT_EQ(state(after.id), "not_found");
  const auto last = login("u");
  options.secrets = SecretRing::from({old_secret}).value();
  reopen(options);
  EXPECT_EQ(state(last.id), "not_found") << "its secret is not in the ring any more";
}

TEST_P(SessionSuite, RefusesBadInputAndStoresNothing) {
  const std::string large(kMaxUserDataBytes + 1, 'x');
  const NewSession bad[] = {{""},
                            {std::string(257, 'u')},
                            {"a\nb"},
                            {std::string("a\0b", 3)},
                            {"\xff"},
                            {"u", "[]"},
                            {"u", "{"},
                            {"u", large},
                            {"u", "{}", "nonsense"},
                            {"u", "{}", "{}", "not an address"}};
  for (const NewSession& session : bad) EXPECT_FALSE(store->create(session, kPatient));
  EXPECT_TRUE(store->list("u", kPatient)->empty());
  const auto made = login("u");
  EXPECT_EQ(code_of(store->replace(made.id, 0, "{}", kPatient)), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(store->replace(made.id, 1, "null", kPatient)), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(store->replace(made.id, 1, large, kPatient)), Errc::kTooLarge);
  EXPECT_EQ(code_of(store->merge(made.id, "7", kPatient)), Errc::kInvalidArgument);
  EXPECT_FALSE(store->list("", kPatient));
  EXPECT_FALSE(store->revoke("a\nb", made.handle, kPatient));
  EXPECT_FALSE(store->revoke_all(std::string(300, 'u'), kPatient));
  EXPECT_EQ(store->get(made.id, kPatient)->version, 1U);
}

INSTANTIATE_TEST_SUITE_P(Over, SessionSuite,
                         ::testing::Values(WorldKind::kMemory, WorldKind::kSqlite, WorldKind::kRedis,
                                           WorldKind::kRedisTls, WorldKind::kRedisCluster),
                         [](const auto& at) { return testing::to_string(at.param); });

}  // namespace
}  // namespace envoyou::session_test
