// Goal: certificates that are replaced on disk count from the next connection on, half of a replacement does no harm,
// and a certificate that ends is not outlived by a session that would be resumed. Besides: bundles of CAs, wildcards.
// Method: a server of OpenSSL's; files that the test replaces.
#include "stream_driver.hpp"
#include "tls_peer.hpp"

#include "support/temp_dir.hpp"
#include "support/wait_for.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace envoyou::wire::tls_renewal_test {
namespace {

namespace fs = std::filesystem;
using envoyou::testing::CertificateFiles;
using envoyou::testing::CertificateKind;
using envoyou::testing::Certificates;
using envoyou::testing::eventually;
using envoyou::testing::TempDir;
using envoyou::testing::TlsPeer;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string content(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// As those who replace certificates do: a new file takes the old one's name.
void replace(const fs::path& file, const std::string& bytes) {
  const fs::path next = file.string() + ".next";
  std::ofstream(next) << bytes;
  fs::rename(next, file);
}

struct Renewal : ::testing::Test {
  PeerSettings peer(std::uint16_t port, const fs::path& ca) const {
    PeerSettings settings{.host = "127.0.0.1", .port = port};
    settings.tls.enabled = true;
    settings.tls.ca_file = ca.string();
    return settings;
  }
  // Speaks, so that the server's verdict on a client certificate and its tickets arrive.
  static bool talks(StreamDriver& driver) {
    std::string received;
    return driver.connect() == Progress::kReady && driver.write("ping") == IoResult::Kind::kDone &&
           driver.read(received) == IoResult::Kind::kDone;
  }
  static bool talks_again(StreamDriver& driver) {
    driver.close();
    driver.dial();
    return talks(driver);
  }

  const Certificates certificates;
  const TempDir directory{"renewal"};
};

TEST_F(Renewal, OfTheCaCountsFromTheNextConnectionOn) {
  TlsPeer server({.files = certificates.files(CertificateKind::kOtherCa)}, TlsPeer::echo);
  const fs::path ca = directory / "ca.pem";
  replace(ca, content(certificates.ca()));
  StreamDriver driver(peer(server.port(), ca));
  EXPECT_FALSE(talks(driver));
  EXPECT_THAT(driver.failure(), HasSubstr("unknown CA"));
  replace(ca, content(certificates.other_ca()));
  EXPECT_TRUE(talks_again(driver)) << driver.failure();
}

TEST_F(Renewal, OfAClientCertificateCountsFromTheNextConnectionOn) {
  TlsPeer server({.files = certificates.files(CertificateKind::kGood), .client_ca = certificates.ca()}, TlsPeer::echo);
  const CertificateFiles wrong = certificates.files(CertificateKind::kOtherClient);
  const CertificateFiles right = certificates.files(CertificateKind::kClient);
  const fs::path certificate = directory / "client.pem";
  const fs::path key = directory / "client-key.pem";
  replace(certificate, content(wrong.certificate));
  replace(key, content(wrong.key));
  PeerSettings settings = peer(server.port(), certificates.ca());
  settings.tls.certificate_file = certificate.string();
  settings.tls.key_file = key.string();
  StreamDriver driver(settings);
  EXPECT_FALSE(talks(driver));
  EXPECT_EQ(driver.stream().failure().code(), Errc::kTls) << driver.failure();
  replace(certificate, content(right.certificate));
  replace(key, content(right.key));
  EXPECT_TRUE(talks_again(driver)) << driver.failure();
}

TEST_F(Renewal, InHalvesLeavesWhatWasInUseAndSaysSoOnce) {
  TlsPeer server({.files = certificates.files(CertificateKind::kGood), .client_ca = certificates.ca()}, TlsPeer::echo);
  const CertificateFiles old_one = certificates.files(CertificateKind::kClient);
  const Certificates next_year;
  const fs::path certificate = directory / "client.pem";
  const fs::path key = directory / "client-key.pem";
  replace(certificate, content(old_one.certificate));
  replace(key, content(old_one.key));
  PeerSettings settings = peer(server.port(), certificates.ca());
  settings.tls.certificate_file = certificate.string();
  settings.tls.key_file = key.string();
  auto dialer = make_dialer(settings, [] {}).value();
  (void)dialer->dial();
  EXPECT_FALSE(dialer->take_complaint());
  replace(certificate, content(next_year.files(CertificateKind::kClient).certificate));
  (void)dialer->dial();
  const auto complaint = dialer->take_complaint();
  ASSERT_TRUE(complaint);
  EXPECT_THAT(std::string(complaint->message()), StartsWith("tls.key_file: cannot use"));
  (void)dialer->dial();
  EXPECT_FALSE(dialer->take_complaint()) << "told once for a change";
  fs::remove(key);
  (void)dialer->dial();
  EXPECT_TRUE(dialer->take_complaint());
  replace(key, content(next_year.files(CertificateKind::kClient).key));
  (void)dialer->dial();
  EXPECT_FALSE(dialer->take_complaint());
}

TEST_F(Renewal, OfNothingGoesOnResuming) {
  TlsPeer server({.files = certificates.files(CertificateKind::kGood)}, TlsPeer::echo);
  StreamDriver driver(peer(server.port(), certificates.ca()));
  ASSERT_TRUE(talks(driver));
  EXPECT_FALSE(driver.stream().resumed());
  ASSERT_TRUE(talks_again(driver));
  EXPECT_TRUE(driver.stream().resumed());
}

TEST_F(Renewal, EndsTheSessionsOfTheTrustBefore) {
  TlsPeer server({.files = certificates.files(CertificateKind::kGood)}, TlsPeer::echo);
  const fs::path ca = directory / "ca.pem";
  replace(ca, content(certificates.ca()));
  StreamDriver driver(peer(server.port(), ca));
  ASSERT_TRUE(talks(driver));
  replace(ca, content(certificates.other_ca()));
  EXPECT_FALSE(talks_again(driver)) << "a session would have been resumed without a look at the certificate";
  EXPECT_THAT(driver.failure(), HasSubstr("unknown CA"));
}

TEST_F(Renewal, IsDueWhenTheServersCertificateEnds) {
  const Certificates fresh;
  TlsPeer server({.files = fresh.files(CertificateKind::kShortLived)}, TlsPeer::echo);
  StreamDriver driver(peer(server.port(), fresh.ca()));
  ASSERT_TRUE(talks(driver)) << driver.failure();
  ASSERT_TRUE(talks_again(driver));
  EXPECT_TRUE(driver.stream().resumed());
  std::this_thread::sleep_for(std::chrono::seconds(4));
  EXPECT_FALSE(talks_again(driver));
  EXPECT_THAT(driver.failure(), HasSubstr("certificate has expired"));
}

TEST_F(Renewal, OfABundleMayOverlap) {
  const fs::path bundle = directory / "bundle.pem";
  replace(bundle, "# two at a time\n" + content(certificates.other_ca()) + content(certificates.ca()));
  for (const auto kind : {CertificateKind::kGood, CertificateKind::kOtherCa}) {
    TlsPeer server({.files = certificates.files(kind)}, TlsPeer::echo);
    StreamDriver driver(peer(server.port(), bundle));
    EXPECT_TRUE(talks(driver)) << to_string(kind) << ": " << driver.failure();
  }
}

TEST_F(Renewal, OrNotAWildcardStandsForOneLabel) {
  TlsPeer server({.files = certificates.files(CertificateKind::kWildcard)}, TlsPeer::echo);
  PeerSettings settings = peer(server.port(), certificates.ca());
  for (const auto* name : {"eu.cache.example", "EU.CACHE.EXAMPLE"}) {
    settings.tls.server_name = name;
    StreamDriver driver(settings);
    EXPECT_TRUE(talks(driver)) << driver.failure();
  }
  for (const auto* name : {"cache.example", "a.eu.cache.example", "cache.example.org", "127.0.0.1"}) {
    settings.tls.server_name = name;
    StreamDriver driver(settings);
    EXPECT_FALSE(talks(driver)) << name;
    EXPECT_THAT(driver.failure(), HasSubstr("certificate is not for host"));
  }
}

}  // namespace
}  // namespace envoyou::wire::tls_renewal_test
