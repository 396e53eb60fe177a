#include "wire/dialer.hpp"

#include "wire/name_dial.hpp"
#include "wire/socket.hpp"
#include "wire/socket_stream.hpp"
#include "wire/tls_renewal.hpp"
#include "wire/tls_stream.hpp"

#include <optional>
#include <utility>

namespace envoyou::wire {

namespace {

std::string describe(const PeerSettings& peer) {
  if (!peer.unix_socket.empty()) return peer.unix_socket;
  const bool bracketed = peer.host.find(':') != std::string::npos;
  return (bracketed ? "[" + peer.host + "]" : peer.host) + ":" + std::to_string(peer.port);
}

// `fixed` is the address where it is known without asking a name server.
class SocketDialer final : public Dialer {
 public:
  SocketDialer(PeerSettings peer, std::optional<Address> fixed, std::optional<TlsRenewal> tls,
               std::function<void()> wake)
      : peer_(std::move(peer)), fixed_(fixed), tls_(std::move(tls)), waker_(std::make_shared<Waker>(std::move(wake))) {}
  ~SocketDialer() override { waker_->close(); }
  SocketDialer(const SocketDialer&) = delete;
  SocketDialer& operator=(const SocketDialer&) = delete;

  std::unique_ptr<Stream> dial() override {
    auto stream = plain();
    if (!tls_) return stream;
    return std::make_unique<TlsStream>(std::move(stream), tls_->context());
  }

  std::optional<Error> take_complaint() override { return tls_ ? tls_->take_complaint() : std::nullopt; }

 private:
  std::unique_ptr<SocketStream> plain() {
    if (fixed_) return std::make_unique<SocketStream>(describe(peer_), *fixed_);
    return std::make_unique<SocketStream>(describe(peer_),
                                          std::make_unique<NameDial>(peer_.host, peer_.port, waker_, threads_));
  }

  const PeerSettings peer_;
  const std::optional<Address> fixed_;
  std::optional<TlsRenewal> tls_;  // none was asked for: plain
  const std::shared_ptr<Waker> waker_;
  const std::shared_ptr<NameDial::ThreadCount> threads_ = std::make_shared<NameDial::ThreadCount>(0);
};

Result<std::optional<Address>> fixed_address(const PeerSettings& peer) {
  if (!peer.unix_socket.empty()) {
    return unix_address(peer.unix_socket).transform([](Address a) { return std::optional(a); });
  }
  if (peer.port == 0) return invalid_argument("port", "must be 1 to 65535, got 0");
  if (peer.host.empty() || peer.host.find('\0') != std::string::npos) {
    return invalid_argument("host", "must be a name or an address");
  }
  if (!is_numeric(peer.host)) return std::optional<Address>();
  return numeric_address(peer.host, peer.port).transform([](Address a) { return std::optional(a); });
}

}  // namespace

Result<std::unique_ptr<Dialer>> make_dialer(PeerSettings peer, std::function<void()> wake) {
  const auto fixed = fixed_address(peer);
  if (!fixed) return fixed.error();
  std::optional<TlsRenewal> tls;
  if (peer.tls.enabled) {
    auto made = TlsRenewal::begin(peer);
    if (!made) return made.error();
    tls = std::move(made).value();
  }
  return std::unique_ptr<Dialer>(
      std::make_unique<SocketDialer>(std::move(peer), *fixed, std::move(tls), std::move(wake)));
}

}  // namespace envoyou::wire
