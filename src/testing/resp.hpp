// The Redis protocol as tests need it: written apart from the library, so that a mistake there is not repeated here.
//
// Does not: bound what it reads (its peers are the tests' own servers). Malformed bytes throw std::runtime_error.
// Thread rule: a RespConnection belongs to one thread.
#pragma once

#include "testing/sockets.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::testing {

using Words = std::vector<std::string>;

// One RESP2 or RESP3 value. `type` is its first byte ('+', '-', ':', '$', '*', '%', '~', '>', '_', '#', ',', '(', '!',
// '=').
struct RespValue {
  char type = '_';
  bool is_null = false;
  std::string text{};                 // of a scalar, without its framing
  std::vector<RespValue> elements{};  // of an aggregate; a map's keys and values alternate

  bool is_error() const noexcept { return type == '-' || type == '!'; }
  // For people and for assertions: scalars as they are, null as "(nil)", the elements of an aggregate one a line.
  std::string to_text() const;
};

// The length of the value that `bytes` begins with, attributes in front of it included; nothing while its end is not
// there.
std::optional<std::size_t> frame_size(std::string_view bytes);

// REQUIRES: `bytes` begins with a whole value.
RespValue decode(std::string_view bytes);

std::string encode_command(const Words& words);
std::string simple(std::string_view text);    // +text
std::string error(std::string_view text);     // -text
std::string integer(std::int64_t value);      // :value
std::string bulk(std::string_view bytes);     // $n
std::string array_header(std::size_t count);  // *n

// A plain connection to a server on 127.0.0.1.
class RespConnection {
 public:
  explicit RespConnection(std::uint16_t port, std::chrono::milliseconds timeout = std::chrono::seconds(2));

  // False where nobody answered the connect.
  bool connected() const noexcept { return static_cast<bool>(socket_); }
  // Sends and waits for one value; nothing when the link ended or `timeout` passed.
  std::optional<RespValue> command(const Words& words);
  bool send_raw(std::string_view bytes);
  std::optional<RespValue> read_value();
  // Everything that arrives until the peer closes or `timeout` passes, undecoded.
  std::string read_raw(std::chrono::milliseconds timeout);
  // True if the peer has ended the connection, or does so in `timeout`.
  bool closed_by_peer(std::chrono::milliseconds timeout);

 private:
  Fd socket_;
  std::string buffer_;
  std::chrono::milliseconds timeout_;
};

}  // namespace envoyou::testing
