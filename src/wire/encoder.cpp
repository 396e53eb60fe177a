#include "wire/encoder.hpp"

#include <charconv>

namespace envoyou::wire {

namespace {

struct Header {
  char text[24];
  std::size_t size = 0;
};

Header header_of(std::size_t count) noexcept {
  Header header;
  header.text[0] = '*';
  char* end = std::to_chars(header.text + 1, header.text + sizeof header.text - 2, count).ptr;
  *end++ = '\r';
  *end++ = '\n';
  header.size = static_cast<std::size_t>(end - header.text);
  return header;
}

}  // namespace

void append_command(std::string& to, const redis::Words& words) {
  const Header header = header_of(words.count());
  to.append(header.text, header.size);
  to.append(words.encoded());
}

std::size_t encoded_size(const redis::Words& words) noexcept {
  return header_of(words.count()).size + words.encoded().size();
}

}  // namespace envoyou::wire
