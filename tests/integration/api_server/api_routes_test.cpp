// Goal: every route of the contract does what it says, in process and through Redis alike.
// Method: a running server over HTTP, one test a route or a promise.
#include "fixture.hpp"

#include <regex>
#include <thread>

namespace envoyou::testing::api_routes_test {
namespace {

using namespace std::chrono_literals;

class Routes : public ApiTest {};
INSTANTIATE_TEST_SUITE_P(Behind, Routes, ::testing::Values(Behind::kNothing, Behind::kRedis), behind_name);

bool is_time(const Json& value) {
  static const std::regex form(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)");
  return value.is_string() && std::regex_match(value.get<std::string>(), form);
}

TEST_P(Routes, HealthHasTheContractsForm) {
  const HttpResponse response = client_->get("/health");
  ASSERT_EQ(response.status, 200);
  const Json health = parse(response);
  EXPECT_EQ(health.at("status"), "success");
  const Json& data = health.at("data");
  EXPECT_EQ(data.at("status"), "healthy");
  EXPECT_TRUE(is_time(data.at("timestamp"))) << data;
  EXPECT_FALSE(data.at("version").get<std::string>().empty());
  const bool has_redis = GetParam() == Behind::kRedis;
  const Json& redis = data.at("system").at("redis");
  EXPECT_EQ(redis.at("status"), has_redis ? "healthy" : "unavailable");
  EXPECT_EQ(redis.at("available"), has_redis);
  if (!has_redis) {
    EXPECT_EQ(redis.at("message"), "not configured");
  }
  EXPECT_TRUE(redis.contains("latency_ms"));
  EXPECT_EQ(data.at("services").at("rate_limiting"), has_redis ? "redis" : "memory");
  EXPECT_EQ(data.at("services").at("session_storage"), has_redis ? "redis" : "database");
  EXPECT_EQ(data.at("services").at("response_cache"), has_redis ? "redis" : "memory");
}

TEST_P(Routes, ProbesAndMetricsAnswer) {
  EXPECT_EQ(parse(client_->get("/live")), Json({{"status", "alive"}}));
  EXPECT_EQ(parse(client_->get("/ready")), Json({{"status", "ready"}}));
  client_->get("/api/things/a/1");
  const HttpResponse metrics = client_->get("/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_EQ(metrics.header("Content-Type").find("text/plain"), 0u);
  EXPECT_NE(metrics.body.find("# TYPE envoyou_ratelimit_decisions_total counter"), std::string::npos);
}

TEST_P(Routes, EveryResponseSaysItsSource) {
  for (const char* target : {"/live", "/health", "/api/things/g/1", "/auth/session", "/nowhere", "/cache/x"}) {
    EXPECT_EQ(client_->get(target).header("X-Envoyou-Source"), source()) << target;
  }
}

TEST_P(Routes, ThingsAreMadeOnceAndThenCached) {
  const HttpResponse first = client_->get("/api/things/g/5");
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(parse(first), Json({{"group", "g"},
                                {"n", "5"},
                                {"digest", "354e5b89128df5af33b0f93f73fa250a7dad5bc2c3634097e1c95f6ba918c47c"}}));
  EXPECT_NE(first.header("Cache-Status").find("fwd="), std::string_view::npos) << first.header("Cache-Status");
  HttpResponse second;
  EXPECT_TRUE(eventually([&] {
    second = client_->get("/api/things/g/5");
    return second.header("Cache-Status").find("hit") != std::string_view::npos;
  }));
  EXPECT_EQ(second.body, first.body);
  EXPECT_FALSE(second.header("Age").empty());
}

TEST_P(Routes, ThingsOfOneUrlAreSharedBetweenApiKeys) {
  client_->request("GET", "/api/things/g/6", {{"X-API-Key", "one"}});
  EXPECT_TRUE(eventually([&] {
    const auto response = client_->request("GET", "/api/things/g/6", {{"X-API-Key", "two"}});
    return response.header("Cache-Status").find("hit") != std::string_view::npos;
  }));
}

TEST_P(Routes, RateLimitCountsByKeyAndSaysHowMuchIsLeft) {
  start({"API_RATE_LIMIT=3", "API_RATE_WINDOW=60"});
  const auto ask = [&](const std::string& key) {
    return client_->request("GET", "/api/things/g/7", {{"X-API-Key", key}});
  };
  const HttpResponse first = ask("k");
  EXPECT_EQ(first.header("RateLimit"), "\"default\";r=2;t=60");
  EXPECT_EQ(first.header("RateLimit-Policy"), "\"default\";q=3;w=60");
  ask("k");
  ask("k");
  const HttpResponse refused = ask("k");
  ASSERT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("Content-Type"), "application/problem+json");
  const int retry_after = std::stoi(std::string(refused.header("Retry-After")));
  EXPECT_GE(retry_after, 1);
  EXPECT_LE(retry_after, 60);
  EXPECT_EQ(refused.header("RateLimit").find("\"default\";r=0;t="), 0u);
  EXPECT_EQ(ask("other").status, 200);
  EXPECT_EQ(client_->get("/api/things/g/7").status, 200) << "without a key it is the address that counts";
}

TEST_P(Routes, OnlyKnownApiKeysCountAsKeys) {
  start({"API_RATE_LIMIT=2", "API_KEYS=alpha, beta"});
  const auto ask = [&](const std::string& key) {
    return client_->request("GET", "/api/things/g/8", {{"X-API-Key", key}}).status;
  };
  EXPECT_EQ(ask("stranger-1"), 200);
  EXPECT_EQ(ask("stranger-2"), 200);
  EXPECT_EQ(ask("stranger-3"), 429) << "strangers share the limit of their address";
  EXPECT_EQ(ask("beta"), 200);
}

TEST_P(Routes, LoginGivesACookieAndASessionWithoutItsId) {
  const Json body = {{"user_id", "u1"}, {"user_data", {{"plan", "free"}}}, {"device_info", {{"os", "x"}}}};
  const HttpResponse response = send("POST", "/auth/login", body.dump());
  ASSERT_EQ(response.status, 201) << response.body;
  EXPECT_EQ(response.header("Cache-Control"), "no-store");
  const std::string cookie(response.header("Set-Cookie"));
  for (const char* attribute : {"__Host-session=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"}) {
    EXPECT_NE(cookie.find(attribute), std::string::npos) << attribute;
  }
  EXPECT_EQ(cookie.find("Domain"), std::string::npos);
  const Json session = parse(response);
  EXPECT_EQ(session.at("user_id"), "u1");
  EXPECT_EQ(session.at("user_data"), Json({{"plan", "free"}}));
  EXPECT_EQ(session.at("device_info"), Json({{"os", "x"}}));
  EXPECT_EQ(session.at("ip_address"), "127.0.0.1");
  EXPECT_EQ(session.at("version"), 1);
  for (const char* time : {"created_at", "last_active", "expires_at"}) EXPECT_TRUE(is_time(session.at(time))) << time;
  EXPECT_EQ(response.body.find(*response.cookie("__Host-session")), std::string::npos);
  EXPECT_EQ(server_->log().find(*response.cookie("__Host-session")), std::string::npos);
}

TEST_P(Routes, SessionIsShownTouchedAndEnded) {
  const std::string id = login("u1");
  EXPECT_EQ(send("GET", "/auth/session", {}, id).status, 200);
  EXPECT_EQ(send("POST", "/auth/session/touch", {}, id).status, 204);
  const HttpResponse ended = send("DELETE", "/auth/session", {}, id);
  EXPECT_EQ(ended.status, 204);
  EXPECT_NE(ended.header("Set-Cookie").find("Max-Age=0"), std::string_view::npos);
  EXPECT_EQ(send("GET", "/auth/session", {}, id).status, 401);
  EXPECT_EQ(send("POST", "/auth/session/touch", {}, id).status, 401);
  EXPECT_EQ(send("PATCH", "/auth/session", R"({"user_data":{"a":1}})", id).status, 401);
  EXPECT_EQ(send("POST", "/auth/session/rotate", {}, id).status, 401);
  EXPECT_EQ(send("GET", "/auth/session", {}, id).status, 401) << "nothing brings it back";
}

TEST_P(Routes, PatchReplacesByVersionAndMergesWithout) {
  const std::string id = login("u1", {{"a", 1}, {"b", {{"c", 2}}}});
  const HttpResponse merged = send("PATCH", "/auth/session", R"({"user_data":{"b":{"d":3},"a":null}})", id);
  ASSERT_EQ(merged.status, 200) << merged.body;
  EXPECT_EQ(parse(merged).at("user_data"), Json::parse(R"({"b":{"c":2,"d":3}})"));
  EXPECT_EQ(parse(merged).at("version"), 2);
  const HttpResponse replaced = send("PATCH", "/auth/session", R"({"version":2,"user_data":{"x":1}})", id);
  ASSERT_EQ(replaced.status, 200) << replaced.body;
  EXPECT_EQ(parse(replaced).at("user_data"), Json::parse(R"({"x":1})"));
  EXPECT_EQ(send("PATCH", "/auth/session", R"({"version":2,"user_data":{"y":1}})", id).status, 409);
  EXPECT_EQ(parse(send("GET", "/auth/session", {}, id)).at("user_data"), Json::parse(R"({"x":1})"));
}

TEST_P(Routes, RotateGivesANewIdAndTheOldOneDies) {
  const std::string old = login("u1", {{"keep", true}});
  const HttpResponse rotated = send("POST", "/auth/session/rotate", {}, old);
  ASSERT_EQ(rotated.status, 200) << rotated.body;
  const std::string fresh = rotated.cookie("__Host-session").value_or("");
  EXPECT_NE(fresh, old);
  EXPECT_EQ(send("GET", "/auth/session", {}, old).status, 401);
  EXPECT_EQ(parse(send("GET", "/auth/session", {}, fresh)).at("user_data"), Json({{"keep", true}}));
}

TEST_P(Routes, LoginEndsTheSessionThatIsPresentedWithIt) {
  const std::string old = login("u1");
  const HttpResponse again = send("POST", "/auth/login", R"({"user_id":"u2"})", old);
  ASSERT_EQ(again.status, 201);
  EXPECT_EQ(send("GET", "/auth/session", {}, old).status, 401);
  EXPECT_EQ(parse(send("GET", "/auth/session", {}, *again.cookie("__Host-session"))).at("user_id"), "u2");
}

TEST_P(Routes, SessionsAreListedAndRevokedByHandle) {
  const std::string one = login("lister");
  const std::string two = login("lister");
  const std::string foreign = login("somebody else");
  const Json sessions = parse(send("GET", "/auth/sessions", {}, one)).at("sessions");
  ASSERT_EQ(sessions.size(), 2u);
  std::string current;
  std::string other;
  for (const Json& each : sessions) {
    (each.at("current").get<bool>() ? current : other) = each.at("handle");
    EXPECT_TRUE(is_time(each.at("created_at")));
    EXPECT_TRUE(is_time(each.at("last_active")));
    EXPECT_EQ(each.at("device_info"), Json({{"device", "test"}}));
  }
  ASSERT_FALSE(current.empty());
  ASSERT_FALSE(other.empty());
  const Json theirs = parse(send("GET", "/auth/sessions", {}, foreign)).at("sessions");
  ASSERT_EQ(theirs.size(), 1u);
  const std::string foreign_handle = theirs[0].at("handle");
  EXPECT_EQ(send("DELETE", "/auth/sessions/" + foreign_handle, {}, one).status, 404) << "another user's";
  EXPECT_EQ(send("GET", "/auth/session", {}, foreign).status, 200);
  EXPECT_EQ(send("DELETE", "/auth/sessions/" + other, {}, one).status, 204);
  EXPECT_EQ(send("GET", "/auth/session", {}, two).status, 401);
  EXPECT_EQ(send("DELETE", "/auth/sessions/" + other, {}, one).status, 404) << "it is gone";
  EXPECT_EQ(send("GET", "/auth/session", {}, one).status, 200);
}

TEST_P(Routes, LogoutAllEndsEverySessionOfTheUserAndNobodyElses) {
  const std::string one = login("u1");
  const std::string two = login("u1");
  const std::string other = login("u2");
  EXPECT_EQ(send("POST", "/auth/logout-all", {}, one).status, 204);
  EXPECT_EQ(send("GET", "/auth/session", {}, one).status, 401);
  EXPECT_EQ(send("GET", "/auth/session", {}, two).status, 401);
  EXPECT_EQ(send("GET", "/auth/session", {}, other).status, 200);
  EXPECT_EQ(send("GET", "/auth/session", {}, login("u1")).status, 200) << "a login after it lives";
}

TEST_P(Routes, TheOriginalsRoutesServeTheCallersOwnSessionOnly) {
  const std::string mine = login("u1");
  const std::string theirs = login("u2");
  const std::string base = "/auth/sessions/redis/";
  EXPECT_EQ(send("GET", base + mine).status, 401) << "an id in the path is no login";
  EXPECT_EQ(parse(send("GET", base + mine, {}, mine)).at("user_id"), "u1");
  EXPECT_EQ(send("GET", base + theirs, {}, mine).status, 404);
  EXPECT_EQ(send("DELETE", base + theirs, {}, mine).status, 404);
  EXPECT_EQ(send("GET", "/auth/session", {}, theirs).status, 200);
  EXPECT_EQ(send("DELETE", base + mine, {}, mine).status, 204);
  EXPECT_EQ(send("GET", "/auth/session", {}, mine).status, 401);
  const std::string log = server_->log();
  EXPECT_EQ(log.find(mine), std::string::npos);
  EXPECT_EQ(log.find(theirs), std::string::npos);
}

TEST_P(Routes, TheGeneralCacheGivesBackTheSameBytes) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  EXPECT_EQ(client_->request("PUT", "/cache/k%2F1", {}, bytes).status, 204);
  const HttpResponse found = client_->get("/cache/k%2F1");
  EXPECT_EQ(found.status, 200);
  EXPECT_EQ(found.body, bytes);
  EXPECT_EQ(client_->request("PUT", "/cache/k%2F1", {}, "").status, 204);
  EXPECT_EQ(client_->get("/cache/k%2F1").status, 200) << "an empty value is a value";
  EXPECT_EQ(client_->request("DELETE", "/cache/k%2F1").status, 204);
  EXPECT_EQ(client_->get("/cache/k%2F1").status, 404);
  EXPECT_EQ(client_->request("DELETE", "/cache/k%2F1").status, 204);
}

TEST_P(Routes, CachedValuesExpireWhenTheyWereToldTo) {
  EXPECT_EQ(client_->request("PUT", "/cache/short?ttl=1", {}, "x").status, 204);
  EXPECT_EQ(client_->get("/cache/short").status, 200);
  EXPECT_TRUE(eventually([&] { return client_->get("/cache/short").status == 404; }, 3s));
}

TEST_P(Routes, UnknownRoutesAndMethodsSaySo) {
  EXPECT_EQ(client_->get("/nowhere").status, 404);
  const HttpResponse wrong = client_->request("DELETE", "/auth/login");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "POST");
  const HttpResponse head = client_->request("HEAD", "/live");
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.body.empty());
}

}  // namespace
}  // namespace envoyou::testing::api_routes_test
