#include "tls_peer.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <stdexcept>

namespace envoyou::testing {
namespace {

constexpr timeval kPatience{5, 0};

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("TlsPeer cannot ") + what);
}

std::string common_name_of(SSL* connection) {
  X509* const certificate = SSL_get1_peer_certificate(connection);
  if (certificate == nullptr) return {};
  std::array<char, 64> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(), name.size());
  X509_free(certificate);
  return name.data();
}

}  // namespace

TlsPeer::TlsPeer(const TlsPeerOptions& options, Talk talk)
    : context_(SSL_CTX_new(TLS_server_method())), talk_(std::move(talk)), listener_(listen_on(0)) {
  SSL_CTX* const context = context_.get();
  require(context != nullptr, "make a context");
  SSL_CTX_set_security_level(context, 0);  // else OpenSSL has no TLS 1.1 to offer
  require(SSL_CTX_set_min_proto_version(context, options.min_version) == 1 &&
              SSL_CTX_set_max_proto_version(context, options.max_version) == 1,
          "set versions");
  require(SSL_CTX_use_certificate_chain_file(context, options.files.certificate.c_str()) == 1 &&
              SSL_CTX_use_PrivateKey_file(context, options.files.key.c_str(), SSL_FILETYPE_PEM) == 1,
          "use its certificate");
  static constexpr unsigned char kSessionContext[] = "peer";
  SSL_CTX_set_session_id_context(context, kSessionContext, sizeof kSessionContext);
  if (!options.client_ca.empty()) {
    require(SSL_CTX_load_verify_file(context, options.client_ca.c_str()) == 1, "use the client CA");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  thread_ = std::thread([this] { serve(); });
}

TlsPeer::~TlsPeer() {
  stopping_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

std::vector<TlsHandshake> TlsPeer::handshakes() const {
  const std::lock_guard lock(mutex_);
  return handshakes_;
}

void TlsPeer::serve() {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);  // this thread writes as OpenSSL does; the library under test must not
  while (!stopping_) {
    const Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket) serve_one(socket.get());
  }
}

void TlsPeer::serve_one(int socket) {
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  const int at_once = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  SSL* const connection = SSL_new(context_.get());
  SSL_set_fd(connection, socket);
  ERR_clear_error();
  TlsHandshake handshake;
  handshake.done = SSL_accept(connection) == 1;
  if (handshake.done) {
    handshake.resumed = SSL_session_reused(connection) == 1;
    handshake.version = SSL_version(connection);
    handshake.client_name = common_name_of(connection);
    if (const char* name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name)) handshake.sni = name;
  }
  {
    const std::lock_guard lock(mutex_);
    handshakes_.push_back(handshake);
  }
  if (handshake.done) {
    talk_(connection);
    SSL_shutdown(connection);
  }
  SSL_free(connection);
}

std::string TlsPeer::read(SSL* connection, std::size_t size) {
  std::string all;
  std::array<char, 16384> buffer;
  while (all.size() < size) {
    const int got = SSL_read(connection, buffer.data(), static_cast<int>(std::min(buffer.size(), size - all.size())));
    if (got <= 0) break;
    all.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return all;
}

bool TlsPeer::write(SSL* connection, const std::string& bytes) {
  return SSL_write(connection, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
}

void TlsPeer::echo(SSL* connection) {
  std::array<char, 16384> buffer;
  for (;;) {
    const int got = SSL_read(connection, buffer.data(), static_cast<int>(buffer.size()));
    if (got <= 0 || !write(connection, std::string(buffer.data(), static_cast<std::size_t>(got)))) return;
  }
}

void TlsPeer::cut(SSL* connection) {
  SSL_set_quiet_shutdown(connection, 1);
  ::shutdown(SSL_get_fd(connection), SHUT_RDWR);
}

}  // namespace envoyou::testing
