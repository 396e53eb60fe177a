#include "base/bytes.hpp"

#include <charconv>

namespace envoyou::base {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kMaxPrintableBytes = 64;

unsigned to_unsigned(char c) noexcept { return static_cast<unsigned char>(c); }

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int base64url_value(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

bool is_unreserved(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '~';
}

// The length of the well-formed UTF-8 sequence that begins at `at` (RFC 3629, so no surrogates, nothing over U+10FFFF,
// no overlong forms), or 0.
std::size_t utf8_sequence(std::string_view text, std::size_t at) noexcept {
  const unsigned first = to_unsigned(text[at]);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + length > text.size()) return 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < length; ++i) {
    const unsigned next = to_unsigned(text[at + i]);
    if (next < low || next > high) return 0;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

template <class Int>
void append_little_endian(std::string& to, Int value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    to.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * i))));
  }
}

template <class Int>
Int read_little_endian(std::string_view bytes) noexcept {
  Int value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) {
    value |= static_cast<Int>(static_cast<Int>(to_unsigned(bytes[i])) << (8 * i));
  }
  return value;
}

void append_escaped(std::string& to, char c) {
  to += "\\x";
  to += kHexDigits[to_unsigned(c) >> 4];
  to += kHexDigits[to_unsigned(c) & 15];
}

}  // namespace

std::string to_hex(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    text += kHexDigits[to_unsigned(c) >> 4];
    text += kHexDigits[to_unsigned(c) & 15];
  }
  return text;
}

std::string to_base64url(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | to_unsigned(c);
    held += 8;
    while (held >= 6) {
      held -= 6;
      text += kBase64Url[(bits >> held) & 63];
    }
  }
  if (held > 0) text += kBase64Url[(bits << (6 - held)) & 63];
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const int value = base64url_value(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<unsigned>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes.push_back(static_cast<char>(static_cast<unsigned char>(bits >> held)));
    }
  }
  const unsigned spare = bits & ((1u << held) - 1u);
  if (spare != 0) return std::nullopt;
  return bytes;
}

std::string percent_encode(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char c : bytes) {
    if (is_unreserved(c)) {
      text += c;
    } else {
      text += '%';
      text += "0123456789ABCDEF"[to_unsigned(c) >> 4];
      text += "0123456789ABCDEF"[to_unsigned(c) & 15];
    }
  }
  return text;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      bytes += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(high * 16 + low)));
    i += 2;
  }
  return bytes;
}

void append_length_prefixed(std::string& to, std::string_view part) {
  to += std::to_string(part.size());
  to += ':';
  to += part;
}

void append_u32(std::string& to, std::uint32_t value) { append_little_endian(to, value); }
void append_u64(std::string& to, std::uint64_t value) { append_little_endian(to, value); }
std::uint32_t read_u32(std::string_view bytes) noexcept { return read_little_endian<std::uint32_t>(bytes); }
std::uint64_t read_u64(std::string_view bytes) noexcept { return read_little_endian<std::uint64_t>(bytes); }

bool is_valid_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_sequence(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

bool has_control_characters(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned c = to_unsigned(text[i]);
    if (c < 0x20 || c == 0x7F) return true;
    if (c == 0xC2 && i + 1 < text.size() && to_unsigned(text[i + 1]) < 0xA0) return true;
  }
  return false;
}

std::string printable(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kMaxPrintableBytes)) {
    if (to_unsigned(c) < 0x20 || to_unsigned(c) >= 0x7F) {
      append_escaped(out, c);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  if (text.size() > kMaxPrintableBytes) out += "...";
  out += '"';
  return out;
}

std::optional<std::int64_t> parse_int64(std::string_view text) noexcept {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (text.empty() || problem != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace envoyou::base
