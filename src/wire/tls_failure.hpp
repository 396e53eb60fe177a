// OpenSSL's failures in words that tell an operator what to mend: which certificate, which name, which file.
//
// Thread-compatible. Names out of a certificate are quoted: they are the peer's bytes.
#pragma once

#include <openssl/x509_vfy.h>

#include <string>

namespace envoyou::wire {

// What the verification of one connection found first; empty while it found nothing.
struct TlsVerdict {
  std::string host;  // that the certificate must name
  std::string refused;
};

// "certificate has expired", "certificate is not for cache.example, but for other.example".
std::string describe_refusal(X509_STORE_CTX* store, const std::string& host);

// Takes the oldest entry of this thread's error queue, which is the cause of the others, and empties the queue.
std::string take_tls_error();

}  // namespace envoyou::wire
