// OpenSSL's way to a socket, ours instead of BIO_s_socket for two reasons.
//
// BIO_s_socket writes without MSG_NOSIGNAL: a peer that has gone would kill the host with SIGPIPE.
//
// And it passes a full socket on to OpenSSL as a record that is half written. If the peer then asks for a key update,
// OpenSSL answers it in the midst of reading, finds that record in its way and ends the connection ("bad length", seen
// with 3.0). Here a record is always taken whole: what the socket does not take is held, and TlsStream sees to it.
//
// Confined to one thread. The descriptor stays its owner's.
#pragma once

#include <openssl/bio.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace envoyou::wire {

// What the BIO of one connection works on, and what it met: OpenSSL does not keep errno.
struct TlsSocket {
  // A record or two, and answers to key updates. More is a full socket after all.
  static constexpr std::size_t kMaxHeld = 64u << 10;

  int descriptor = -1;
  int error = 0;         // errno of the last failure
  bool ended = false;    // the peer has closed the connection under TLS
  bool drained = false;  // the last read took all there was
  bool waits = false;    // the next read may wait for a moment (receive_waiting); once
  std::string held{};    // encrypted and not sent

  // Takes off the front of `bytes` what the socket took. False on a failure, which is in `error`.
  bool send(std::string_view& bytes) noexcept;
  // Sends what is held, as far as the socket takes it. False on a failure, which is in `error`.
  bool flush() noexcept;
};

struct FreeBioMethod {
  void operator()(BIO_METHOD* method) const noexcept { BIO_meth_free(method); }
};
using BioMethodPtr = std::unique_ptr<BIO_METHOD, FreeBioMethod>;

BioMethodPtr make_socket_bio_method() noexcept;
// REQUIRES: `method` and `socket` outlive the BIO. Null: no memory.
BIO* make_socket_bio(const BIO_METHOD* method, TlsSocket* socket) noexcept;

}  // namespace envoyou::wire
