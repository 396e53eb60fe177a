// Bytes in, replies out: RESP2 and RESP3 by hiredis' reader, with our own object functions over an arena, so that a
// reply costs no allocation in steady state, and with caps that are charged before anything is allocated.
//
// Sans-I/O. Confined to one thread. After an error the decoder is dead: the stream has lost its framing.
#pragma once

#include <envoyou/redis/reply.hpp>
#include <envoyou/result.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace envoyou::wire {

struct DecoderLimits {
  std::size_t max_bytes = 64u << 20;  // one reply in all: text and array nodes
  std::size_t max_elements = 1u << 20;
  std::size_t max_depth = 32;
  std::size_t max_line_bytes = 64u << 10;  // a reply's first line: type, length, simple string, error; at least 32
};

class Decoder {
 public:
  explicit Decoder(DecoderLimits limits);
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  // Takes all of `bytes` (callers read at most 64 KiB at a time).
  void feed(std::string_view bytes);
  // The next whole reply, null if there is none: valid until the next call of any function. Errors: kProtocol, naming
  // what was wrong.
  Result<const redis::ReplyView*> next();
  // Bytes of a reply that has begun and is not whole.
  std::size_t buffered() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace envoyou::wire
