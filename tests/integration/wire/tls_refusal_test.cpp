// Goal: a server that can not prove to be the one that was dialled gets no byte of ours after the handshake, and the
// operator reads which proof was missing. Settings that can not work are refused before anything is dialled.
// Method: real redis-servers with the seven bad certificates and one without TLS; the server's own count of commands;
// a server of OpenSSL's for old versions.
#include "stream_driver.hpp"
#include "tls_peer.hpp"
#include "tls_settings.hpp"

#include "support/redis_server.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <fstream>
#include <map>

namespace envoyou::wire::tls_refusal_test {
namespace {

using envoyou::testing::CertificateKind;
using envoyou::testing::RedisServer;
using envoyou::testing::TempDir;
using envoyou::testing::TlsPeer;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

RedisServer redis_with(CertificateKind kind) {
  return RedisServer::start({.tls = {{.server = certificates().files(kind), .ca = certificates().ca()}}});
}

const char* expected_words(CertificateKind kind) {
  switch (kind) {
    case CertificateKind::kExpired: return "certificate has expired";
    case CertificateKind::kNotYetValid: return "certificate is not yet valid";
    case CertificateKind::kWrongHost:
      return "certificate is not for host '127.0.0.1', but for \"other.example\", 192.0.2.1";
    case CertificateKind::kCommonNameOnly: return "certificate names no host in subjectAltName, so not '127.0.0.1'";
    case CertificateKind::kWrongUsage: return "certificate is not meant for servers";
    case CertificateKind::kOtherCa: return "certificate is signed by an unknown CA";
    case CertificateKind::kSelfSigned: return "certificate is self-signed";
    case CertificateKind::kGood:
    case CertificateKind::kWildcard:
    case CertificateKind::kShortLived:
    case CertificateKind::kOtherClient:
    case CertificateKind::kClient: break;
  }
  return "?";
}

class BadServerTest : public ::testing::TestWithParam<CertificateKind> {};

INSTANTIATE_TEST_SUITE_P(Certificate, BadServerTest, ::testing::ValuesIn(envoyou::testing::kBadServerCertificates),
                         [](const auto& param) { return std::string(to_string(param.param)); });

TEST_P(BadServerTest, IsRefusedWithItsReasonAndSeesNoCommand) {
  const RedisServer server = redis_with(GetParam());
  StreamDriver driver(peer("127.0.0.1", server.tls_port()));
  EXPECT_EQ(driver.connect(), Progress::kFailed);
  EXPECT_THAT(driver.failure(), AllOf(StartsWith("tls 127.0.0.1:" + std::to_string(server.tls_port()) + ": "),
                                      HasSubstr(expected_words(GetParam()))));
  EXPECT_EQ(driver.stream().failure().code(), Errc::kTls);
  EXPECT_EQ(driver.stream().write("*1\r\n$8\r\nFLUSHALL\r\n").kind, IoResult::Kind::kFailed);
  EXPECT_EQ(server.calls_of("flushall"), 0);
  EXPECT_EQ(ERR_peek_error(), 0u) << "the host's error queue is left clean";
}

TEST_P(BadServerTest, IsAcceptedOnlyWhereVerificationIsSwitchedOffByName) {
  const RedisServer server = redis_with(GetParam());
  PeerSettings settings = peer("127.0.0.1", server.tls_port());
  settings.tls.insecure_skip_verification = true;
  StreamDriver driver(settings);
  ASSERT_EQ(driver.connect(), Progress::kReady) << driver.failure();
  EXPECT_EQ(driver.command("PING"), "PONG");
}

// A redis-server takes the handshake for the beginning of a command and waits for the rest: so the words for somebody
// who gives up must name the likely reason.
TEST(TlsRefusal, OfAServerWithoutTlsIsLeftToTheCallersPatienceAndNamesTheReason) {
  const RedisServer server = RedisServer::start();
  const auto dialer = make_dialer(peer("127.0.0.1", server.port()), [] {}).value();
  const auto stream = dialer->dial();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(stream->advance(), Progress::kWantRead);
  EXPECT_EQ(stream->failure().code(), Errc::kTls);
  EXPECT_THAT(std::string(stream->failure().message()),
              EndsWith("handshake: no answer yet (a server without TLS is silent like this)"));
  EXPECT_EQ(stream->write("*1\r\n$4\r\nPING\r\n").kind, IoResult::Kind::kFailed);
}

TEST(TlsRefusal, OfAnAnswerInHttp) {
  const auto listener = envoyou::testing::listen_on(0);
  StreamDriver driver(peer("127.0.0.1", envoyou::testing::local_port(listener)));
  EXPECT_EQ(driver.stream().advance(), Progress::kWantRead);
  const envoyou::testing::Fd accepted(::accept(listener.get(), nullptr, nullptr));
  envoyou::testing::write_all(accepted, "HTTP/1.1 400 Bad Request\r\n\r\n",
                              std::chrono::steady_clock::now() + std::chrono::seconds(1));
  EXPECT_EQ(driver.connect(), Progress::kFailed);
  EXPECT_THAT(driver.failure(), EndsWith("peer does not speak TLS"));
}

TEST(TlsRefusal, OfAPeerThatGoesInTheMidstOfTheHandshake) {
  const auto listener = envoyou::testing::listen_on(0);
  for (const auto how : {envoyou::testing::CloseHow::kFin, envoyou::testing::CloseHow::kReset}) {
    StreamDriver driver(peer("127.0.0.1", envoyou::testing::local_port(listener)));
    EXPECT_EQ(driver.stream().advance(), Progress::kWantRead);
    envoyou::testing::Fd accepted(::accept(listener.get(), nullptr, nullptr));
    std::string hello;  // if it were left unread, the kernel would make a reset of any end
    envoyou::testing::read_some(accepted, hello, std::chrono::steady_clock::now() + std::chrono::seconds(1));
    envoyou::testing::close_socket(accepted, how);
    EXPECT_EQ(driver.connect(), Progress::kFailed);
    const bool fin = how == envoyou::testing::CloseHow::kFin;
    EXPECT_THAT(driver.failure(), EndsWith(fin ? "closed by the peer" : "connection reset by peer"));
  }
}

TEST(TlsRefusal, OfTheWrongNameByNameAndByAddress) {
  const RedisServer server = redis_with(CertificateKind::kGood);
  PeerSettings settings = peer("127.0.0.1", server.tls_port());
  for (const auto* name : {"cache.example", "127.0.0.2", "::2", "localhost.example"}) {
    settings.tls.server_name = name;
    StreamDriver driver(settings);
    EXPECT_EQ(driver.connect(), Progress::kFailed);
    EXPECT_THAT(driver.failure(), HasSubstr("certificate is not for host '" + std::string(name) +
                                            "', but for \"localhost\", 127.0.0.1, ::1"));
  }
}

TEST(TlsRefusal, OfTheSystemsTrustForACaOfOurOwn) {
  const RedisServer server = redis_with(CertificateKind::kGood);
  PeerSettings settings = peer("127.0.0.1", server.tls_port());
  settings.tls.ca_file.clear();
  StreamDriver driver(settings);
  EXPECT_EQ(driver.connect(), Progress::kFailed);
  EXPECT_THAT(driver.failure(), HasSubstr("unknown CA"));
}

TEST(TlsRefusal, OfVersionsBefore12) {
  TlsPeer server({.files = certificates().files(CertificateKind::kGood), .max_version = TLS1_1_VERSION}, TlsPeer::echo);
  StreamDriver driver(peer("127.0.0.1", server.port()));
  EXPECT_EQ(driver.connect(), Progress::kFailed);
  EXPECT_THAT(driver.failure(), EndsWith("peer offers no TLS 1.2 or later"));
}

TEST(TlsRefusal, OfAClientWithoutItsCertificateIsTold) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsPeer server({.files = certificates().files(CertificateKind::kGood),
                    .client_ca = certificates().ca(),
                    .max_version = version},
                   TlsPeer::echo);
    StreamDriver driver(peer("127.0.0.1", server.port()));
    std::string received;
    if (driver.connect() == Progress::kReady) {
      EXPECT_EQ(driver.read(received), IoResult::Kind::kFailed);
    }
    EXPECT_THAT(driver.failure(), ::testing::AnyOf(HasSubstr("certificate required"), HasSubstr("handshake failure")));
    EXPECT_EQ(driver.stream().failure().code(), Errc::kTls);
  }
}

TEST(TlsSettings, ThatCanNotWorkAreRefusedBeforeDialling) {
  const TempDir directory("tls_settings");
  const std::string garbage = (directory / "garbage.pem").string();
  std::ofstream(garbage) << "no certificate\n";
  const auto good = certificates().files(CertificateKind::kClient);
  const auto other = certificates().files(CertificateKind::kGood);
  const auto refusal_of = [](auto change) {
    PeerSettings settings = peer("127.0.0.1", 6379);
    change(settings);
    return StreamDriver(settings).refused();
  };
  EXPECT_THAT(refusal_of([](auto& s) { s.tls.ca_file = "/nowhere/ca.pem"; }),
              AllOf(StartsWith("tls.ca_file: cannot use \"/nowhere/ca.pem\""), HasSubstr("no such file")));
  EXPECT_THAT(refusal_of([&](auto& s) { s.tls.ca_file = garbage; }), StartsWith("tls.ca_file: cannot use"));
  EXPECT_THAT(refusal_of([&](auto& s) { s.tls.certificate_file = good.certificate; }),
              StartsWith("tls.key_file: must be given"));
  EXPECT_THAT(refusal_of([&](auto& s) { s.tls.key_file = good.key; }),
              StartsWith("tls.certificate_file: must be given"));
  EXPECT_THAT(refusal_of([&](auto& s) {
                s.tls.certificate_file = good.certificate;
                s.tls.key_file = other.key;
              }),
              AllOf(StartsWith("tls.key_file: cannot use"), HasSubstr("mismatch")));
  EXPECT_THAT(refusal_of([](auto& s) { s.tls.server_name = std::string("a\0b", 3); }),
              StartsWith("tls.server_name: not a host name"));
  EXPECT_THAT(refusal_of([](auto& s) { s.tls.server_name = "*.example"; }),
              StartsWith("tls.server_name: not a host name"));
  EXPECT_THAT(refusal_of([](auto& s) {
                s.host.clear();
                s.unix_socket = "/tmp/redis.sock";
              }),
              StartsWith("tls.server_name: must be given"));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace envoyou::wire::tls_refusal_test
