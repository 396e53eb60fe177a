// Goal: a stream under TLS moves bytes whatever TLS does in between, resumes its sessions, shows its client
// certificate and name, and dies without a signal.
// Method: a real redis-server, and a server of OpenSSL's that updates keys, cuts connections and tells what it saw.
#include "stream_driver.hpp"
#include "tls_peer.hpp"
#include "tls_settings.hpp"

#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <signal.h>

namespace envoyou::wire::tls_stream_test {
namespace {

using envoyou::testing::CertificateKind;
using envoyou::testing::eventually;
using envoyou::testing::RedisServer;
using envoyou::testing::TlsPeer;
using ::testing::HasSubstr;

class TlsVersionTest : public ::testing::TestWithParam<int> {
 protected:
  envoyou::testing::TlsPeerOptions options() const {
    return {.files = certificates().files(CertificateKind::kGood), .max_version = GetParam()};
  }
};

INSTANTIATE_TEST_SUITE_P(Tls, TlsVersionTest, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& param) { return param.param == TLS1_2_VERSION ? "V12" : "V13"; });

TEST(TlsStream, TalksToRedisByAddressByNameAndOverIpv6) {
  const RedisServer server = RedisServer::start(
      {.tls = {{.server = certificates().files(CertificateKind::kGood), .ca = certificates().ca()}}});
  for (const auto* host : {"127.0.0.1", "localhost"}) {
    StreamDriver driver(peer(host, server.tls_port()));
    ASSERT_EQ(driver.connect(), Progress::kReady) << driver.failure();
    const std::string value(500'000, 'v');
    EXPECT_EQ(driver.command("SET", "key", value), "OK");
    EXPECT_EQ(driver.command("GET", "key"), value);
  }
  EXPECT_EQ(server.calls_of("get"), 2);
}

TEST(TlsStream, ShowsItsClientCertificate) {
  const RedisServer server = RedisServer::start({.tls = {{.server = certificates().files(CertificateKind::kGood),
                                                          .ca = certificates().ca(),
                                                          .require_client_certificate = true}}});
  PeerSettings settings = peer("127.0.0.1", server.tls_port());
  settings.tls.certificate_file = certificates().files(CertificateKind::kClient).certificate;
  settings.tls.key_file = certificates().files(CertificateKind::kClient).key;
  StreamDriver driver(settings);
  ASSERT_EQ(driver.connect(), Progress::kReady) << driver.failure();
  EXPECT_EQ(driver.command("PING"), "PONG");
}

TEST_P(TlsVersionTest, SendsTheNameItChecksAndNoAddress) {
  TlsPeer server(options(), TlsPeer::echo);
  PeerSettings settings = peer("127.0.0.1", server.port());
  const auto connect = [&] {
    StreamDriver driver(settings);
    EXPECT_EQ(driver.connect(), Progress::kReady) << driver.failure();
  };
  connect();
  settings.tls.server_name = "localhost";
  connect();
  settings.tls.server_name = "localhost.";
  connect();
  ASSERT_TRUE(eventually([&] { return server.handshakes().size() == 3; }));
  EXPECT_EQ(server.handshakes()[0].sni, "");
  EXPECT_EQ(server.handshakes()[1].sni, "localhost");
  EXPECT_EQ(server.handshakes()[2].sni, "localhost");
  EXPECT_EQ(server.handshakes()[0].version, GetParam());
}

TEST_P(TlsVersionTest, ResumesTheSessionsOfItsDialer) {
  TlsPeer server(options(), TlsPeer::echo);
  StreamDriver driver(peer("127.0.0.1", server.port()));
  for (int i = 0; i < 4; ++i) {
    if (i > 0) driver.dial();
    ASSERT_EQ(driver.connect(), Progress::kReady) << driver.failure();
    EXPECT_EQ(driver.write("ping"), IoResult::Kind::kDone);
    std::string received;
    EXPECT_EQ(driver.read(received), IoResult::Kind::kDone) << "with which the tickets have come";
    driver.close();
  }
  ASSERT_TRUE(eventually([&] { return server.handshakes().size() == 4; }));
  EXPECT_FALSE(server.handshakes()[0].resumed);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_TRUE(server.handshakes()[i].resumed) << i;
  StreamDriver another(peer("127.0.0.1", server.port()));
  ASSERT_EQ(another.connect(), Progress::kReady);
  ASSERT_TRUE(eventually([&] { return server.handshakes().size() == 5; }));
  EXPECT_FALSE(server.handshakes()[4].resumed) << "sessions belong to one dialer";
}

TEST(TlsStream, LivesThroughAThousandKeyUpdatesOfThePeer) {
  constexpr int kRounds = 1000;
  TlsPeer server({.files = certificates().files(CertificateKind::kGood)}, [](SSL* connection) {
    for (int i = 0; i < kRounds; ++i) {
      if (TlsPeer::read(connection, 4) != "ping") return;
      SSL_key_update(connection, SSL_KEY_UPDATE_REQUESTED);
      if (!TlsPeer::write(connection, "pong")) return;
    }
  });
  StreamDriver driver(peer("127.0.0.1", server.port()));
  ASSERT_EQ(driver.connect(), Progress::kReady) << driver.failure();
  for (int i = 0; i < kRounds; ++i) {
    ASSERT_EQ(driver.write("ping"), IoResult::Kind::kDone) << driver.failure();
    std::string received;
    while (received.size() < 4) {
      ASSERT_EQ(driver.read(received), IoResult::Kind::kDone) << driver.failure() << " in round " << i;
    }
    ASSERT_EQ(received, "pong");
  }
}

// The peer reads nothing while it writes and asks for key updates, so this side must write in the midst of reading.
TEST(TlsStream, WritesWhatReadingNeedsWrittenAndTheOtherWayRound) {
  constexpr std::size_t kSize = 8u << 20;
  std::string blob(1u << 20, '\0');
  for (std::size_t i = 0; i < blob.size(); ++i) blob[i] = static_cast<char>((i * 2654435761u) >> 13);
  TlsPeer server({.files = certificates().files(CertificateKind::kGood)}, [&](SSL* connection) {
    for (std::size_t sent = 0; sent < kSize; sent += blob.size()) {
      SSL_key_update(connection, SSL_KEY_UPDATE_REQUESTED);
      if (!TlsPeer::write(connection, blob)) return;
    }
    bool same = true;
    for (std::size_t got = 0; got < kSize; got += blob.size()) {
      same = same && TlsPeer::read(connection, blob.size()) == blob;
    }
    TlsPeer::write(connection, same ? "all" : "not");
  });
  StreamDriver driver(peer("127.0.0.1", server.port()));
  ASSERT_EQ(driver.connect(), Progress::kReady) << driver.failure();
  std::string received;
  std::string_view to_send(blob);
  std::size_t sent = 0;
  while (received.size() < kSize || sent < kSize) {
    const IoResult wrote = sent < kSize ? driver.stream().write(to_send) : IoResult{IoResult::Kind::kWantRead};
    ASSERT_NE(wrote.kind, IoResult::Kind::kFailed) << driver.failure();
    if (wrote.kind == IoResult::Kind::kDone) {
      sent += wrote.bytes;
      to_send.remove_prefix(wrote.bytes);
      if (to_send.empty()) to_send = blob;
    }
    if (received.size() < kSize) {
      ASSERT_EQ(driver.read(received), IoResult::Kind::kDone) << driver.failure();
    }
  }
  while (received.size() < kSize + 3) ASSERT_EQ(driver.read(received), IoResult::Kind::kDone) << driver.failure();
  EXPECT_EQ(received.substr(kSize), "all");
}

TEST(TlsStream, RefusesToRenegotiateAndGoesOn) {
  TlsPeer server({.files = certificates().files(CertificateKind::kGood), .max_version = TLS1_2_VERSION},
                 [](SSL* connection) {
                   SSL_renegotiate(connection);
                   SSL_do_handshake(connection);
                   TlsPeer::echo(connection);
                 });
  StreamDriver driver(peer("127.0.0.1", server.port()));
  ASSERT_EQ(driver.connect(), Progress::kReady) << driver.failure();
  EXPECT_EQ(driver.write("ping"), IoResult::Kind::kDone);
  std::string received;
  const auto kind = driver.read(received);
  EXPECT_TRUE(kind == IoResult::Kind::kDone || kind == IoResult::Kind::kFailed);
  EXPECT_THAT(server.handshakes(), ::testing::SizeIs(1));
}

TEST(TlsStream, TellsAGoodbyeFromAConnectionThatWasCut) {
  TlsPeer polite({.files = certificates().files(CertificateKind::kGood)}, [](SSL*) {});
  StreamDriver first(peer("127.0.0.1", polite.port()));
  ASSERT_EQ(first.connect(), Progress::kReady);
  std::string received;
  EXPECT_EQ(first.read(received), IoResult::Kind::kClosed);
  TlsPeer rude({.files = certificates().files(CertificateKind::kGood)}, TlsPeer::cut);
  StreamDriver second(peer("127.0.0.1", rude.port()));
  ASSERT_EQ(second.connect(), Progress::kReady);
  EXPECT_EQ(second.read(received), IoResult::Kind::kFailed);
  EXPECT_THAT(second.failure(), HasSubstr("closed by the peer"));
  EXPECT_EQ(second.stream().failure().code(), Errc::kConnectionLost);
}

TEST(TlsStream, WritingToAClosedPeerRaisesNoSigpipe) {
  struct sigaction disposition {};
  ASSERT_EQ(sigaction(SIGPIPE, nullptr, &disposition), 0);
  ASSERT_EQ(disposition.sa_handler, SIG_DFL) << "the test is worth nothing otherwise";
  RedisServer server = RedisServer::start(
      {.tls = {{.server = certificates().files(CertificateKind::kGood), .ca = certificates().ca()}}});
  StreamDriver driver(peer("127.0.0.1", server.tls_port()));
  ASSERT_EQ(driver.connect(), Progress::kReady) << driver.failure();
  EXPECT_EQ(driver.command("PING"), "PONG");
  server.kill9();
  const std::string bytes(1 << 20, 'x');
  auto kind = IoResult::Kind::kDone;
  for (int i = 0; i < 50 && kind == IoResult::Kind::kDone; ++i) kind = driver.write(bytes);
  EXPECT_EQ(kind, IoResult::Kind::kFailed);
  EXPECT_EQ(driver.stream().failure().code(), Errc::kConnectionLost);
  driver.close();
  ASSERT_EQ(sigaction(SIGPIPE, nullptr, &disposition), 0);
  EXPECT_EQ(disposition.sa_handler, SIG_DFL);
}

TEST(TlsStream, NeitherBlocksNorFailsWhileThePeerIsSilent) {
  const auto listener = envoyou::testing::listen_on(0);
  auto dialer = make_dialer(peer("127.0.0.1", envoyou::testing::local_port(listener)), [] {}).value();
  const auto before = std::chrono::steady_clock::now();
  const auto stream = dialer->dial();
  Progress progress = stream->advance();
  for (int i = 0; i < 100; ++i) progress = stream->advance();
  EXPECT_EQ(progress, Progress::kWantRead);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(200));
}

}  // namespace
}  // namespace envoyou::wire::tls_stream_test
