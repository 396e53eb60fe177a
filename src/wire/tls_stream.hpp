// A stream under TLS: a plain one, a handshake over it, then records.
//
//   connecting --> handshaking --> ready --> failed
//        '--------------'---------------------^
//
// TLS may want to write in order to read (an answer to a key update), so `read` may answer kWantWrite.
//
// What OpenSSL has encrypted and the socket has not taken is held (tls_bio.hpp). Those bytes count as written only when
// they have left: until then `write` answers kWantWrite, and the same bytes that are offered again are not encrypted
// twice.
//
// Confined to one thread at a time; the calls may come from different threads if their order is established.
#pragma once

#include "wire/socket_stream.hpp"
#include "wire/stream.hpp"
#include "wire/tls_context.hpp"

#include <memory>
#include <string>

namespace envoyou::wire {

class TlsStream final : public Stream {
 public:
  TlsStream(std::unique_ptr<SocketStream> socket, std::shared_ptr<TlsContext> context) noexcept;
  // Says goodbye (close_notify) if the socket takes it at once.
  ~TlsStream() override;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  int descriptor() const noexcept override { return socket_->descriptor(); }
  Progress advance() override;
  IoResult read(std::span<char> into) override;
  // Also while something is to be sent that a read has brought forth: it goes with the next.
  bool holds_more() const noexcept override {
    return !io_.drained || !io_.held.empty() || SSL_has_pending(ssl_.get()) == 1;
  }
  IoResult read_waiting(std::span<char> into) override;
  IoResult write(std::string_view bytes) override;
  bool resumed() const noexcept override { return state_ == State::kReady && SSL_session_reused(ssl_.get()) == 1; }
  Error failure() const override;

 private:
  enum class State : unsigned char { kConnecting, kHandshaking, kReady, kFailed };

  Progress connect();
  Progress begin_handshake();
  Progress shake_hands();
  Progress refuse_handshake(int code);
  IoResult flush(IoResult when_sent, std::string_view verb);
  IoResult lose(std::string_view verb);
  IoResult judge(int result, std::string_view verb);
  std::string what_happened(int code) const;
  Error named(Errc code, std::string_view message) const;
  void fail(Errc code, std::string_view message);

  std::unique_ptr<SocketStream> socket_;
  std::shared_ptr<TlsContext> context_;
  State state_ = State::kConnecting;
  bool may_wait_ = false;
  TlsSocket io_;
  TlsVerdict verdict_;
  std::size_t encrypted_ = 0;  // of the caller's bytes: not yet reported as written
  SslPtr ssl_;                 // after what it points to, so it goes first
  Error failure_{Errc::kOk};
};

}  // namespace envoyou::wire
