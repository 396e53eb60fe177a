#include "wire/tls_stream.hpp"

#include <openssl/err.h>

#include <utility>

namespace envoyou::wire {

TlsStream::TlsStream(std::unique_ptr<SocketStream> socket, std::shared_ptr<TlsContext> context) noexcept
    : socket_(std::move(socket)), context_(std::move(context)) {}

// Without the goodbye OpenSSL would also strike the connection's session off those that can be resumed.
TlsStream::~TlsStream() {
  if (state_ != State::kReady) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

Progress TlsStream::advance() {
  switch (state_) {
    case State::kConnecting: return connect();
    case State::kHandshaking: return shake_hands();
    case State::kReady: return Progress::kReady;
    case State::kFailed: break;
  }
  return Progress::kFailed;
}

Progress TlsStream::connect() {
  const Progress progress = socket_->advance();
  if (progress == Progress::kReady) return begin_handshake();
  if (progress == Progress::kFailed) {
    state_ = State::kFailed;
    failure_ = socket_->failure();
  }
  return progress;
}

Progress TlsStream::begin_handshake() {
  io_.descriptor = socket_->descriptor();
  ssl_ = context_->connection(io_, verdict_);
  if (ssl_ == nullptr) {
    fail(Errc::kTls, take_tls_error());
    return Progress::kFailed;
  }
  state_ = State::kHandshaking;
  return shake_hands();
}

Progress TlsStream::shake_hands() {
  ERR_clear_error();
  const int result = SSL_connect(ssl_.get());
  const int code = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
  const bool goes_on = result == 1 || code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE;
  if (!goes_on || !io_.flush()) return refuse_handshake(code);
  if (!io_.held.empty() || code == SSL_ERROR_WANT_WRITE) return Progress::kWantWrite;
  if (result != 1) return Progress::kWantRead;
  state_ = State::kReady;
  return Progress::kReady;
}

Progress TlsStream::refuse_handshake(int code) {
  context_->forget_sessions();
  const std::string why = what_happened(code);
  fail(Errc::kTls, verdict_.refused.empty() ? "handshake: " + why : verdict_.refused);
  return Progress::kFailed;
}

IoResult TlsStream::read(std::span<char> into) {
  if (state_ != State::kReady) return {IoResult::Kind::kFailed};
  ERR_clear_error();
  std::size_t got = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  if (result == 1) return {IoResult::Kind::kDone, got};
  const IoResult why = judge(result, "read: ");
  // With bytes of the caller's underway he waits for room anyhow, and must not stop reading for it.
  return why.kind == IoResult::Kind::kWantRead && encrypted_ == 0 ? flush(why, "read: ") : why;
}

IoResult TlsStream::read_waiting(std::span<char> into) {
  if (state_ == State::kReady && !may_wait_) may_wait_ = allow_waiting(io_.descriptor);
  io_.waits = may_wait_;
  const IoResult got = read(into);
  io_.waits = false;
  return got;
}

IoResult TlsStream::write(std::string_view bytes) {
  if (state_ != State::kReady) return {IoResult::Kind::kFailed};
  if (bytes.empty()) return {IoResult::Kind::kDone, 0};
  if (encrypted_ == 0) {
    const IoResult room = flush({IoResult::Kind::kDone}, "write: ");
    if (room.kind != IoResult::Kind::kDone) return room;
    ERR_clear_error();
    std::size_t taken = 0;
    const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &taken);
    if (result != 1 && io_.error != 0) return lose("write: ");
    if (result != 1) return judge(result, "write: ");
    encrypted_ = taken;
  }
  const IoResult sent = flush({IoResult::Kind::kDone, encrypted_}, "write: ");
  if (sent.kind == IoResult::Kind::kDone) encrypted_ = 0;
  return sent;
}

// `when_sent` if nothing is held any more.
IoResult TlsStream::flush(IoResult when_sent, std::string_view verb) {
  if (!io_.flush()) return lose(verb);
  return io_.held.empty() ? when_sent : IoResult{IoResult::Kind::kWantWrite};
}

// A peer that refuses our certificate says so and closes, which with TLS 1.3 comes after the handshake: what fails then
// may be a write, with the reason still to be read.
IoResult TlsStream::lose(std::string_view verb) {
  const std::string why = describe_errno(std::exchange(io_.error, 0));
  ERR_clear_error();
  char byte = 0;
  std::size_t got = 0;
  const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &got);
  const bool has_last_words = result != 1 && !io_.ended && SSL_get_error(ssl_.get(), result) == SSL_ERROR_SSL;
  const std::string what = has_last_words ? take_tls_error() : why;
  ERR_clear_error();
  fail(has_last_words ? Errc::kTls : Errc::kConnectionLost, std::string(verb) + what);
  return {IoResult::Kind::kFailed};
}

IoResult TlsStream::judge(int result, std::string_view verb) {
  const int code = SSL_get_error(ssl_.get(), result);
  if (code == SSL_ERROR_WANT_READ) return {IoResult::Kind::kWantRead};
  if (code == SSL_ERROR_WANT_WRITE) return {IoResult::Kind::kWantWrite};
  if (code == SSL_ERROR_ZERO_RETURN) {
    fail(Errc::kConnectionLost, std::string(verb) + "closed by the peer");
    return {IoResult::Kind::kClosed};
  }
  // An alert of the peer, as for a client certificate that it misses, comes with TLS 1.3 only after the handshake.
  const bool socket_went = io_.error != 0 || io_.ended;
  fail(socket_went ? Errc::kConnectionLost : Errc::kTls, std::string(verb) + what_happened(code));
  return {IoResult::Kind::kFailed};
}

std::string TlsStream::what_happened(int code) const {
  if (io_.error != 0) {
    ERR_clear_error();
    return describe_errno(io_.error);
  }
  if (io_.ended && code == SSL_ERROR_SYSCALL) return "closed by the peer";
  return take_tls_error();
}

Error TlsStream::failure() const {
  if (state_ == State::kConnecting) return socket_->failure();
  if (state_ != State::kHandshaking) return failure_;
  return named(Errc::kTls, "handshake: no answer yet (a server without TLS is silent like this)");
}

Error TlsStream::named(Errc code, std::string_view message) const {
  std::string text("tls " + socket_->name() + ": ");
  return Error(code, text.append(message));
}

void TlsStream::fail(Errc code, std::string_view message) {
  state_ = State::kFailed;
  failure_ = named(code, message);
}

}  // namespace envoyou::wire
