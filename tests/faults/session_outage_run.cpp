// Goal: nothing that was acknowledged in an outage is lost when Redis comes back: of 1,000 sessions made and 200 of
// them deleted while it is away, a second server with a database of its own sees exactly the 800, also when the first
// server was killed and started again in between. A session that Redis still holds, but that was ended in the outage,
// stays ended. Method: drive two example API servers over HTTP around a Redis that is killed with -9 and comes back
// with its data.
#include "faults/load.hpp"
#include "support/api_server.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <optional>

namespace envoyou::testing::session_outage_run {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr std::size_t kSessions = 1000;
constexpr std::size_t kDeleted = 200;
constexpr std::size_t kMadeBefore = 20;  // while Redis was there
constexpr std::size_t kUsers = 10;
constexpr auto kCarryOverWithin = 10s;

// What the test knows of a session: who it is, and whether it must live.
struct Known {
  std::string user;
  std::string cookie;
  bool alive = true;
};

class SessionOutageRun : public ::testing::Test {
 protected:
  SessionOutageRun() : redis_(RedisServer::start({.append_only = true})), first_(start_server()) {}

  ApiServer start_server() const {
    return ApiServer::start(
        {.program = ENVOYOU_API_SERVER,
         .redis_url = redis_.url(),
         .env = {"USE_REDIS_SESSIONS=true", "ENVOYOU_SECRET=a-secret-of-the-session-run-0123456789"}});
  }

  static bool wait_for_source(const ApiServer& server, std::string_view source) {
    HttpClient client(server.port());
    return eventually([&] { return client.get("/health").header("X-Envoyou-Source") == source; }, 10s);
  }

  static HttpHeaders cookie_of(const Known& session) { return {{"Cookie", "__Host-session=" + session.cookie}}; }

  void make_sessions(std::size_t count, bool in_outage) {
    HttpClient client(first_.port());
    for (std::size_t made = 0; made < count; ++made) {
      Known session;
      session.user = "user-" + std::to_string(sessions_.size() % kUsers);
      const Json body = {{"user_id", session.user}, {"user_data", {{"number", sessions_.size()}}}};
      const HttpResponse response =
          client.request("POST", "/auth/login", {{"Content-Type", "application/json"}}, body.dump());
      ASSERT_EQ(response.status, 201) << response.error << response.body;
      if (in_outage) {
        ASSERT_EQ(source_of(response), AnswerSource::kLocal) << "at session " << made;
      }
      const auto cookie = response.cookie("__Host-session");
      ASSERT_TRUE(cookie);
      session.cookie = *cookie;
      sessions_.push_back(session);
    }
  }

  // Ends `count` sessions from `begin` on.
  void end_sessions(std::size_t begin, std::size_t count) {
    HttpClient client(first_.port());
    for (std::size_t index = begin; index < begin + count; ++index) {
      const HttpResponse response = client.request("DELETE", "/auth/session", cookie_of(sessions_[index]));
      ASSERT_EQ(response.status, 204) << response.error << response.body;
      sessions_[index].alive = false;
    }
  }

  void make_and_end_in_outage() {
    make_sessions(kMadeBefore, false);
    redis_.kill9();
    ASSERT_TRUE(wait_for_source(first_, "local")) << first_.log();
    make_sessions(kSessions, true);
    end_sessions(0, kMadeBefore / 2);
    end_sessions(kMadeBefore + 100, kDeleted);
    ASSERT_EQ(mistakes(first_), 0U) << "in the outage, on the server that made them";
  }

  // How many sessions from `begin` on a server does not answer for as it should.
  std::size_t mistakes(const ApiServer& server, std::size_t begin = 0) const {
    HttpClient client(server.port());
    std::size_t count = 0;
    for (std::size_t index = begin; index < sessions_.size(); ++index) {
      const HttpResponse response = client.request("GET", "/auth/session", cookie_of(sessions_[index]));
      const bool right = sessions_[index].alive ? is_session(response, index) : response.status == 401;
      count += right ? 0 : 1;
    }
    return count;
  }

  bool is_session(const HttpResponse& response, std::size_t index) const {
    if (response.status != 200) return false;
    const Json body = Json::parse(response.body, nullptr, false);
    return body.value("user_id", "") == sessions_[index].user && body.contains("user_data") &&
           body["user_data"].value("number", kSessions * 2) == index;
  }

  // The sessions of all users, by the lists of one live session of each.
  std::size_t listed(const ApiServer& server) const {
    HttpClient client(server.port());
    std::size_t count = 0;
    for (std::size_t user = 0; user < kUsers; ++user) {
      for (std::size_t index = user; index < sessions_.size(); index += kUsers) {
        if (!sessions_[index].alive) continue;
        const HttpResponse response = client.request("GET", "/auth/sessions", cookie_of(sessions_[index]));
        const Json body = Json::parse(response.body, nullptr, false);
        if (response.status == 200 && body.contains("sessions")) count += body["sessions"].size();
        break;
      }
    }
    return count;
  }

  void expect_all_right_on_a_second_server(const char* scenario) {
    redis_.restart();
    const auto back = LoadClock::now();
    ASSERT_TRUE(wait_for_source(first_, "redis")) << first_.log();
    const ApiServer second = start_server();
    ASSERT_TRUE(wait_for_source(second, "redis")) << second.log();
    EXPECT_TRUE(eventually([&] { return mistakes(second) == 0; }, kCarryOverWithin, 50ms))
        << mistakes(second) << " sessions are not as they should be";
    const std::chrono::duration<double, std::milli> took = LoadClock::now() - back;
    const std::size_t alive = kMadeBefore / 2 + kSessions - kDeleted;
    const std::size_t seen = listed(second);
    std::printf("%s: a second server sees %zu of %zu sessions, %.0f ms after the return\n", scenario, seen, alive,
                took.count());
    EXPECT_EQ(seen, alive);
    EXPECT_EQ(mistakes(first_), 0U);
    // Whatever the first server still had to tell Redis, an end stays an end.
    std::this_thread::sleep_for(1s);
    EXPECT_EQ(mistakes(second), 0U);
    if (HasFailure()) std::printf("the first server's log:\n%s\n", first_.log().c_str());
  }

  RedisServer redis_;
  ApiServer first_;
  std::vector<Known> sessions_;
};

TEST_F(SessionOutageRun, ASecondServerSeesExactlyTheSurvivors) {
  ASSERT_TRUE(wait_for_source(first_, "redis")) << first_.log();
  ASSERT_NO_FATAL_FAILURE(make_and_end_in_outage());
  expect_all_right_on_a_second_server("sessions made and ended in an outage");
}

TEST_F(SessionOutageRun, AlsoWhenTheFirstServerWasKilledAndRestartedInBetween) {
  ASSERT_TRUE(wait_for_source(first_, "redis")) << first_.log();
  ASSERT_NO_FATAL_FAILURE(make_and_end_in_outage());
  first_.kill9();
  first_.restart();
  ASSERT_EQ(mistakes(first_, kMadeBefore), 0U) << "in the outage, after the restart";
  expect_all_right_on_a_second_server("the same, the server killed and restarted in between");
}

}  // namespace
}  // namespace envoyou::testing::session_outage_run
