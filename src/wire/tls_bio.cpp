#include "wire/tls_bio.hpp"

#include "wire/socket.hpp"

#include <cerrno>

namespace envoyou::wire {

namespace {

TlsSocket& socket_of(BIO* bio) noexcept { return *static_cast<TlsSocket*>(BIO_get_data(bio)); }

int write_bytes(BIO* bio, const char* bytes, int size) noexcept {
  TlsSocket& socket = socket_of(bio);
  BIO_clear_retry_flags(bio);
  const long sent = send_some(socket.descriptor, bytes, static_cast<std::size_t>(size));
  if (sent < 0 && would_block(errno)) {
    BIO_set_retry_write(bio);
  } else if (sent < 0) {
    socket.error = errno;
  }
  return static_cast<int>(sent);
}

int read_bytes(BIO* bio, char* into, int size) noexcept {
  TlsSocket& socket = socket_of(bio);
  BIO_clear_retry_flags(bio);
  const long got = receive_some(socket.descriptor, into, static_cast<std::size_t>(size));
  if (got < 0 && would_block(errno)) {
    BIO_set_retry_read(bio);
  } else if (got < 0) {
    socket.error = errno;
  }
  if (got == 0) socket.ended = true;
  return static_cast<int>(got);
}

long control(BIO* bio, int command, long /*number*/, void* /*pointer*/) noexcept {
  if (command == BIO_CTRL_FLUSH) return 1;  // nothing is held back here
  if (command == BIO_CTRL_EOF) return socket_of(bio).ended ? 1 : 0;
  return 0;
}

}  // namespace

// A type of its own (BIO_get_new_index) would come out of a counter of the process that ends at 127.
BioMethodPtr make_socket_bio_method() noexcept {
  BioMethodPtr method(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "envoyou socket"));
  if (method == nullptr) return method;
  BIO_meth_set_write(method.get(), write_bytes);
  BIO_meth_set_read(method.get(), read_bytes);
  BIO_meth_set_ctrl(method.get(), control);
  return method;
}

BIO* make_socket_bio(const BIO_METHOD* method, TlsSocket* socket) noexcept {
  BIO* const bio = BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, socket);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace envoyou::wire
