#include "wire/tls_context.hpp"

#include "base/bytes.hpp"
#include "wire/socket.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <new>
#include <utility>

namespace envoyou::wire {

namespace {

constexpr std::size_t kMaxHostName = 253;
constexpr int kAppData = 0;  // the index that OpenSSL leaves to the owner of an object

// OpenSSL's own, but AES with 128 bits first, which others (Go, BoringSSL) prefer as well: as strong as the P-256 keys
// that the links agree on, and cheaper on both sides. The server has the last word.
constexpr const char* kCiphersuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

Error unusable(std::string_view field, const std::string& file) {
  return Error(Errc::kTls,
               "tls." + std::string(field) + ": cannot use " + base::printable(file) + ": " + take_tls_error());
}

// OpenSSL's own would ask at the terminal.
int refuse_passphrase(char* /*into*/, int /*size*/, int /*writing*/, void* /*data*/) noexcept { return -1; }

bool is_host_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > kMaxHostName) return false;
  for (const char c : name) {
    const bool allowed =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
    if (!allowed) return false;
  }
  return name.front() != '.' && name.back() != '.';
}

// A session that is resumed is not verified again: it must not outlive the certificate that it was made with.
bool is_still_certified(const SSL_SESSION* session) noexcept {
  const X509* const peer = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session));
  return peer == nullptr || X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
}

}  // namespace

std::shared_ptr<SystemTrust> make_system_trust() { return std::make_shared<SystemTrust>(); }

Result<X509_STORE*> SystemTrust::store() {
  const std::lock_guard lock(mutex_);
  if (store_ != nullptr) return store_.get();
  ERR_clear_error();
  std::unique_ptr<X509_STORE, Free> made(X509_STORE_new());
  if (made == nullptr || X509_STORE_set_default_paths(made.get()) != 1) {
    return Error(Errc::kTls, "tls: the system's trust store: " + take_tls_error());
  }
  store_ = std::move(made);
  return store_.get();
}

Result<std::shared_ptr<TlsContext>> TlsContext::make(const PeerSettings& peer) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->bio_method_ = make_socket_bio_method();
  made->context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = made->context_.get();
  if (context == nullptr || made->bio_method_ == nullptr) {
    return Error(Errc::kTls, "tls: " + take_tls_error());
  }
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
    return Error(Errc::kTls, "tls: " + take_tls_error());
  }
  if (SSL_CTX_set_ciphersuites(context, kCiphersuites) != 1) return Error(Errc::kTls, "tls: " + take_tls_error());
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);  // else each record costs two reads of the socket
  made->keep_sessions();
  if (auto named = made->use_name(peer); !named) return named.error();
  if (auto trusted = made->use_trust(peer); !trusted) return trusted.error();
  if (auto certified = made->use_certificate(peer.tls); !certified) return certified.error();
  return made;
}

Result<void> TlsContext::use_name(const PeerSettings& peer) {
  host_ = peer.tls.server_name.empty() ? peer.host : peer.tls.server_name;
  if (host_.empty() || (!peer.unix_socket.empty() && peer.tls.server_name.empty())) {
    if (peer.tls.insecure_skip_verification) return {};
    return invalid_argument("tls.server_name", "must be given, since a Unix socket names no host");
  }
  X509_VERIFY_PARAM* const rules = SSL_CTX_get0_param(context_.get());
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_SERVER);
  if (is_numeric(host_)) {
    host_.resize(std::min(host_.size(), host_.find('%')));
    if (X509_VERIFY_PARAM_set1_ip_asc(rules, host_.c_str()) == 1) return {};
    return Error(Errc::kTls, "tls.server_name: " + take_tls_error());
  }
  if (host_.size() > 1 && host_.back() == '.') host_.pop_back();
  if (!is_host_name(host_)) {
    return invalid_argument("tls.server_name", "not a host name: " + base::printable(host_));
  }
  sni_ = host_;
  if (X509_VERIFY_PARAM_set1_host(rules, host_.data(), host_.size()) == 1) return {};
  return Error(Errc::kTls, "tls.server_name: " + take_tls_error());
}

Result<void> TlsContext::use_trust(const PeerSettings& peer) {
  const TlsSettings& settings = peer.tls;
  if (settings.insecure_skip_verification) {
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_NONE, nullptr);
    return {};
  }
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, &TlsContext::on_verify);
  if (settings.ca_file.empty() && peer.trust != nullptr) {
    const auto store = peer.trust->store();
    if (!store) return store.error();
    SSL_CTX_set1_cert_store(context_.get(), *store);
    return {};
  }
  if (settings.ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context_.get()) == 1) return {};
    return Error(Errc::kTls, "tls: the system's trust store: " + take_tls_error());
  }
  if (SSL_CTX_load_verify_file(context_.get(), settings.ca_file.c_str()) == 1) return {};
  return unusable("ca_file", settings.ca_file);
}

Result<void> TlsContext::use_certificate(const TlsSettings& settings) {
  if (settings.certificate_file.empty() != settings.key_file.empty()) {
    const bool no_key = settings.key_file.empty();
    return invalid_argument(no_key ? "tls.key_file" : "tls.certificate_file",
                            no_key ? "must be given with tls.certificate_file" : "must be given with tls.key_file");
  }
  if (settings.certificate_file.empty()) return {};
  SSL_CTX* const context = context_.get();
  SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
  if (SSL_CTX_use_certificate_chain_file(context, settings.certificate_file.c_str()) != 1) {
    return unusable("certificate_file", settings.certificate_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return unusable("key_file", settings.key_file);
  }
  return {};
}

void TlsContext::keep_sessions() noexcept {
  SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_ex_data(context_.get(), kAppData, this);
  SSL_CTX_sess_set_new_cb(context_.get(), &TlsContext::on_new_session);
}

SslPtr TlsContext::connection(TlsSocket& socket, TlsVerdict& verdict) {
  ERR_clear_error();
  SslPtr made(SSL_new(context_.get()));
  BIO* const bio = made == nullptr ? nullptr : make_socket_bio(bio_method_.get(), &socket);
  if (bio == nullptr) return nullptr;
  SSL_set_bio(made.get(), bio, bio);
  verdict.host = host_;
  SSL_set_ex_data(made.get(), kAppData, &verdict);
  // SSL_set_tlsext_host_name without its cast.
  if (!sni_.empty() &&
      SSL_ctrl(made.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sni_.data()) != 1) {
    return nullptr;
  }
  if (const auto session = take_session()) SSL_set_session(made.get(), session.get());
  return made;
}

int TlsContext::on_verify(int ok, X509_STORE_CTX* store) noexcept {
  if (ok == 1) return ok;
  const int index = SSL_get_ex_data_X509_STORE_CTX_idx();
  const auto* const connection = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, index));
  auto* const verdict = static_cast<TlsVerdict*>(SSL_get_ex_data(connection, kAppData));
  try {
    if (verdict->refused.empty()) verdict->refused = describe_refusal(store, verdict->host);
  } catch (const std::bad_alloc&) {
    return 0;  // refused all the same, in fewer words
  }
  return 0;
}

// Returning 1 says that the session's reference is ours now.
int TlsContext::on_new_session(SSL* connection, SSL_SESSION* session) noexcept {
  auto* const self = static_cast<TlsContext*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), kAppData));
  const std::lock_guard lock(self->mutex_);
  try {
    self->sessions_.emplace_back();
  } catch (const std::bad_alloc&) {
    return 0;
  }
  self->sessions_.back().reset(session);
  if (self->sessions_.size() > kMaxSessions) self->sessions_.pop_front();
  return 1;
}

// A ticket of TLS 1.3 is for one use (RFC 8446, appendix C.4), so that connections can not be told to be of one client.
TlsContext::SessionPtr TlsContext::take_session() {
  const std::lock_guard lock(mutex_);
  while (!sessions_.empty()) {
    SSL_SESSION* const newest = sessions_.back().get();
    const bool usable = SSL_SESSION_is_resumable(newest) == 1 && is_still_certified(newest);
    const bool once = SSL_SESSION_get_protocol_version(newest) >= TLS1_3_VERSION;
    if (usable && !once) {
      SSL_SESSION_up_ref(newest);
      return SessionPtr(newest);
    }
    SessionPtr taken = std::move(sessions_.back());
    sessions_.pop_back();
    if (usable) return taken;
  }
  return nullptr;
}

void TlsContext::forget_sessions() {
  const std::lock_guard lock(mutex_);
  sessions_.clear();
}

}  // namespace envoyou::wire
