// Makes streams to one configured peer: resolves the name off the I/O thread, tries all addresses, applies one
// immutable set of link settings (TLS or not) to every stream, so that no reconnect can fall back to plain text.
//
// Thread rule: confined to the I/O thread; resolving runs on a thread of its own and is abandoned, not joined, when the
// dialer goes (it touches nothing of the dialer).
#pragma once

#include "wire/stream.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace envoyou::wire {

struct TlsSettings {
  bool enabled = false;
  std::string ca_file{};
  std::string certificate_file{};
  std::string key_file{};
  std::string server_name{};  // checked against the certificate (SAN only, never CN); sent as SNI where it is a name
  bool insecure_skip_verification = false;
};

// The certificates that the system trusts, read when they are first needed and once: that takes tens of milliseconds,
// which nobody pays for each of many servers. Thread-safe.
class SystemTrust;
std::shared_ptr<SystemTrust> make_system_trust();

struct PeerSettings {
  std::string host{};
  std::uint16_t port = 0;
  std::string unix_socket{};  // if set, host and port do not count
  TlsSettings tls{};
  std::shared_ptr<SystemTrust> trust{};  // shared by several peers; null: this one reads its own
};

class Dialer {
 public:
  virtual ~Dialer() = default;
  // Begins a new connection. `wake` may be called from another thread when resolving is done.
  // The stream's `advance` reports kWantRead with descriptor() == -1 while the name is being resolved: nothing to watch
  // yet.
  virtual std::unique_ptr<Stream> dial() = 0;
  // Why certificates that were replaced on disk could not be used, once. Dialling goes on with those before.
  virtual std::optional<Error> take_complaint() { return std::nullopt; }
};

// Errors: kTls for files that can not be read or do not belong together; kInvalidArgument.
// The files are read again when they have changed, at the next dial.
// TLS: 1.2 or later, session resumption between links of one dialer, renegotiation off.
Result<std::unique_ptr<Dialer>> make_dialer(PeerSettings peer, std::function<void()> wake);

}  // namespace envoyou::wire
