// A byte stream to one peer that never blocks: a TCP or Unix socket, with or without TLS, or a model of one in a
// simulation.
//
// Life: made by a Dialer (dialer.hpp), `advance` until kReady (connecting, then TLS), then `read` and `write`. Any
// kFailed is final; `failure` says why in words for people ("connect 127.0.0.1:6379: connection refused"). Before
// kReady it says what is being waited for, for those who lose patience ("connect 127.0.0.1:6379: no answer yet").
//
//   connecting --> handshaking (TLS only) --> ready --> failed
//        '------------------'------------------------------^
//
// Sends with MSG_NOSIGNAL, also under TLS. Confined to one thread.
#pragma once

#include <envoyou/result.hpp>

#include <cstddef>
#include <span>
#include <string_view>

namespace envoyou::wire {

enum class Progress : unsigned char {
  kReady,      // connected and, where asked for, verified
  kWantRead,   // call again when the descriptor is readable
  kWantWrite,  // call again when it is writable
  kFailed,
};

struct IoResult {
  enum class Kind : unsigned char { kDone, kWantRead, kWantWrite, kClosed, kFailed };
  Kind kind = Kind::kFailed;
  std::size_t bytes = 0;  // moved, with kDone; at least 1
};

class Stream {
 public:
  virtual ~Stream() = default;
  // -1 while a name is being resolved, and one and the same from then on.
  virtual int descriptor() const noexcept = 0;
  virtual Progress advance() = 0;
  // kClosed: the peer has closed in order. After kDone with less than `into` has room for, there may be more only if
  // `holds_more` says so.
  virtual IoResult read(std::span<char> into) = 0;
  // Whether another read may give more although the descriptor does not announce it: what TLS has taken from its
  // socket.
  virtual bool holds_more() const noexcept { return false; }
  // The same, but may wait for a moment (kWaitingMs) for something to read, if the stream can: half a system call, and
  // a microsecond, less than waiting first and reading then.
  virtual IoResult read_waiting(std::span<char> into) { return read(into); }
  // May move a part. With kWantRead or kWantWrite the same bytes must be offered again (TLS).
  virtual IoResult write(std::string_view bytes) = 0;
  // A TLS session of an earlier stream was taken up. Known from kReady on.
  virtual bool resumed() const noexcept { return false; }
  // kUnavailable before the stream was ready, kConnectionLost after, kTls for what a working network would not mend.
  virtual Error failure() const = 0;
};

}  // namespace envoyou::wire
