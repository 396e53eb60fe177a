#include "wire/tls_bio.hpp"

#include "wire/socket.hpp"

#include <cerrno>
#include <new>
#include <utility>

namespace envoyou::wire {

namespace {

TlsSocket& socket_of(BIO* bio) noexcept { return *static_cast<TlsSocket*>(BIO_get_data(bio)); }

bool hold(TlsSocket& socket, std::string_view bytes) noexcept {
  try {
    socket.held.append(bytes);
    return true;
  } catch (const std::bad_alloc&) {
    socket.error = ENOMEM;
    return false;
  }
}

// What is held goes first; usually there is nothing, and the socket takes all.
int write_bytes(BIO* bio, const char* bytes, int size) noexcept {
  TlsSocket& socket = socket_of(bio);
  BIO_clear_retry_flags(bio);
  if (!socket.flush()) return -1;
  if (socket.held.size() > TlsSocket::kMaxHeld) {
    BIO_set_retry_write(bio);
    return -1;
  }
  std::string_view rest(bytes, static_cast<std::size_t>(size));
  if (socket.held.empty() && !socket.send(rest)) return -1;
  return rest.empty() || hold(socket, rest) ? size : -1;
}

int read_bytes(BIO* bio, char* into, int size) noexcept {
  TlsSocket& socket = socket_of(bio);
  BIO_clear_retry_flags(bio);
  const auto receive = std::exchange(socket.waits, false) ? receive_waiting : receive_some;
  const long got = receive(socket.descriptor, into, static_cast<std::size_t>(size));
  if (got < 0 && would_block(errno)) {
    BIO_set_retry_read(bio);
  } else if (got < 0) {
    socket.error = errno;
  }
  if (got == 0) socket.ended = true;
  socket.drained = got < size;
  return static_cast<int>(got);
}

long control(BIO* bio, int command, long /*number*/, void* /*pointer*/) noexcept {
  if (command == BIO_CTRL_FLUSH) return 1;  // nothing is held back here
  if (command == BIO_CTRL_EOF) return socket_of(bio).ended ? 1 : 0;
  return 0;
}

}  // namespace

bool TlsSocket::send(std::string_view& bytes) noexcept {
  const long sent = send_some(descriptor, bytes.data(), bytes.size());
  if (sent >= 0) {
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  } else if (!would_block(errno)) {
    error = errno;
    return false;
  }
  return true;
}

bool TlsSocket::flush() noexcept {
  if (held.empty()) return true;
  std::string_view rest(held);
  const bool lives = send(rest);
  held.erase(0, held.size() - rest.size());
  return lives;
}

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
