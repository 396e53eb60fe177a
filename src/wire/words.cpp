#include <envoyou/redis/command.hpp>

#include "wire/encoder.hpp"

#include <algorithm>

namespace envoyou::redis {

namespace {

constexpr std::size_t kMaxFrame = 26;  // '$', 20 digits, CR LF, and the CR LF behind the word
constexpr std::size_t kRoomForMore = 64;

}  // namespace

Words& Words::add(std::string_view word) {
  // One growth for the usual command: a few short words behind the first.
  const std::size_t needed = encoded_.size() + word.size() + kMaxFrame;
  if (needed > encoded_.capacity()) {
    encoded_.reserve(std::max(2 * encoded_.capacity(), needed + kRoomForMore));
  }
  char header[kMaxFrame];
  header[0] = '$';
  char* end = std::to_chars(header + 1, header + sizeof header, word.size()).ptr;
  *end++ = '\r';
  *end++ = '\n';
  encoded_.append(header, static_cast<std::size_t>(end - header));
  encoded_.append(word);
  encoded_.append("\r\n", 2);
  ++count_;
  return *this;
}

Words& Words::then(const Words& next) {
  wire::append_command(encoded_, next);
  return *this;
}

}  // namespace envoyou::redis
