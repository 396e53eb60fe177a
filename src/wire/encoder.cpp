#include "wire/encoder.hpp"

#include <charconv>
#include <cstring>

namespace envoyou::wire {

namespace {

constexpr std::size_t kMaxDigits = 20;
constexpr std::size_t kFrame = 3;  // '*', CR LF

std::size_t digits_of(std::size_t number) noexcept {
  std::size_t digits = 1;
  for (; number >= 10; number /= 10) ++digits;
  return digits;
}

}  // namespace

std::size_t encoded_size(const redis::Words& words) noexcept {
  return kFrame + digits_of(words.count()) + words.encoded().size();
}

char* encode(const redis::Words& words, char* to) noexcept {
  *to++ = '*';
  if (words.count() < 10) {
    *to++ = static_cast<char>('0' + words.count());
  } else {
    to = std::to_chars(to, to + kMaxDigits, words.count()).ptr;
  }
  *to++ = '\r';
  *to++ = '\n';
  const std::string_view bytes = words.encoded();
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

}  // namespace envoyou::wire
