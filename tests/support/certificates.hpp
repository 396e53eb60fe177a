// Certificates made while the tests run: a CA, one good server certificate, one of each bad kind, and a client's.
// Nothing secret is ever in the repository, and nothing expires in it.
//
// Keys are P-256. The good certificate is for DNS:localhost, IP:127.0.0.1 and IP:::1 and is valid from yesterday for 30
// days. The eighth bad server of the tests, one that does not speak TLS at all, needs no certificate.
//
// Throws std::runtime_error where OpenSSL fails. Thread rule: as std::filesystem::path.
#pragma once

#include "support/temp_dir.hpp"

#include <array>
#include <filesystem>
#include <string_view>

namespace envoyou::testing {

enum class CertificateKind {
  kGood,
  kExpired,         // since an hour
  kNotYetValid,     // from tomorrow
  kWrongHost,       // DNS:other.example, IP:192.0.2.1
  kCommonNameOnly,  // CN=localhost, no subject alternative name
  kWrongUsage,      // extended key usage clientAuth alone
  kOtherCa,         // good in all but the signer
  kSelfSigned,      // good in all but that nobody signed it
  kWildcard,        // DNS:*.cache.example
  kShortLived,      // good for three seconds
  kOtherClient,     // as kClient, but signed by another CA
  kClient,          // extended key usage clientAuth, CN=client; signed by the CA
};

inline constexpr std::array kBadServerCertificates{
    CertificateKind::kExpired,        CertificateKind::kNotYetValid, CertificateKind::kWrongHost,
    CertificateKind::kCommonNameOnly, CertificateKind::kWrongUsage,  CertificateKind::kOtherCa,
    CertificateKind::kSelfSigned,
};

// "expired", "wrong_host", …: for test names and messages.
std::string_view to_string(CertificateKind kind);

// PEM files, absolute paths.
struct CertificateFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

class Certificates {
 public:
  // Makes them all; about ten milliseconds.
  Certificates();

  std::filesystem::path ca() const { return dir_ / "ca.pem"; }
  // Of kOtherCa and kOtherClient.
  std::filesystem::path other_ca() const { return dir_ / "other-ca.pem"; }
  CertificateFiles files(CertificateKind kind) const;

 private:
  TempDir dir_{"certificates"};
};

}  // namespace envoyou::testing
