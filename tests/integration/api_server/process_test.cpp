// Goal: the program behaves as a process should: many clients at once, a quick end, clear refusals at start.
// Method: 256 keep-alive clients on threads; SIGTERM with connections open; starts that must fail.
#include "fixture.hpp"

#include "support/temp_dir.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <atomic>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

namespace envoyou::testing::process_test {
namespace {

using namespace std::chrono_literals;

// Runs the program until it ends by itself: exit status and what it said.
struct Ended {
  int status = -1;
  std::string said;
};

Ended run_to_end(std::vector<std::string> env) {
  const TempDir dir("start");
  const auto log = dir.path() / "log";
  env.push_back("SESSION_DATABASE=" + (dir.path() / "s.db").string());
  Process process = Process::spawn({.argv = {ENVOYOU_API_SERVER}, .env = env, .output_file = log});
  const auto status = process.wait(5s);
  std::ifstream file(log);
  std::stringstream text;
  text << file.rdbuf();
  return {status.value_or(-1), text.str()};
}

TEST(ApiServerProcess, ServesTwoHundredAndFiftySixKeepAliveClientsAtOnce) {
  ApiServer server =
      ApiServer::start({.program = ENVOYOU_API_SERVER, .env = {"API_WORK_MS=200", "API_RATE_LIMIT=100000"}});
  std::atomic<int> served{0};
  std::atomic<int> connects{0};
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> clients;
  for (int i = 0; i < 256; ++i) {
    clients.emplace_back([&, i] {
      HttpClient client(server.port());
      for (int round = 0; round < 2; ++round) {
        const std::string target = "/api/things/many/" + std::to_string(i) + "-" + std::to_string(round);
        if (client.get(target).status == 200) ++served;
      }
      connects += static_cast<int>(client.connects());
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(served, 512);
  EXPECT_EQ(connects, 256) << "keep-alive";
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s) << "two rounds of 200 ms each, had none waited for another";
}

TEST(ApiServerProcess, EndsWithinASecondOfSigtermAlsoWithOpenConnections) {
  ApiServer server = ApiServer::start({.program = ENVOYOU_API_SERVER});
  HttpClient idle(server.port());
  ASSERT_EQ(idle.get("/live").status, 200);
  server.process().signal(SIGTERM);
  const auto status = server.process().wait(1s);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(*status, 0);
}

TEST(ApiServerProcess, EndsWithinASecondOfSigtermAlsoInTheMidstOfLongWork) {
  ApiServer server = ApiServer::start({.program = ENVOYOU_API_SERVER, .env = {"API_WORK_MS=20000"}});
  int answered = 0;
  std::thread waiting([&] { answered = HttpClient(server.port()).get("/api/things/long/1").status; });
  std::this_thread::sleep_for(200ms);
  server.process().signal(SIGTERM);
  const auto status = server.process().wait(1s);
  waiting.join();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(*status, 0);
  EXPECT_EQ(answered, 503);
}

// Reads from a connection of its own until `wanted` has come or five seconds have passed.
std::string read_until(int socket, std::string_view wanted) {
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string text;
  char part[4096];
  for (ssize_t n = 1; n > 0 && text.find(wanted) == std::string::npos;) {
    n = ::recv(socket, part, sizeof part, 0);
    if (n > 0) text.append(part, static_cast<std::size_t>(n));
  }
  return text;
}

TEST(ApiServerProcess, ShowsItsLimitsLiveUntilItEnds) {
  ApiServer server = ApiServer::start({.program = ENVOYOU_API_SERVER});
  const int feed = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(server.port());
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(feed, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  const std::string ask = "GET /limits/live HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(::send(feed, ask.data(), ask.size(), MSG_NOSIGNAL), static_cast<ssize_t>(ask.size()));
  EXPECT_NE(read_until(feed, "\n\n").find("text/event-stream"), std::string::npos);
  HttpClient client(server.port());
  EXPECT_EQ(client.request("GET", "/api/things/live/1", {{"X-API-Key", "not to be shown"}}, {}).status, 200);
  const std::string change = read_until(feed, "top_used");
  EXPECT_NE(change.find("event: change"), std::string::npos) << change;
  EXPECT_EQ(change.find("not to be shown"), std::string::npos) << change;
  EXPECT_NE(client.get("/limits").body.find("EventSource"), std::string::npos);
  server.process().signal(SIGTERM);
  EXPECT_EQ(server.process().wait(1s), std::optional<int>(0));
  ::close(feed);
}

TEST(ApiServerProcess, FinishesShortWorkBeforeItEnds) {
  ApiServer server = ApiServer::start({.program = ENVOYOU_API_SERVER, .env = {"API_WORK_MS=400"}});
  int answered = 0;
  std::thread waiting([&] { answered = HttpClient(server.port()).get("/api/things/short/1").status; });
  std::this_thread::sleep_for(200ms);
  server.process().signal(SIGTERM);
  EXPECT_EQ(server.process().wait(1s), std::optional<int>(0));
  waiting.join();
  EXPECT_EQ(answered, 200);
}

TEST(ApiServerProcess, TakesAnEmptyVariableAsOneThatIsNotSet) {
  const ApiServer server = ApiServer::start(
      {.program = ENVOYOU_API_SERVER,
       .env = {"HOST=", "LOG_LEVEL=", "API_WORK_MS=", "API_RATE_LIMIT=", "API_RATE_WINDOW=", "API_KEYS="}});
  EXPECT_EQ(HttpClient(server.port()).get("/api/things/empty/1").status, 200);
}

TEST(ApiServerProcess, TellsEveryBadSettingAtOnceAndNoSecret) {
  const Ended ended =
      run_to_end({"PORT=http", "API_RATE_LIMIT=-1", "REDIS_URL=redis://:hunter2@host:99999", "API_WORK_MS=1s"});
  EXPECT_EQ(ended.status, 2);
  for (const char* name : {"PORT", "API_RATE_LIMIT", "API_WORK_MS", "REDIS_URL"}) {
    EXPECT_NE(ended.said.find(name), std::string::npos) << name << " in: " << ended.said;
  }
  EXPECT_EQ(ended.said.find("hunter2"), std::string::npos) << ended.said;
}

TEST(ApiServerProcess, RefusesADatabaseThatAnotherServerHolds) {
  const TempDir dir("held");
  const std::string file = (dir.path() / "s.db").string();
  const ApiServer first = ApiServer::start({.program = ENVOYOU_API_SERVER, .env = {"SESSION_DATABASE=" + file}});
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto log = dir.path() / "log";
  Process second = Process::spawn({.argv = {ENVOYOU_API_SERVER},
                                   .env = {"SESSION_DATABASE=" + file, "PORT=" + std::to_string(free_port())},
                                   .output_file = log});
  const auto status = second.wait(5s);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(*status, 2);
  std::ifstream text(log);
  const std::string said((std::istreambuf_iterator<char>(text)), std::istreambuf_iterator<char>());
  EXPECT_NE(said.find(file), std::string::npos) << said;
}

TEST(ApiServerProcess, StartsAtOnceWhenRedisIsNotThere) {
  const std::string nowhere = "redis://127.0.0.1:" + std::to_string(free_port());
  const auto begin = std::chrono::steady_clock::now();
  const ApiServer server = ApiServer::start({.program = ENVOYOU_API_SERVER, .redis_url = nowhere});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  HttpClient client(server.port());
  EXPECT_EQ(client.get("/api/things/a/1").header("X-Envoyou-Source"), "local");
  EXPECT_EQ(parse(client.get("/health")).at("data").at("status"), "degraded");
}

}  // namespace
}  // namespace envoyou::testing::process_test
