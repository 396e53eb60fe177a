#include "support/http_client.hpp"

#include <algorithm>
#include <charconv>

namespace envoyou::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kHttpLineEnd = "\r\n";
constexpr std::string_view kNoAnswer = "connection lost before the first byte";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::size_t> parse_number(std::string_view text, int base) {
  std::size_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (parsed.ec != std::errc() || parsed.ptr == text.data()) return std::nullopt;
  return value;
}

std::string compose(std::string_view method, std::string_view target, std::uint16_t port, const HttpHeaders& headers,
                    std::string_view body) {
  std::string message(method);
  message.append(" ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1:");
  message.append(std::to_string(port)).append(kHttpLineEnd);
  for (const auto& [name, value] : headers) {
    message.append(name).append(": ").append(value).append(kHttpLineEnd);
  }
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    message.append("Content-Length: ").append(std::to_string(body.size())).append(kHttpLineEnd);
  }
  return message.append(kHttpLineEnd).append(body);
}

// Reads a response piece by piece from what has arrived, and asks for more where it is short.
class Reader {
 public:
  Reader(const Fd& socket, SteadyTime until) : socket_(socket), until_(until) {}

  // The next line without its end.
  std::optional<std::string> line() {
    std::size_t end = buffer_.find(kHttpLineEnd);
    while (end == std::string::npos) {
      if (!more()) return std::nullopt;
      end = buffer_.find(kHttpLineEnd);
    }
    std::string text = buffer_.substr(0, end);
    buffer_.erase(0, end + kHttpLineEnd.size());
    return text;
  }

  bool take(std::size_t count, std::string& into) {
    while (buffer_.size() < count) {
      if (!more()) return false;
    }
    into.append(buffer_, 0, count);
    buffer_.erase(0, count);
    return true;
  }

  bool take_to_end(std::string& into) {
    while (more()) {
    }
    into += std::exchange(buffer_, {});
    return outcome_ == Io::kClosed;
  }

  std::string problem() const {
    if (outcome_ == Io::kTimeout) return "timed out";
    if (outcome_ == Io::kOk) return "malformed response";
    return std::string(any_ ? "connection lost" : kNoAnswer);
  }

 private:
  bool more() {
    outcome_ = read_some(socket_, buffer_, until_);
    any_ = any_ || outcome_ == Io::kOk;
    return outcome_ == Io::kOk;
  }

  const Fd& socket_;
  SteadyTime until_;
  std::string buffer_;
  Io outcome_ = Io::kOk;
  bool any_ = false;
};

bool read_head(Reader& reader, HttpResponse& response) {
  const auto status_line = reader.line();
  if (!status_line || status_line->size() < 12) return false;
  const auto status = parse_number(std::string_view(*status_line).substr(9, 3), 10);
  for (auto line = reader.line(); line; line = reader.line()) {
    if (line->empty()) {
      response.status = static_cast<int>(status.value_or(0));
      return status.has_value();
    }
    const std::size_t colon = line->find(':');
    if (colon == std::string::npos) return false;
    response.headers.emplace_back(line->substr(0, colon), trimmed(std::string_view(*line).substr(colon + 1)));
  }
  return false;
}

bool read_chunked(Reader& reader, std::string& body) {
  for (;;) {
    const auto size_line = reader.line();
    const auto size = size_line ? parse_number(*size_line, 16) : std::nullopt;
    if (!size) return false;
    if (*size > 0 && !reader.take(*size, body)) return false;
    // The line end of a chunk; after the last one trailers and an empty line.
    auto line = reader.line();
    while (*size == 0 && line && !line->empty()) line = reader.line();
    if (!line) return false;
    if (*size == 0) return true;
  }
}

bool read_body(Reader& reader, HttpResponse& response, bool is_head) {
  const bool has_none = is_head || response.status == 204 || response.status == 304;
  if (has_none) return true;
  if (same_name(response.header("Transfer-Encoding"), "chunked")) {
    return read_chunked(reader, response.body);
  }
  const std::string_view length = response.header("Content-Length");
  if (length.empty()) return reader.take_to_end(response.body);
  const auto size = parse_number(length, 10);
  return size && reader.take(*size, response.body);
}

bool ends_connection(const HttpResponse& response, bool is_head) {
  if (same_name(response.header("Connection"), "close")) return true;
  const bool has_length = !response.header("Content-Length").empty() || !response.header("Transfer-Encoding").empty();
  return !has_length && !is_head && response.status != 204 && response.status != 304;
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return {};
}

std::vector<std::string> HttpResponse::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) values.push_back(value);
  }
  return values;
}

std::optional<std::string> HttpResponse::cookie(std::string_view name) const {
  for (const std::string& value : all("Set-Cookie")) {
    const std::string_view text = value;
    if (!text.starts_with(name) || text.substr(name.size(), 1) != "=") continue;
    const std::string_view rest = text.substr(name.size() + 1);
    return std::string(trimmed(rest.substr(0, rest.find(';'))));
  }
  return std::nullopt;
}

bool HttpClient::connect(SteadyTime until) {
  if (socket_) return true;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  socket_ = connect_to(port_, left);
  if (socket_) ++connects_;
  return static_cast<bool>(socket_);
}

HttpResponse HttpClient::attempt(std::string_view message, bool is_head, SteadyTime until) {
  HttpResponse response;
  if (!connect(until)) {
    response.error = "connection refused";
    return response;
  }
  Reader reader(socket_, until);
  // A server that has closed meanwhile is found out by the read that follows.
  write_all(socket_, message, until);
  const bool whole = read_head(reader, response) && read_body(reader, response, is_head);
  if (!whole) {
    response.error = reader.problem();
    response.status = 0;
  }
  if (!whole || ends_connection(response, is_head)) socket_.reset();
  return response;
}

HttpResponse HttpClient::request(std::string_view method, std::string_view target, const HttpHeaders& headers,
                                 std::string_view body, std::chrono::milliseconds timeout) {
  const auto start = Clock::now();
  const std::string message = compose(method, target, port_, headers, body);
  const bool reused = static_cast<bool>(socket_);
  HttpResponse response = attempt(message, method == "HEAD", start + timeout);
  if (reused && response.status == 0 && response.error == kNoAnswer) {
    response = attempt(message, method == "HEAD", start + timeout);
  }
  response.duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
  return response;
}

}  // namespace envoyou::testing
