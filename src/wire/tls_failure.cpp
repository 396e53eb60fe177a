#include "wire/tls_failure.hpp"

#include "base/bytes.hpp"
#include "wire/socket.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>

namespace envoyou::wire {

namespace {

constexpr int kMaxNamesShown = 4;

struct FreeNames {
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};

std::string text_of(const ASN1_STRING* string) {
  const auto* const bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(string));
  return {bytes, static_cast<std::size_t>(ASN1_STRING_length(string))};
}

// Empty for kinds of names that no host is checked against.
std::string host_of(const GENERAL_NAME* name) {
  if (name->type == GEN_DNS) return base::printable(text_of(name->d.dNSName));
  if (name->type != GEN_IPADD) return {};
  const std::string bytes = text_of(name->d.iPAddress);
  char text[INET6_ADDRSTRLEN] = "";
  const int family = bytes.size() == sizeof(in_addr) ? AF_INET : AF_INET6;
  if (family == AF_INET6 && bytes.size() != sizeof(in6_addr)) return {};
  return inet_ntop(family, bytes.data(), text, sizeof text) == nullptr ? "" : text;
}

std::string hosts_named_by(const X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, FreeNames> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string list;
  int shown = 0;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const std::string host = host_of(sk_GENERAL_NAME_value(names.get(), i));
    if (host.empty()) continue;
    if (shown++ == kMaxNamesShown) return list + ", ...";
    list += list.empty() ? host : ", " + host;
  }
  return list;
}

std::string describe_mismatch(const X509* certificate, const std::string& host) {
  const std::string hosts = certificate == nullptr ? "" : hosts_named_by(certificate);
  if (hosts.empty()) {
    return "certificate names no host in subjectAltName, so not '" + host + "' (a common name does not count)";
  }
  return "certificate is not for host '" + host + "', but for " + hosts;
}

std::string describe_tls_reason(unsigned long code) {
  switch (ERR_GET_REASON(code)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST: return "peer does not speak TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return "peer offers no TLS 1.2 or later";
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return "closed by the peer";
#endif
    default: break;
  }
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? "unknown TLS failure" : reason;
}

}  // namespace

std::string describe_refusal(X509_STORE_CTX* store, const std::string& host) {
  const int code = X509_STORE_CTX_get_error(store);
  switch (code) {
    case X509_V_ERR_CERT_NOT_YET_VALID: return "certificate is not yet valid";
    case X509_V_ERR_CERT_HAS_EXPIRED: return "certificate has expired";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return describe_mismatch(X509_STORE_CTX_get0_cert(store), host);
    case X509_V_ERR_INVALID_PURPOSE: return "certificate is not meant for servers (wrong extended key usage)";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return "certificate is self-signed";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE: break;
    default: return std::string("certificate refused: ") + X509_verify_cert_error_string(code);
  }
  return std::string("certificate is signed by an unknown CA (") + X509_verify_cert_error_string(code) + ")";
}

std::string take_tls_error() {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (code == 0) return "unknown TLS failure";
  if (ERR_SYSTEM_ERROR(code)) return describe_errno(ERR_GET_REASON(code));
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) return describe_tls_reason(code);
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? "unknown OpenSSL failure" : reason;
}

}  // namespace envoyou::wire
