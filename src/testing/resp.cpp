#include "testing/resp.hpp"

#include <charconv>
#include <stdexcept>
#include <utility>

namespace envoyou::testing {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

struct Header {
  char type;
  std::string_view line;  // without type and CR LF
  std::size_t size;       // of the whole line, as it stands in the buffer
};

std::optional<Header> read_header(std::string_view bytes) {
  const std::size_t end = bytes.find(kLineEnd);
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  return Header{bytes[0], bytes.substr(1, end - 1), end + kLineEnd.size()};
}

std::int64_t parse_count(const Header& header) {
  std::int64_t value = 0;
  const auto* end = header.line.data() + header.line.size();
  const auto parsed = std::from_chars(header.line.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    throw std::runtime_error("not a RESP count: " + std::string(header.line));
  }
  return value;
}

bool is_blob(char type) { return type == '$' || type == '!' || type == '='; }

bool is_aggregate(char type) { return type == '*' || type == '~' || type == '>' || type == '%' || type == '|'; }

bool is_line(char type) {
  return type == '+' || type == '-' || type == ':' || type == '_' || type == '#' || type == ',' || type == '(';
}

// How many values follow an aggregate's header before it is whole. An attribute is followed by the value it describes.
std::size_t values_after(const Header& header) {
  const std::int64_t count = parse_count(header);
  if (count <= 0) return header.type == '|' ? 1 : 0;
  const auto n = static_cast<std::size_t>(count);
  if (header.type == '%') return 2 * n;
  return header.type == '|' ? 2 * n + 1 : n;
}

std::size_t blob_size(const Header& header) {
  const std::int64_t count = parse_count(header);
  return count < 0 ? 0 : static_cast<std::size_t>(count) + kLineEnd.size();
}

// Reads the value at `position` and moves behind it.
RespValue decode_at(std::string_view bytes, std::size_t& position) {
  const auto header = read_header(bytes.substr(position));
  if (!header) throw std::runtime_error("a RESP value is cut short");
  position += header->size;
  RespValue value;
  value.type = header->type;
  if (is_line(header->type)) {
    value.text = header->line;
    value.is_null = header->type == '_';
    return value;
  }
  value.is_null = parse_count(*header) < 0;
  if (is_blob(header->type) && !value.is_null) {
    const std::size_t size = blob_size(*header);
    value.text = bytes.substr(position, size - kLineEnd.size());
    position += size;
    return value;
  }
  std::size_t elements = is_aggregate(header->type) ? values_after(*header) : 0;
  while (elements-- > 0) value.elements.push_back(decode_at(bytes, position));
  return value;
}

std::string framed(char type, std::string_view text) {
  std::string result(1, type);
  return result.append(text).append(kLineEnd);
}

}  // namespace

std::string RespValue::to_text() const {
  if (is_null) return "(nil)";
  if (!is_aggregate(type)) return text;
  std::string result;
  for (const auto& element : elements) {
    if (!result.empty()) result += '\n';
    result += element.to_text();
  }
  return result;
}

std::optional<std::size_t> frame_size(std::string_view bytes) {
  std::size_t position = 0;
  std::size_t pending = 1;
  while (pending > 0) {
    const auto header = read_header(bytes.substr(position));
    if (!header) return std::nullopt;
    position += header->size;
    --pending;
    if (is_blob(header->type)) {
      position += blob_size(*header);
    } else if (is_aggregate(header->type)) {
      pending += values_after(*header);
    } else if (!is_line(header->type)) {
      throw std::runtime_error("not a RESP type: " + std::to_string(int{header->type}));
    }
    if (position > bytes.size()) return std::nullopt;
  }
  return position;
}

RespValue decode(std::string_view bytes) {
  std::size_t position = 0;
  return decode_at(bytes, position);
}

std::string encode_command(const Words& words) {
  std::string result = array_header(words.size());
  for (const auto& word : words) result += bulk(word);
  return result;
}

std::string simple(std::string_view text) { return framed('+', text); }
std::string error(std::string_view text) { return framed('-', text); }
std::string integer(std::int64_t value) { return framed(':', std::to_string(value)); }
std::string array_header(std::size_t count) { return framed('*', std::to_string(count)); }

std::string bulk(std::string_view bytes) {
  return framed('$', std::to_string(bytes.size())).append(bytes).append(kLineEnd);
}

RespConnection::RespConnection(std::uint16_t port, std::chrono::milliseconds timeout)
    : socket_(connect_to(port, timeout)), timeout_(timeout) {}

std::optional<RespValue> RespConnection::command(const Words& words) {
  if (!send_raw(encode_command(words))) return std::nullopt;
  return read_value();
}

bool RespConnection::send_raw(std::string_view bytes) {
  return socket_ && write_all(socket_, bytes, std::chrono::steady_clock::now() + timeout_) == Io::kOk;
}

std::optional<RespValue> RespConnection::read_value() {
  const auto until = std::chrono::steady_clock::now() + timeout_;
  for (;;) {
    if (const auto size = frame_size(buffer_)) {
      RespValue value = decode(std::string_view(buffer_).substr(0, *size));
      buffer_.erase(0, *size);
      return value;
    }
    if (!socket_ || read_some(socket_, buffer_, until) != Io::kOk) return std::nullopt;
  }
}

std::string RespConnection::read_raw(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (socket_ && read_some(socket_, buffer_, until) == Io::kOk) {
  }
  return std::exchange(buffer_, {});
}

bool RespConnection::closed_by_peer(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  Io outcome = Io::kOk;
  while (socket_ && outcome == Io::kOk) outcome = read_some(socket_, buffer_, until);
  return !socket_ || outcome == Io::kClosed;
}

}  // namespace envoyou::testing
