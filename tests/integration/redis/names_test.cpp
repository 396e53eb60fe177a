// Goal: names are somebody else's word for a server, and change: whatever a name server says, or fails to say, a call
// returns in time, every address is tried, and a failover behind one name is followed.
// Method: the process' getaddrinfo is the test's own for names under .test; real sockets behind it.
#include "redis_commands.hpp"

#include <envoyou/testing/fake_redis.hpp>

#include "support/wait_for.hpp"

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <netdb.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>

namespace {

using GetAddrInfo = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

GetAddrInfo real() {
  static const auto found = reinterpret_cast<GetAddrInfo>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return found;
}

// What the names of this test stand for.
struct NameServer {
  std::atomic<std::uint16_t> moves_to{0};
  std::atomic<int> asked{0};
  std::atomic<int> waiting{0};
  std::mutex mutex;
  std::condition_variable changed;
  bool answers = true;  // guarded by mutex

  void answer(bool on) {
    const std::lock_guard lock(mutex);
    answers = on;
    changed.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex);
    ++waiting;
    changed.wait(lock, [this] { return answers; });
    --waiting;
  }
};

NameServer& names() {
  static NameServer server;
  return server;
}

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
  const std::string_view name(node == nullptr ? "" : node);
  if (!name.ends_with(".test")) return real()(node, service, hints, found);
  ++names().asked;
  if (name == "hangs.test") names().wait();
  if (name == "none.test") return EAI_NONAME;
  if (name == "moves.test") {
    return real()("127.0.0.1", std::to_string(names().moves_to).c_str(), hints, found);
  }
  if (name != "two.test") return real()("127.0.0.1", service, hints, found);
  const int code = real()("::1", service, hints, found);
  return code != 0 ? code : real()("127.0.0.1", service, hints, &(*found)->ai_next);
}

namespace envoyou::redis::names_test {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::FakeRedis;
using testing::Fault;

ClientOptions options_for(const std::string& host, std::uint16_t port) {
  ClientOptions options;
  options.host = host;
  options.port = port;
  return options;
}

TEST(Names, WithADeadIpv6AndALiveIpv4AreConnectedTo) {
  FakeRedis server;  // on 127.0.0.1 alone
  auto client = open_at(options_for("two.test", server.port()));
  EXPECT_TRUE(client->run(set("k", "v")));
}

TEST(Names, ThatAreNotAnsweredCostACallItsDeadlineAndTheClientNothing) {
  names().answer(false);
  FakeRedis server;
  const auto ended = time_of([&] {
    auto client = open_only(options_for("hangs.test", server.port()));
    for (int i = 0; i < 20; ++i) {
      EXPECT_LT(time_of([&] { EXPECT_FALSE(client->run(get("k"), {within(50ms)})); }), 150ms);
    }
    EXPECT_TRUE(eventually([&] { return client->away_because() == Errc::kUnavailable; }, 2s));
    EXPECT_LT(time_of([&] { client.reset(); }), 200ms) << "while look-ups are under way";
  });
  EXPECT_LT(ended, 5s);
  EXPECT_GE(names().waiting, 1);
  names().answer(true);
  EXPECT_TRUE(eventually([&] { return names().waiting == 0; }));
}

TEST(Names, ThatAreAnsweredAgainAreConnectedTo) {
  names().answer(false);
  FakeRedis server;
  auto client = open_only(options_for("hangs.test", server.port()));
  ASSERT_TRUE(eventually([&] { return client->away_because() == Errc::kUnavailable; }, 2s));
  names().answer(true);
  EXPECT_TRUE(client->wait_until_connected(within(2s)));
}

TEST(Names, AreLookedUpBesideABusyClient) {
  FakeRedis near;
  auto client = open_at(options_for("near.test", near.port()));
  names().answer(false);
  auto stuck = open_only(options_for("hangs.test", near.port()));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(client->run(set("k", "v"), {within(1s)}));
  names().answer(true);
}

TEST(Names, ThatDoNotExistSaySo) {
  auto client = open_only(options_for("none.test", 6379));
  ASSERT_TRUE(eventually([&] { return client->away_because() == Errc::kUnavailable; }));
  EXPECT_NE(client->run(get("k")).error().message().find("resolve none.test"), std::string_view::npos);
}

TEST(Names, AreAskedAgainWhenTheServerHasBecomeAReplica) {
  FakeRedis old_primary;
  FakeRedis new_primary;
  names().moves_to = old_primary.port();
  auto client = open_at(options_for("moves.test", 6379));
  ASSERT_TRUE(client->run(set("k", "v")));
  std::this_thread::sleep_for(1'100ms);  // a link is not given up in its first second
  names().moves_to = new_primary.port();
  old_primary.add(Fault::error("READONLY You can't write against a read only replica.").on("SET"));
  const int before = names().asked;
  EXPECT_EQ(client->run(set("k", "v")).error().code(), Errc::kReadOnly);
  EXPECT_TRUE(eventually([&] { return client->run(set("k", "v"), {within(100ms)}).has_value(); }, 1s));
  EXPECT_GT(names().asked, before);
  EXPECT_EQ(new_primary.get("k"), "v");
}

}  // namespace
}  // namespace envoyou::redis::names_test
