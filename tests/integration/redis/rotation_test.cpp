// Goal: passwords and certificates that are replaced while a real Redis and a client work are a matter of less than a
// second, and what is wrong is told once. Method: a redis-server whose user, or whose certificate, the test changes; a
// provider of credentials on its own thread.
#include "redis_commands.hpp"

#include "support/certificates.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::redis::rotation_test {
namespace {

using namespace std::chrono_literals;
using testing::CertificateKind;
using testing::Certificates;
using testing::eventually;
using testing::RedisServer;

class Lines final : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    std::string line(record.message);
    for (const auto& field : record.fields) line += " " + std::string(field.value);
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  std::size_t count(std::string_view part) const {
    const std::lock_guard lock(mutex_);
    std::size_t found = 0;
    for (const auto& line : lines_) found += line.find(part) != std::string::npos ? 1U : 0U;
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

// A vault that a provider asks: what it gives, and how long it takes.
struct Vault {
  Result<Credentials> give() {
    ++asked;
    std::this_thread::sleep_for(Milliseconds(takes_ms));
    const std::lock_guard lock(mutex);
    return Credentials{"joe", password, valid_for};
  }
  void change(std::string to) {
    const std::lock_guard lock(mutex);
    password = std::move(to);
  }
  std::mutex mutex;
  std::string password = "hunter1";
  std::optional<Milliseconds> valid_for;
  std::atomic<int> takes_ms{0};
  std::atomic<int> asked{0};
};

struct Rotation : ::testing::Test {
  std::shared_ptr<Client> open() {
    ClientOptions options;
    options.port = server.port();
    options.credentials = [vault = vault] { return vault->give(); };
    Runtime runtime;
    runtime.logger = Logger(lines, LogLevel::kInfo);
    return Client::open(options, runtime).value();
  }
  void set_password(const std::string& to) { server.cli({"ACL", "SETUSER", "joe", "resetpass", ">" + to}); }

  RedisServer server = RedisServer::start({.acl_users = {"joe on >hunter1 ~* &* +@all"}});
  std::shared_ptr<Vault> vault = std::make_shared<Vault>();
  std::shared_ptr<Lines> lines = std::make_shared<Lines>();
};

TEST_F(Rotation, OfATokenReachesLiveLinksBeforeItEnds) {
  vault->valid_for = 1500ms;
  auto client = open();
  ASSERT_TRUE(client->wait_until_connected(within(2s)));
  const auto before = server.calls_of("auth");
  for (int i = 2; i <= 4; ++i) {
    const std::string next = "hunter" + std::to_string(i);
    server.cli({"ACL", "SETUSER", "joe", ">" + next});
    vault->change(next);
    EXPECT_TRUE(eventually([&] { return server.calls_of("auth") >= before + i - 1; }, 3s));
    EXPECT_TRUE(client->run(set("k", "v")));
  }
  EXPECT_EQ(client->stats().connects, 1u);
  EXPECT_EQ(lines->count("hunter"), 0u);
}

TEST_F(Rotation, OfAPasswordHealsWithinASecondOfTheVaultsKnowingIt) {
  auto client = open();
  ASSERT_TRUE(client->wait_until_connected(within(2s)));
  set_password("hunter2");
  server.cli({"CLIENT", "KILL", "TYPE", "normal"});
  ASSERT_TRUE(eventually([&] { return client->away_because() == Errc::kAuthentication; }, 2s));
  std::this_thread::sleep_for(3s);
  EXPECT_EQ(lines->count("not connected"), 1u);
  vault->change("hunter2");
  EXPECT_TRUE(eventually([&] { return client->is_connected(); }, 2s)) << "a second (unit_redis), on a busy machine";
  EXPECT_EQ(lines->count("hunter"), 0u);
  EXPECT_LE(client->stats().connects, 8u);
}

TEST_F(Rotation, ByTheHostIsDoneAtOnce) {
  ClientOptions options = parse_url("redis://joe:hunter1@127.0.0.1:" + std::to_string(server.port())).value();
  auto client = open_at(options);
  server.cli({"ACL", "SETUSER", "joe", ">hunter2"});
  ASSERT_TRUE(client->set_credentials({"joe", "hunter2"}));
  EXPECT_TRUE(eventually([&] { return server.calls_of("auth") == 1; }));
  EXPECT_TRUE(client->run(set("k", "v")));
  EXPECT_EQ(client->set_credentials({"joe", ""}).error().code(), Errc::kInvalidArgument);
}

TEST_F(Rotation, OfAClientThatEndsWhileItsVaultIsSlowIsNoHarm) {
  vault->takes_ms = 500;
  auto client = open();
  EXPECT_FALSE(client->run(set("k", "v"), {within(50ms)}));
  EXPECT_LT(time_of([&] { client.reset(); }), 200ms);
  EXPECT_TRUE(eventually([&] { return vault.use_count() == 1; }, 2s)) << "the call has ended and let go";
}

TEST_F(Rotation, WaitsForASlowVaultWithoutHoldingUpAnybody) {
  vault->takes_ms = 200;
  auto client = open();
  EXPECT_TRUE(client->run(set("k", "v"), {within(2s)}));
}

TEST_F(Rotation, OfASentryThatIsGoneIsNoticed) {
  auto client = open();
  ASSERT_TRUE(client->wait_until_connected(within(2s)));
  server.cli({"ACL", "DELUSER", "joe"});  // which ends its connections
  ASSERT_TRUE(eventually([&] { return client->away_because() == Errc::kAuthentication; }, 2s));
  server.cli({"ACL", "SETUSER", "joe", "on", ">hunter1", "~*", "&*", "+@all"});
  EXPECT_TRUE(eventually([&] { return client->is_connected(); }, 2s));
}

struct TlsRotation : ::testing::Test {
  ClientOptions options() const {
    auto made = parse_url(server.tls_url()).value();
    made.tls.ca_file = certificates.ca();
    return made;
  }
  void present(CertificateKind kind) {
    const auto files = certificates.files(kind);
    server.cli({"CONFIG", "SET", "tls-cert-file", files.certificate.string(), "tls-key-file", files.key.string()});
    server.cli({"CLIENT", "KILL", "TYPE", "normal"});
  }

  const Certificates certificates;
  RedisServer server = RedisServer::start(
      {.tls = testing::RedisTls{.server = certificates.files(CertificateKind::kGood), .ca = certificates.ca()}});
};

TEST_F(TlsRotation, ReconnectsResumeTheSession) {
  auto client = open_at(options());
  ASSERT_TRUE(client->run(set("k", "v"), {within(1s)}));
  EXPECT_EQ(client->stats().tls_resumed, 0u);
  std::string resumed;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    server.cli({"CLIENT", "KILL", "TYPE", "normal"});
    ASSERT_TRUE(eventually([&] { return client->stats().tls_handshakes == i + 1; }, 2s));
    ASSERT_TRUE(eventually([&] { return client->run(set("k", "v"), {within(1s)}).has_value(); }, 2s));
    resumed += std::to_string(client->stats().tls_resumed) + " ";
  }
  EXPECT_GE(client->stats().tls_resumed, 2u) << resumed << ": a server may forget a session";
}

TEST_F(TlsRotation, OfTheServerToOneThatHasExpiredIsRefusedAndToldOnce) {
  auto lines = std::make_shared<Lines>();
  Runtime runtime;
  runtime.logger = Logger(lines, LogLevel::kInfo);
  auto client = Client::open(options(), runtime).value();
  ASSERT_TRUE(client->wait_until_connected(within(5s)));
  present(CertificateKind::kExpired);
  ASSERT_TRUE(eventually([&] { return client->away_because() == Errc::kTls; }, 2s));
  EXPECT_NE(client->run(get("k")).error().message().find("certificate has expired"), std::string_view::npos);
  std::this_thread::sleep_for(2s);
  EXPECT_EQ(lines->count("certificate has expired"), 1u);
  present(CertificateKind::kGood);
  EXPECT_TRUE(eventually([&] { return client->is_connected(); }, 2s));
}

}  // namespace
}  // namespace envoyou::redis::rotation_test
