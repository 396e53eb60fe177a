// Goal: the four tests of the system that this one takes over from (Redis Connection, Rate Limiting, Session
// Management, Response Caching), with what those only printed now asserted. Method: example API servers with a real
// Redis behind them, driven over HTTP as a user's own code would.
#include "support/api_server.hpp"
#include "support/http_client.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

namespace envoyou::testing::original_four_test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kCookieName = "__Host-session";

Json parse(const HttpResponse& response) { return Json::parse(response.body, nullptr, false); }

// An API server and what it is asked.
class OriginalFour : public ::testing::Test {
 protected:
  static ApiServer start_server(const std::string& redis_url, std::vector<std::string> env = {}) {
    env.insert(env.end(), {"USE_REDIS_SESSIONS=true", "ENVOYOU_SECRET=a-secret-of-the-end-to-end-test-0123456789"});
    ApiServer server = ApiServer::start({.program = ENVOYOU_API_SERVER, .redis_url = redis_url, .env = std::move(env)});
    const std::string_view source = redis_url.empty() ? "local" : "redis";
    HttpClient client(server.port());
    EXPECT_TRUE(eventually([&] { return client.get("/health").header("X-Envoyou-Source") == source; })) << server.log();
    return server;
  }
};

// ---- Redis Connection

std::string service_backend(const Json& health, const char* service) {
  return health.at("data").at("services").at(service).get<std::string>();
}

class RedisConnection : public OriginalFour {};

TEST_F(RedisConnection, IsHealthyDegradedWithoutRedisAndHealthyAgain) {
  RedisServer redis = RedisServer::start();
  const ApiServer server = start_server(redis.url());
  HttpClient client(server.port());

  const HttpResponse response = client.get("/health");
  ASSERT_EQ(response.status, 200);
  const Json health = parse(response);
  EXPECT_EQ(health.at("status"), "success");
  EXPECT_EQ(health.at("data").at("status"), "healthy");
  const Json& seen = health.at("data").at("system").at("redis");
  EXPECT_EQ(seen.at("status"), "healthy");
  EXPECT_EQ(seen.at("available"), true);
  EXPECT_GE(seen.at("latency_ms").get<double>(), 0.0);
  for (const char* service : {"rate_limiting", "session_storage", "response_cache"}) {
    EXPECT_EQ(service_backend(health, service), "redis") << service;
  }

  redis.kill9();
  EXPECT_TRUE(eventually([&] { return parse(client.get("/health")).at("data").at("status") == "degraded"; }));
  const Json degraded = parse(client.get("/health"));
  EXPECT_EQ(degraded.at("data").at("system").at("redis").at("available"), false);
  EXPECT_EQ(service_backend(degraded, "rate_limiting"), "memory");
  EXPECT_EQ(service_backend(degraded, "session_storage"), "database");
  EXPECT_EQ(service_backend(degraded, "response_cache"), "memory");

  redis.restart();
  EXPECT_TRUE(eventually([&] { return parse(client.get("/health")).at("data").at("status") == "healthy"; }, 2s));
}

TEST_F(RedisConnection, IsHealthyWhenNotConfigured) {
  const ApiServer server = start_server("");
  HttpClient client(server.port());
  const Json health = parse(client.get("/health"));
  EXPECT_EQ(health.at("data").at("status"), "healthy");
  EXPECT_EQ(health.at("data").at("system").at("redis").at("status"), "unavailable");
  EXPECT_EQ(health.at("data").at("system").at("redis").at("message"), "not configured");
  EXPECT_EQ(parse(client.get("/live")).at("status"), "alive");
  EXPECT_EQ(parse(client.get("/ready")).at("status"), "ready");
}

// ---- Rate Limiting

constexpr int kRequests = 10'000;
constexpr int kLimit = 30;
constexpr int kServers = 4;
constexpr int kThreadsEach = 4;

// How often each status came for `count` requests on one key, spread over 4 threads a port.
std::map<int, int> hammer(const std::vector<std::uint16_t>& ports, int threads_each, int count) {
  std::atomic<int> left = count;
  std::mutex mutex;
  std::map<int, int> statuses;
  std::vector<std::thread> threads;
  for (const std::uint16_t port : ports) {
    for (int thread = 0; thread < threads_each; ++thread) {
      threads.emplace_back([&, port] {
        HttpClient client(port);
        std::map<int, int> own;
        while (left.fetch_sub(1) > 0) ++own[client.get("/api/things/limited/1", {{"X-API-Key", "one-key"}}).status];
        const std::lock_guard lock(mutex);
        for (const auto& [status, times] : own) statuses[status] += times;
      });
    }
  }
  for (auto& thread : threads) thread.join();
  return statuses;
}

void expect_limited(const std::map<int, int>& statuses, Clock::duration took) {
  ASSERT_LT(took, 55s) << "so slow that the window moved on";
  EXPECT_EQ(statuses, (std::map<int, int>{{200, kLimit}, {429, kRequests - kLimit}}));
}

void expect_refusal(const HttpResponse& refused) {
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.header("Content-Type").starts_with("application/problem+json"));
  EXPECT_FALSE(refused.header("RateLimit").empty());
  EXPECT_FALSE(refused.header("RateLimit-Policy").empty());
  const std::string retry_after(refused.header("Retry-After"));
  ASSERT_FALSE(retry_after.empty());
  EXPECT_GE(std::stoi(retry_after), 1);
  EXPECT_LE(std::stoi(retry_after), 60);
}

class RateLimiting : public OriginalFour {};

TEST_F(RateLimiting, FourProcessesOfFourThreadsAdmitExactlyTheLimitThroughRedis) {
  const RedisServer redis = RedisServer::start();
  std::vector<ApiServer> servers;
  std::vector<std::uint16_t> ports;
  for (int index = 0; index < kServers; ++index) {
    servers.push_back(start_server(redis.url(), {"API_WORK_MS=0"}));
    ports.push_back(servers.back().port());
  }
  const auto start = Clock::now();
  const auto statuses = hammer(ports, kThreadsEach, kRequests);
  expect_limited(statuses, Clock::now() - start);
  HttpClient client(ports.front());
  expect_refusal(client.get("/api/things/limited/1", {{"X-API-Key", "one-key"}}));
  EXPECT_EQ(client.get("/api/things/limited/1", {{"X-API-Key", "another-key"}}).status, 200);
}

TEST_F(RateLimiting, SixteenThreadsAdmitExactlyTheLimitInProcess) {
  const ApiServer server = start_server("", {"API_WORK_MS=0"});
  const auto start = Clock::now();
  const auto statuses = hammer({server.port()}, kServers * kThreadsEach, kRequests);
  expect_limited(statuses, Clock::now() - start);
  HttpClient client(server.port());
  const HttpResponse refused = client.get("/api/things/limited/1", {{"X-API-Key", "one-key"}});
  expect_refusal(refused);
  EXPECT_EQ(refused.header("X-Envoyou-Source"), "local");
}

// ---- Session Management

// One user's browser: keeps the session cookie.
class Browser {
 public:
  explicit Browser(std::uint16_t port) : client_(port) {}

  HttpResponse send(std::string_view method, std::string_view target, const Json& body = nullptr) {
    HttpHeaders headers;
    if (!cookie.empty()) headers.emplace_back("Cookie", std::string(kCookieName) + "=" + cookie);
    if (!body.is_null()) headers.emplace_back("Content-Type", "application/json");
    const HttpResponse response = client_.request(method, target, headers, body.is_null() ? "" : body.dump());
    if (const auto fresh = response.cookie(kCookieName)) cookie = *fresh;
    return response;
  }

  HttpResponse login(const std::string& user, const Json& data = Json::object()) {
    return send("POST", "/auth/login", {{"user_id", user}, {"user_data", data}, {"device_info", {{"device", "test"}}}});
  }

  std::string cookie;

 private:
  HttpClient client_;
};

void expect_unauthorized(std::uint16_t port, const std::string& cookie) {
  Browser browser(port);
  browser.cookie = cookie;
  EXPECT_EQ(browser.send("GET", "/auth/session").status, 401);
}

void expect_created(const HttpResponse& created, const std::string& cookie) {
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.header("Cache-Control"), "no-store");
  ASSERT_EQ(created.all("Set-Cookie").size(), 1U);
  const std::string attributes = created.all("Set-Cookie").front();
  for (const char* attribute : {"Path=/", "Secure", "HttpOnly", "SameSite="}) {
    EXPECT_NE(attributes.find(attribute), std::string::npos) << attribute;
  }
  EXPECT_EQ(created.body.find(cookie), std::string::npos) << "the id is never in a body";
}

class SessionManagement : public OriginalFour {
 protected:
  SessionManagement()
      : redis_(RedisServer::start()), first_(start_server(redis_.url())), second_(start_server(redis_.url())) {}

  RedisServer redis_;
  ApiServer first_;
  ApiServer second_;
};

TEST_F(SessionManagement, CreateGetTouchAndPatch) {
  Browser user(first_.port());
  const HttpResponse created = user.login("user_123", {{"name", "Üser ☃"}, {"plan", "FREE"}});
  expect_created(created, user.cookie);
  const Json session = parse(created);
  EXPECT_EQ(session.at("user_id"), "user_123");
  EXPECT_EQ(session.at("user_data"), (Json{{"name", "Üser ☃"}, {"plan", "FREE"}}));
  EXPECT_EQ(session.at("device_info"), (Json{{"device", "test"}}));
  EXPECT_EQ(session.at("ip_address"), "127.0.0.1");

  Browser elsewhere(second_.port());
  elsewhere.cookie = user.cookie;
  const HttpResponse found = elsewhere.send("GET", "/auth/session");
  EXPECT_EQ(found.status, 200);
  EXPECT_EQ(parse(found).at("user_id"), "user_123");
  EXPECT_EQ(parse(found).at("created_at"), session.at("created_at"));
  EXPECT_EQ(user.send("POST", "/auth/session/touch").status, 204);

  const HttpResponse merged =
      user.send("PATCH", "/auth/session", {{"user_data", {{"plan", nullptr}, {"theme", "dark"}}}});
  EXPECT_EQ(merged.status, 200) << merged.body;
  EXPECT_EQ(parse(merged).at("user_data"), (Json{{"name", "Üser ☃"}, {"theme", "dark"}}));
  const Json version = parse(merged).at("version");
  const HttpResponse replaced =
      user.send("PATCH", "/auth/session", {{"version", version}, {"user_data", {{"only", "this"}}}});
  EXPECT_EQ(replaced.status, 200) << replaced.body;
  EXPECT_EQ(parse(replaced).at("user_data"), (Json{{"only", "this"}}));
  const HttpResponse stale =
      elsewhere.send("PATCH", "/auth/session", {{"version", version}, {"user_data", {{"too", "late"}}}});
  EXPECT_EQ(stale.status, 409);
  EXPECT_TRUE(stale.header("Content-Type").starts_with("application/problem+json"));
  EXPECT_EQ(parse(elsewhere.send("GET", "/auth/session")).at("user_data"), (Json{{"only", "this"}}));
}

TEST_F(SessionManagement, RotateKillsTheOldId) {
  Browser user(first_.port());
  ASSERT_EQ(user.login("user_123", {{"kept", true}}).status, 201);
  const std::string old = user.cookie;
  const HttpResponse rotated = user.send("POST", "/auth/session/rotate");
  EXPECT_EQ(rotated.status, 200);
  EXPECT_NE(user.cookie, old);
  EXPECT_EQ(parse(rotated).at("user_data"), (Json{{"kept", true}}));
  expect_unauthorized(first_.port(), old);
  expect_unauthorized(second_.port(), old);
  EXPECT_EQ(user.send("GET", "/auth/session").status, 200);
}

TEST_F(SessionManagement, ListsAndRevokesOnlyTheCallersOwn) {
  Browser laptop(first_.port());
  Browser phone(second_.port());
  Browser stranger(first_.port());
  ASSERT_EQ(laptop.login("user_123").status, 201);
  ASSERT_EQ(phone.login("user_123").status, 201);
  ASSERT_EQ(stranger.login("user_456").status, 201);

  const Json sessions = parse(laptop.send("GET", "/auth/sessions")).at("sessions");
  ASSERT_EQ(sessions.size(), 2U);
  std::string other;
  int current = 0;
  for (const Json& session : sessions) {
    current += session.at("current").get<bool>() ? 1 : 0;
    if (!session.at("current").get<bool>()) other = session.at("handle").get<std::string>();
  }
  EXPECT_EQ(current, 1);
  EXPECT_EQ(stranger.send("DELETE", "/auth/sessions/" + other).status, 404);
  EXPECT_EQ(phone.send("GET", "/auth/session").status, 200);
  EXPECT_EQ(laptop.send("DELETE", "/auth/sessions/" + other).status, 204);
  EXPECT_EQ(phone.send("GET", "/auth/session").status, 401);

  EXPECT_EQ(stranger.send("GET", "/auth/sessions/redis/" + laptop.cookie).status, 404);
  EXPECT_EQ(stranger.send("DELETE", "/auth/sessions/redis/" + laptop.cookie).status, 404);
  EXPECT_EQ(laptop.send("GET", "/auth/sessions/redis/" + laptop.cookie).status, 200);
}

TEST_F(SessionManagement, LogoutsEndAndALoginEndsTheSessionItCameWith) {
  Browser user(first_.port());
  ASSERT_EQ(user.login("user_123").status, 201);
  const std::string replaced = user.cookie;
  ASSERT_EQ(user.login("user_123").status, 201);
  expect_unauthorized(second_.port(), replaced);

  Browser phone(second_.port());
  ASSERT_EQ(phone.login("user_123").status, 201);
  const std::string cookie = user.cookie;
  EXPECT_EQ(user.send("POST", "/auth/logout-all").status, 204);
  expect_unauthorized(first_.port(), cookie);
  expect_unauthorized(second_.port(), phone.cookie);
  expect_unauthorized(first_.port(), "");
  expect_unauthorized(first_.port(), "not-a-session");
}

// Reads, touches and changes of one session on both servers until told to stop.
void disturb(std::uint16_t port, const std::string& cookie, const std::atomic<bool>& stop) {
  Browser browser(port);
  while (!stop) {
    browser.cookie = cookie;
    browser.send("GET", "/auth/session");
    browser.send("POST", "/auth/session/touch");
    browser.send("PATCH", "/auth/session", {{"user_data", {{"beat", 1}}}});
  }
}

TEST_F(SessionManagement, ADeletedSessionNeverComesBack) {
  constexpr int kRounds = 40;
  for (int round = 0; round < kRounds; ++round) {
    Browser user(first_.port());
    ASSERT_EQ(user.login("user_" + std::to_string(round)).status, 201);
    const std::string cookie = user.cookie;
    std::atomic<bool> stop = false;
    std::thread here([&] { disturb(first_.port(), cookie, stop); });
    std::thread there([&] { disturb(second_.port(), cookie, stop); });
    const HttpResponse deleted = user.send("DELETE", "/auth/session");
    std::this_thread::sleep_for(5ms);
    stop = true;
    here.join();
    there.join();
    EXPECT_EQ(deleted.status, 204);
    expect_unauthorized(first_.port(), cookie);
    expect_unauthorized(second_.port(), cookie);
    if (HasFailure()) return;
  }
}

// ---- Response Caching

bool is_hit(const HttpResponse& response) {
  const std::string_view status = response.header("Cache-Status");
  return status.find("; hit") != std::string_view::npos || status.find(";hit") != std::string_view::npos;
}

class ResponseCaching : public SessionManagement {};

TEST_F(ResponseCaching, AHitIsSaidToBeOneAndIsTheSameBody) {
  HttpClient client(first_.port());
  const HttpResponse miss = client.get("/api/things/cached/7", {{"X-API-Key", "a"}});
  ASSERT_EQ(miss.status, 200);
  EXPECT_FALSE(miss.header("Cache-Status").empty());
  EXPECT_FALSE(is_hit(miss));
  const Json thing = parse(miss);
  EXPECT_EQ(thing.at("group"), "cached");
  EXPECT_EQ(thing.at("n"), "7");
  HttpResponse hit;
  EXPECT_TRUE(eventually([&] { return is_hit(hit = client.get("/api/things/cached/7", {{"X-API-Key", "a"}})); }));
  EXPECT_EQ(hit.body, miss.body);

  HttpClient elsewhere(second_.port());
  const HttpResponse shared = elsewhere.get("/api/things/cached/7", {{"X-API-Key", "another"}});
  EXPECT_TRUE(is_hit(shared)) << "the rule is public, and both servers share Redis";
  EXPECT_EQ(shared.body, miss.body);
  EXPECT_FALSE(is_hit(client.get("/api/things/cached/8", {{"X-API-Key", "a"}})));
}

TEST_F(ResponseCaching, ACredentialedAnswerIsNeverAnotherUsers) {
  Browser alice(first_.port());
  Browser bob(first_.port());
  ASSERT_EQ(alice.login("alice").status, 201);
  ASSERT_EQ(bob.login("bob").status, 201);
  for (int round = 0; round < 100; ++round) {
    for (auto& [browser, user] : {std::pair<Browser&, const char*>(alice, "alice"), {bob, "bob"}}) {
      const HttpResponse response = browser.send("GET", "/auth/session");
      ASSERT_EQ(response.status, 200);
      ASSERT_EQ(parse(response).at("user_id"), user);
      ASSERT_FALSE(is_hit(response));
      ASSERT_EQ(response.header("Cache-Control"), "no-store");
    }
  }
  expect_unauthorized(first_.port(), "");
}

TEST_F(ResponseCaching, TheGeneralCacheGivesBackTheSameBytes) {
  std::string bytes;
  for (int value = 0; value < 256; ++value) bytes += static_cast<char>(value);
  HttpClient client(first_.port());
  HttpClient elsewhere(second_.port());
  EXPECT_EQ(client.get("/cache/some-key").status, 404);
  EXPECT_EQ(client.request("PUT", "/cache/some-key?ttl=60", {}, bytes).status, 204);
  EXPECT_TRUE(eventually([&] { return elsewhere.get("/cache/some-key").status == 200; }));
  EXPECT_EQ(elsewhere.get("/cache/some-key").body, bytes);
  EXPECT_EQ(elsewhere.request("DELETE", "/cache/some-key").status, 204);
  EXPECT_TRUE(eventually([&] { return client.get("/cache/some-key").status == 404; }));
}

}  // namespace
}  // namespace envoyou::testing::original_four_test
