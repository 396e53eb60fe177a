// Why at all: of the two replies that are asked for most, `$100` and an array of three integers, one costs 258 instead
// of 1,013 instructions and the other 661 instead of 1,769 (callgrind, all of the decoder counted, 64 replies a feed).
//
// It accepts a subset of what hiredis accepts, and gives the same value (decoder_property_test.cpp holds the two
// together): integers without leading zeros, plus signs or blanks; lines without a lone CR or LF in them.
#include "wire/plain_reply.hpp"

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>

namespace envoyou::wire {

namespace {

using redis::ReplyType;
using redis::ReplyView;

constexpr std::size_t kMinReply = 3;  // "_\r\n"

// Reads forward through bytes that may end anywhere. False: not whole, or not plain.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) noexcept
      : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  std::size_t consumed() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

  bool type(char& out) noexcept {
    if (at_ == end_) return false;
    out = *at_++;
    return true;
  }

  // A decimal and CR LF. More than 18 digits are rare enough for the long way, and so can not overflow here.
  bool integer(std::int64_t& out) noexcept {
    const char* at = at_;  // a member would be stored with each digit
    const bool negative = at != end_ && *at == '-';
    if (negative) ++at;
    const char* const first = at;
    const char* const last = end_ - first > kMaxDigits ? first + kMaxDigits : end_;
    std::int64_t value = 0;
    while (at != last && *at >= '0' && *at <= '9') value = value * 10 + (*at++ - '0');
    const auto digits = at - first;
    const bool canonical = digits == 1 ? !(negative && *first == '0') : digits > 1 && *first != '0';
    out = negative ? -value : value;
    at_ = at;
    return canonical && end_of_line();
  }

  // The length of most texts: up to kShort digits, of which the first is none of '-' and '0'. False: it is another one,
  // or not whole, and nothing was read.
  bool short_length(std::size_t& out) noexcept {
    if (left() < kShort + 2) return false;
    const char* at = at_;
    std::size_t value = digit(*at++);
    if (value - 1 > 8) return false;
    for (const char* const last = at_ + kShort; at != last && digit(*at) <= 9; ++at) value = value * 10 + digit(*at);
    if (std::memcmp(at, "\r\n", 2) != 0) return false;
    out = value;
    at_ = at + 2;
    return true;
  }

  bool line(std::string_view& out, std::size_t max_size) noexcept {
    const void* found = std::memchr(at_, '\r', left());
    if (found == nullptr) return false;
    out = std::string_view(at_, static_cast<std::size_t>(static_cast<const char*>(found) - at_));
    if (out.size() >= max_size || out.find('\n') != std::string_view::npos) return false;
    at_ += out.size();
    return end_of_line();
  }

  bool bulk(std::string_view& out, std::size_t size) noexcept {
    if (left() < 2 || size > left() - 2) return false;
    out = std::string_view(at_, size);
    at_ += size;
    return end_of_line();
  }

  bool end_of_line() noexcept {
    if (left() < 2 || std::memcmp(at_, "\r\n", 2) != 0) return false;
    at_ += 2;
    return true;
  }

 private:
  static constexpr std::ptrdiff_t kMaxDigits = 18;
  static constexpr std::size_t kShort = 4;

  // Above 9: it is none.
  static std::size_t digit(char byte) noexcept { return static_cast<unsigned char>(byte) - std::size_t{'0'}; }

  const char* begin_;
  const char* at_;
  const char* end_;
};

// Inlined, since most replies are one of these, read from read_plain_reply.
[[gnu::always_inline]] inline bool read_bulk(Cursor& cursor, Budget& budget, ReplyView& reply) noexcept {
  std::size_t size = 0;
  if (!cursor.short_length(size)) {
    std::int64_t any = 0;
    if (!cursor.integer(any)) return false;
    if (any == -1) return true;
    if (any < 0) return false;
    size = static_cast<std::size_t>(any);
  }
  reply.type = ReplyType::kString;
  return cursor.bulk(reply.text, size) && budget.take_text(size);
}

bool read_line(Cursor& cursor, Budget& budget, ReplyType type, ReplyView& reply) noexcept {
  reply.type = type;
  return cursor.line(reply.text, budget.limits().max_line_bytes) && budget.take_text(reply.text.size());
}

// `reply` is a fresh one, that is null.
bool read_scalar(Cursor& cursor, Budget& budget, char type, ReplyView& reply) noexcept {
  switch (type) {
    case '$': return read_bulk(cursor, budget, reply);
    case ':': reply.type = ReplyType::kInteger; return cursor.integer(reply.integer);
    case '+': return read_line(cursor, budget, ReplyType::kString, reply);
    case '-': return read_line(cursor, budget, ReplyType::kError, reply);
    case '_': return cursor.end_of_line();
    default: return false;
  }
}

bool read_array(Cursor& cursor, Arena& arena, Budget& budget, ReplyView& reply) noexcept {
  std::int64_t announced = 0;
  if (!cursor.integer(announced)) return false;
  if (announced == -1) return true;
  if (announced < 0 || budget.limits().max_depth == 0) return false;
  const auto count = static_cast<std::size_t>(announced);
  if (count > cursor.left() / kMinReply || !budget.take_elements(count)) return false;
  auto* const elements = arena.allocate_array<ReplyView>(count);
  if (elements == nullptr) return false;
  for (std::size_t i = 0; i < count; ++i) {
    char type = 0;
    auto* const element = new (elements + i) ReplyView;
    if (!cursor.type(type) || !read_scalar(cursor, budget, type, *element)) return false;
  }
  reply.type = ReplyType::kArray;
  reply.elements = {elements, count};
  return true;
}

}  // namespace

std::size_t read_plain_reply(std::string_view bytes, Arena& arena, Budget& budget, ReplyView& reply) noexcept {
  Cursor cursor(bytes);
  char type = 0;
  reply = ReplyView();
  if (!cursor.type(type) || !budget.take_root()) return 0;
  bool whole = false;
  if (type == '$') {
    whole = read_bulk(cursor, budget, reply);
  } else if (type == '*') {
    whole = read_array(cursor, arena, budget, reply);
  } else {
    whole = read_scalar(cursor, budget, type, reply);
  }
  return whole ? cursor.consumed() : 0;
}

}  // namespace envoyou::wire
