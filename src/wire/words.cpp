#include <envoyou/redis/command.hpp>

#include "wire/encoder.hpp"

#include <algorithm>
#include <cstring>

namespace envoyou::redis {

namespace {

constexpr std::size_t kMaxDigits = 20;
constexpr std::size_t kEndOfLine = 2;

char* write_end_of_line(char* to) noexcept {
  to[0] = '\r';
  to[1] = '\n';
  return to + 2;
}

// Most words are shorter than a hundred bytes.
std::size_t header_size(std::size_t size) noexcept {
  std::size_t digits = size < 10 ? 1 : 2;
  for (; size >= 100; size /= 10) ++digits;
  return 1 + digits + kEndOfLine;
}

// "$size\r\n".
char* write_header(char* to, std::size_t size) noexcept {
  *to++ = '$';
  if (size < 10) {
    *to++ = static_cast<char>('0' + size);
  } else if (size < 100) {
    *to++ = static_cast<char>('0' + size / 10);
    *to++ = static_cast<char>('0' + size % 10);
  } else {
    to = std::to_chars(to, to + kMaxDigits, size).ptr;
  }
  return write_end_of_line(to);
}

}  // namespace

Words::Words(const Words& other) : size_(other.size_), count_(other.count_) {
  char* to = small_;
  if (size_ > kInline) {
    to = heap_ = new char[size_];
    capacity_ = size_;
  }
  if (size_ > 0) std::memcpy(to, other.encoded().data(), size_);
}

char* Words::grow(std::size_t bytes) {
  const std::size_t capacity = heap_ != nullptr ? capacity_ : kInline;
  if (bytes > capacity - size_) {
    const std::size_t wanted = std::max(2 * capacity, size_ + bytes);
    char* const larger = new char[wanted];
    if (size_ > 0) std::memcpy(larger, encoded().data(), size_);
    delete[] heap_;
    heap_ = larger;
    capacity_ = wanted;
  }
  return (heap_ != nullptr ? heap_ : small_) + size_;
}

Words& Words::add(std::string_view word) {
  const std::size_t size = header_size(word.size()) + word.size() + kEndOfLine;
  char* const to = write_header(room_for(size), word.size());
  if (!word.empty()) std::memcpy(to, word.data(), word.size());
  write_end_of_line(to + word.size());
  size_ += size;
  ++count_;
  return *this;
}

Words& Words::then(const Words& next) {
  char* const to = room_for(wire::most_encoded(next));
  size_ += static_cast<std::size_t>(wire::encode(next, to) - to);
  return *this;
}

void Words::append(std::string_view encoded) {
  std::memcpy(room_for(encoded.size()), encoded.data(), encoded.size());
  size_ += encoded.size();
}

}  // namespace envoyou::redis
