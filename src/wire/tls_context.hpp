// What all TLS connections to one peer have in common: versions, trust, the name to be checked, a client certificate,
// and the sessions to be resumed. One SSL_CTX a dialer; nothing of OpenSSL that belongs to the process is touched.
//
//   TLS 1.2 or later, no renegotiation, no compression; the chain verified for server authentication; host name or
//   address found in subjectAltName alone, without partial wildcards.
//
// Thread rule: `make` and `connection` on the dialer's thread; sessions arrive on whichever thread reads a stream, so
// they are under a lock.
#pragma once

#include "wire/dialer.hpp"
#include "wire/tls_bio.hpp"
#include "wire/tls_failure.hpp"

#include <envoyou/result.hpp>

#include <openssl/ssl.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>

namespace envoyou::wire {

struct FreeSsl {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL* connection) const noexcept { SSL_free(connection); }
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
using SslPtr = std::unique_ptr<SSL, FreeSsl>;

class SystemTrust {
 public:
  // The same one each time. Errors: kTls, and then tried anew the next time.
  Result<X509_STORE*> store();

 private:
  struct Free {
    void operator()(X509_STORE* store) const noexcept { X509_STORE_free(store); }
  };
  std::mutex mutex_;
  std::unique_ptr<X509_STORE, Free> store_;  // guarded by mutex_
};

class TlsContext {
 public:
  static constexpr std::size_t kMaxSessions = 4;

  // Errors: kTls for files that can not be used; kInvalidArgument.
  static Result<std::shared_ptr<TlsContext>> make(const PeerSettings& peer);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Ready for SSL_connect. REQUIRES: `socket` and `verdict` outlive it. Null: no memory.
  SslPtr connection(TlsSocket& socket, TlsVerdict& verdict);
  // After a handshake that failed: what was resumed may be the reason.
  void forget_sessions();

 private:
  using SessionPtr = std::unique_ptr<SSL_SESSION, FreeSsl>;

  TlsContext() = default;
  Result<void> use_name(const PeerSettings& peer);
  Result<void> use_trust(const PeerSettings& peer);
  Result<void> use_certificate(const TlsSettings& settings);
  void keep_sessions() noexcept;
  SessionPtr take_session();
  static int on_verify(int ok, X509_STORE_CTX* store) noexcept;
  static int on_new_session(SSL* connection, SSL_SESSION* session) noexcept;

  BioMethodPtr bio_method_;
  std::unique_ptr<SSL_CTX, FreeSsl> context_;
  std::string host_;  // that is checked
  std::string sni_;   // empty: the host is an address
  std::mutex mutex_;
  std::deque<SessionPtr> sessions_;  // guarded by mutex_; the newest last
};

}  // namespace envoyou::wire
