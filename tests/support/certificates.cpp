#include "support/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace envoyou::testing {
namespace {

constexpr long kHour = 3600;
constexpr long kDay = 24 * kHour;
constexpr long kShortLife = 3;

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using File = std::unique_ptr<std::FILE, Deleter<std::fclose>>;

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("OpenSSL cannot ") + what);
}

struct Signer {
  Key key;
  Certificate certificate;
};

// What tells the kinds of certificate apart; the defaults are those of the good one.
struct Recipe {
  std::string common_name = "envoyou test server";
  std::string alternative_names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  std::string usage = "serverAuth";
  long from = -kDay;
  long until = 30 * kDay;
  bool is_ca = false;
};

Recipe recipe_for(CertificateKind kind) {
  Recipe recipe;
  switch (kind) {
    case CertificateKind::kExpired: recipe.until = -kHour; break;
    case CertificateKind::kNotYetValid: recipe.from = kDay; break;
    case CertificateKind::kWrongHost: recipe.alternative_names = "DNS:other.example,IP:192.0.2.1"; break;
    case CertificateKind::kCommonNameOnly:
      recipe.common_name = "localhost";
      recipe.alternative_names.clear();
      break;
    case CertificateKind::kWrongUsage: recipe.usage = "clientAuth"; break;
    case CertificateKind::kWildcard: recipe.alternative_names = "DNS:*.cache.example"; break;
    case CertificateKind::kShortLived: recipe.until = kShortLife; break;
    case CertificateKind::kClient:
    case CertificateKind::kOtherClient:
      recipe.common_name = "client";
      recipe.alternative_names.clear();
      recipe.usage = "clientAuth";
      break;
    case CertificateKind::kGood:
    case CertificateKind::kOtherCa:
    case CertificateKind::kSelfSigned: break;
  }
  return recipe;
}

void set_random_serial(X509* certificate) {
  std::uint64_t number = 0;
  unsigned char bytes[sizeof(number)];
  require(RAND_bytes(bytes, sizeof(bytes)) == 1, "make a serial number");
  for (const unsigned char byte : bytes) number = (number << 8) | byte;
  require(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number) == 1, "set a serial number");
}

void set_subject(X509* certificate, const std::string& common_name) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = static_cast<const unsigned char*>(static_cast<const void*>(common_name.data()));
  require(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, text, static_cast<int>(common_name.size()),
                                     -1, 0) == 1,
          "set a name");
}

void add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
  require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "add an extension");
}

void add_extensions(X509* certificate, X509* issuer, const Recipe& recipe) {
  add_extension(certificate, issuer, NID_basic_constraints, recipe.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  add_extension(certificate, issuer, NID_key_usage,
                recipe.is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
  if (recipe.is_ca) return;
  add_extension(certificate, issuer, NID_authority_key_identifier, "keyid");
  add_extension(certificate, issuer, NID_ext_key_usage, recipe.usage);
  add_extension(certificate, issuer, NID_subject_alt_name, recipe.alternative_names);
}

// OpenSSL's EVP_EC_gen is a macro that casts const away.
Key make_key() {
  EVP_PKEY* key = nullptr;
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  EVP_PKEY_keygen_init(context);
  EVP_PKEY_CTX_set_group_name(context, "P-256");
  EVP_PKEY_generate(context, &key);
  EVP_PKEY_CTX_free(context);
  return Key(key);
}

// Without a `signer` the certificate signs itself.
Signer make(const Recipe& recipe, const Signer* signer) {
  Signer made{make_key(), Certificate(X509_new())};
  require(made.key != nullptr && made.certificate != nullptr, "make a key");
  X509* certificate = made.certificate.get();
  X509* issuer = signer != nullptr ? signer->certificate.get() : certificate;
  X509_set_version(certificate, X509_VERSION_3);
  set_random_serial(certificate);
  X509_gmtime_adj(X509_getm_notBefore(certificate), recipe.from);
  X509_gmtime_adj(X509_getm_notAfter(certificate), recipe.until);
  set_subject(certificate, recipe.common_name);
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  X509_set_pubkey(certificate, made.key.get());
  add_extensions(certificate, issuer, recipe);
  EVP_PKEY* signing_key = signer != nullptr ? signer->key.get() : made.key.get();
  require(X509_sign(certificate, signing_key, EVP_sha256()) > 0, "sign a certificate");
  return made;
}

File open_for_writing(const std::filesystem::path& path) {
  File file(std::fopen(path.c_str(), "w"));
  if (!file) throw std::runtime_error("cannot write " + path.string());
  return file;
}

void save(const Signer& made, const CertificateFiles& files) {
  const File certificate = open_for_writing(files.certificate);
  require(PEM_write_X509(certificate.get(), made.certificate.get()) == 1, "write a certificate");
  const File key = open_for_writing(files.key);
  require(PEM_write_PrivateKey(key.get(), made.key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "write a key");
}

Signer make_ca(const std::string& name) { return make({.common_name = name, .is_ca = true}, nullptr); }

}  // namespace

std::string_view to_string(CertificateKind kind) {
  switch (kind) {
    case CertificateKind::kGood: return "good";
    case CertificateKind::kExpired: return "expired";
    case CertificateKind::kNotYetValid: return "not_yet_valid";
    case CertificateKind::kWrongHost: return "wrong_host";
    case CertificateKind::kCommonNameOnly: return "common_name_only";
    case CertificateKind::kWrongUsage: return "wrong_usage";
    case CertificateKind::kOtherCa: return "other_ca";
    case CertificateKind::kSelfSigned: return "self_signed";
    case CertificateKind::kWildcard: return "wildcard";
    case CertificateKind::kShortLived: return "short_lived";
    case CertificateKind::kOtherClient: return "other_client";
    case CertificateKind::kClient: return "client";
  }
  return "unknown";
}

Certificates::Certificates() {
  const Signer ca = make_ca("envoyou test CA");
  const Signer other_ca = make_ca("another CA");
  save(ca, {this->ca(), dir_ / "ca-key.pem"});
  save(other_ca, {this->other_ca(), dir_ / "other-ca-key.pem"});
  for (int index = 0; index <= static_cast<int>(CertificateKind::kClient); ++index) {
    const auto kind = static_cast<CertificateKind>(index);
    const Signer* signer = &ca;
    if (kind == CertificateKind::kOtherCa || kind == CertificateKind::kOtherClient) signer = &other_ca;
    if (kind == CertificateKind::kSelfSigned) signer = nullptr;
    save(make(recipe_for(kind), signer), files(kind));
  }
}

CertificateFiles Certificates::files(CertificateKind kind) const {
  const std::string name(to_string(kind));
  return {dir_ / (name + ".pem"), dir_ / (name + "-key.pem")};
}

}  // namespace envoyou::testing
