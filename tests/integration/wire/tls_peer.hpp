// A TLS server of the test's own, by OpenSSL, for what a redis-server does not do on request: key updates, old
// versions, an end without a goodbye, telling whether a session was resumed.
//
// One connection after the other, on a thread; each is given to a function of the test once its handshake is done,
// and closed when that returns. Throws std::runtime_error where it can not be set up.
#pragma once

#include "support/certificates.hpp"
#include "testing/sockets.hpp"

#include <openssl/ssl.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace envoyou::testing {

struct TlsPeerOptions {
  CertificateFiles files{};
  std::filesystem::path client_ca{};  // set: a client certificate is asked for, and missed
  int min_version = TLS1_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string ciphers{};  // empty: OpenSSL's own
};

struct TlsHandshake {
  bool done = false;
  bool resumed = false;
  int version = 0;
  std::string sni{};
  std::string client_name{};  // the certificate's common name
};

class TlsPeer {
 public:
  using Talk = std::function<void(SSL* connection)>;

  TlsPeer(const TlsPeerOptions& options, Talk talk);
  ~TlsPeer();
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  std::uint16_t port() const { return local_port(listener_); }
  std::vector<TlsHandshake> handshakes() const;

  // Reads until `size` bytes have come; less at the end.
  static std::string read(SSL* connection, std::size_t size);
  static bool write(SSL* connection, const std::string& bytes);
  // Sends back all that comes until the end.
  static void echo(SSL* connection);
  // Ends the connection under TLS, without a close_notify.
  static void cut(SSL* connection);

 private:
  struct FreeContext {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };

  void serve();
  void serve_one(int socket);

  std::unique_ptr<SSL_CTX, FreeContext> context_;
  Talk talk_;
  Fd listener_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<TlsHandshake> handshakes_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace envoyou::testing
