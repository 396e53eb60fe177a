// Commands as RESP bytes. By hand: hiredis' formatter costs ten times as many instructions (printf).
#pragma once

#include <envoyou/redis/command.hpp>

#include <cstddef>
#include <cstring>
#include <string_view>

namespace envoyou::wire {

namespace detail_encoder {

constexpr std::size_t kMostDigits = 20;
constexpr std::size_t kFrame = 3;  // '*', CR LF

// Of ten words and more. Gives the end of what it wrote.
char* write_count(char* to, std::size_t count) noexcept;

}  // namespace detail_encoder

// "*count\r\n" and the words take no more bytes than this.
inline std::size_t most_encoded(const redis::Words& words) noexcept {
  return detail_encoder::kFrame + detail_encoder::kMostDigits + words.encoded().size();
}

// Writes them to `to` and gives their end.
inline char* encode(const redis::Words& words, char* to) noexcept {
  *to++ = '*';
  if (words.count() < 10) {
    *to++ = static_cast<char>('0' + words.count());
  } else {
    to = detail_encoder::write_count(to, words.count());
  }
  *to++ = '\r';
  *to++ = '\n';
  const std::string_view bytes = words.encoded();
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

}  // namespace envoyou::wire
