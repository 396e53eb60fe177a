// Goal: the tests' real servers start, stop, freeze and come back as tests rely on, and their certificates are good or
// bad in exactly the way their names say. Method: run redis-server, look at it over a plain socket and, for TLS,
// through OpenSSL's own client with full verification.
#include "support/certificates.hpp"
#include "support/redis_cluster.hpp"
#include "support/redis_server.hpp"
#include "support/wait_for.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>

#include <memory>

namespace envoyou::testing::support_server_test {
namespace {

using namespace std::chrono_literals;

struct TlsOutcome {
  bool connected = false;
  long verify_result = X509_V_OK;
  std::string reply;
};

struct FreeTls {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

void use_client_certificate(SSL_CTX* context, const CertificateFiles& files) {
  SSL_CTX_use_certificate_file(context, files.certificate.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM);
}

std::string ping_through(SSL* ssl) {
  const std::string ping = encode_command({"PING"});
  SSL_write(ssl, ping.data(), static_cast<int>(ping.size()));
  char reply[64];
  const int got = SSL_read(ssl, reply, sizeof(reply));
  return got > 0 ? std::string(reply, static_cast<std::size_t>(got)) : "";
}

// PING over TLS with chain, purpose and name checked as a careful client does.
TlsOutcome tls_ping(std::uint16_t port, const std::filesystem::path& ca, const std::string& host,
                    const CertificateFiles* client = nullptr) {
  const std::unique_ptr<SSL_CTX, FreeTls> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_load_verify_locations(context.get(), ca.c_str(), nullptr);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (client != nullptr) use_client_certificate(context.get(), *client);
  const std::unique_ptr<SSL, FreeTls> ssl(SSL_new(context.get()));
  X509_VERIFY_PARAM* rules = SSL_get0_param(ssl.get());
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) != 1) {
    X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size());
  }
  Fd socket = connect_to(port);
  // OpenSSL reads and writes as it likes here, so the descriptor has to block.
  ::fcntl(socket.get(), F_SETFL, 0);
  SSL_set_fd(ssl.get(), socket.get());
  TlsOutcome outcome;
  outcome.connected = SSL_connect(ssl.get()) == 1;
  outcome.verify_result = SSL_get_verify_result(ssl.get());
  if (outcome.connected) outcome.reply = ping_through(ssl.get());
  return outcome;
}

RedisServer start_with_certificate(const Certificates& certificates, CertificateKind kind) {
  return RedisServer::start({.tls = RedisTls{certificates.files(kind), certificates.ca()}});
}

TEST(RedisServerTest, StartsAnswersAndLeavesNothingBehind) {
  pid_t pid = 0;
  std::filesystem::path directory;
  {
    const RedisServer redis = RedisServer::start();
    pid = redis.pid();
    directory = redis.socket_path().parent_path();
    EXPECT_EQ(redis.cli({"SET", "k", "v"}), "OK");
    EXPECT_EQ(redis.cli({"GET", "k"}), "v");
    EXPECT_EQ(redis.cli({"GET", "none"}), "(nil)");
    EXPECT_EQ(redis.calls_of("get"), 2);
    EXPECT_EQ(redis.calls_of("evalsha"), 0);
    EXPECT_EQ(std::filesystem::status(directory).permissions(), std::filesystem::perms::owner_all);
    EXPECT_EQ(redis.url(3), "redis://127.0.0.1:" + std::to_string(redis.port()) + "/3");
  }
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_FALSE(std::filesystem::exists(directory));
}

TEST(RedisServerTest, FrozenItAcceptsAndSaysNothingUntilThawed) {
  const RedisServer redis = RedisServer::start();
  redis.freeze();
  RespConnection connection(redis.port(), 200ms);
  EXPECT_TRUE(connection.connected());
  EXPECT_FALSE(connection.command({"PING"}));
  redis.thaw();
  EXPECT_EQ(connection.read_value()->text, "PONG");
}

TEST(RedisServerTest, ComesBackOnItsPortAfterKill9WithoutItsData) {
  RedisServer redis = RedisServer::start();
  redis.cli({"SET", "k", "v"});
  redis.kill9();
  EXPECT_FALSE(RespConnection(redis.port()).connected());
  EXPECT_EQ(redis.cli({"PING"}), "(no answer)");
  redis.restart();
  EXPECT_EQ(redis.cli({"GET", "k"}), "(nil)");
}

TEST(RedisServerTest, KeepsEveryWriteThroughKill9WhenAppendOnly) {
  RedisServer redis = RedisServer::start({.append_only = true});
  redis.cli({"SET", "k", "v"});
  redis.restart();
  EXPECT_EQ(redis.cli({"GET", "k"}), "v");
  redis.stop();
  EXPECT_EQ(redis.pid(), 0);
}

TEST(RedisServerTest, AsksForPasswordsAndKnowsUsers) {
  const RedisServer redis =
      RedisServer::start({.password = "p@ss \"word", .acl_users = {"app on >secret ~app:* +get +ping"}});
  EXPECT_EQ(redis.cli({"PING"}), "PONG");
  EXPECT_EQ(redis.url(), "redis://:p%40ss%20%22word@127.0.0.1:" + std::to_string(redis.port()) + "/0");
  RespConnection stranger(redis.port());
  EXPECT_TRUE(stranger.command({"GET", "k"})->text.starts_with("NOAUTH"));
  EXPECT_EQ(stranger.command({"AUTH", "app", "secret"})->text, "OK");
  EXPECT_TRUE(stranger.command({"SET", "app:1", "v"})->text.starts_with("NOPERM"));
}

TEST(RedisServerTest, ListensOnAUnixSocketWhenAsked) {
  const RedisServer redis = RedisServer::start({.unix_socket = true});
  EXPECT_TRUE(std::filesystem::is_socket(redis.socket_path()));
  EXPECT_EQ(redis.unix_url(), "unix://" + redis.socket_path().string());
}

TEST(RedisServerTest, AnswersOverTlsByNameAndByAddress) {
  const Certificates certificates;
  const RedisServer redis = start_with_certificate(certificates, CertificateKind::kGood);
  EXPECT_EQ(tls_ping(redis.tls_port(), certificates.ca(), "localhost").reply, "+PONG\r\n");
  EXPECT_EQ(tls_ping(redis.tls_port(), certificates.ca(), "127.0.0.1").reply, "+PONG\r\n");
  EXPECT_TRUE(redis.tls_url().starts_with("rediss://localhost:"));
}

TEST(RedisServerTest, WantsAClientCertificateWhenAsked) {
  const Certificates certificates;
  const RedisServer redis =
      RedisServer::start({.tls = RedisTls{certificates.files(CertificateKind::kGood), certificates.ca(), true}});
  const CertificateFiles client = certificates.files(CertificateKind::kClient);
  EXPECT_EQ(tls_ping(redis.tls_port(), certificates.ca(), "localhost").reply, "");
  EXPECT_EQ(tls_ping(redis.tls_port(), certificates.ca(), "localhost", &client).reply, "+PONG\r\n");
}

long expected_verdict(CertificateKind kind) {
  switch (kind) {
    case CertificateKind::kExpired: return X509_V_ERR_CERT_HAS_EXPIRED;
    case CertificateKind::kNotYetValid: return X509_V_ERR_CERT_NOT_YET_VALID;
    case CertificateKind::kWrongHost: return X509_V_ERR_HOSTNAME_MISMATCH;
    case CertificateKind::kCommonNameOnly: return X509_V_ERR_HOSTNAME_MISMATCH;
    case CertificateKind::kWrongUsage: return X509_V_ERR_INVALID_PURPOSE;
    case CertificateKind::kOtherCa: return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    case CertificateKind::kSelfSigned: return X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
    case CertificateKind::kOtherClient:
    case CertificateKind::kGood:
    case CertificateKind::kWildcard:
    case CertificateKind::kShortLived:
    case CertificateKind::kClient: return X509_V_OK;
  }
  return X509_V_OK;
}

TEST(CertificatesTest, EachBadServerIsRefusedForItsOwnReason) {
  const Certificates certificates;
  for (const CertificateKind kind : kBadServerCertificates) {
    const RedisServer redis = start_with_certificate(certificates, kind);
    const TlsOutcome outcome = tls_ping(redis.tls_port(), certificates.ca(), "localhost");
    EXPECT_FALSE(outcome.connected) << to_string(kind);
    EXPECT_EQ(outcome.verify_result, expected_verdict(kind)) << to_string(kind);
  }
}

TEST(RedisClusterTest, ThreeNodesShareTheSlots) {
  RedisCluster cluster = RedisCluster::start(3);
  ASSERT_EQ(cluster.size(), 3U);
  // "foo" is in slot 12182, which the last third holds.
  EXPECT_EQ(cluster.node(2).cli({"SET", "foo", "v"}), "OK");
  EXPECT_EQ(cluster.node(0).cli({"GET", "foo"}), "MOVED 12182 127.0.0.1:" + std::to_string(cluster.node(2).port()));
}

}  // namespace
}  // namespace envoyou::testing::support_server_test
