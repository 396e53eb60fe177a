// OpenSSL's way to a socket, ours instead of BIO_s_socket, which writes without MSG_NOSIGNAL: a peer that has gone
// would kill the host with SIGPIPE.
//
// Confined to one thread. The descriptor stays its owner's.
#pragma once

#include <openssl/bio.h>

#include <memory>

namespace envoyou::wire {

// What the BIO of one connection works on, and what it met: OpenSSL does not keep errno.
struct TlsSocket {
  int descriptor = -1;
  int error = 0;       // errno of the last failure
  bool ended = false;  // the peer has closed the connection under TLS
};

struct FreeBioMethod {
  void operator()(BIO_METHOD* method) const noexcept { BIO_meth_free(method); }
};
using BioMethodPtr = std::unique_ptr<BIO_METHOD, FreeBioMethod>;

BioMethodPtr make_socket_bio_method() noexcept;
// REQUIRES: `method` and `socket` outlive the BIO. Null: no memory.
BIO* make_socket_bio(const BIO_METHOD* method, TlsSocket* socket) noexcept;

}  // namespace envoyou::wire
