// A small blocking HTTP/1.1 client for tests: one keep-alive connection to a server on 127.0.0.1.
//
// A connection that the server closed between two requests is opened again without a word, as HTTP wants it; one that
// ends within a response, is refused, or does not answer in time is an error of that request.
//
// Does not: TLS, redirects, cookies, compression, 100-continue. Thread rule: one thread at a time.
#pragma once

#include "testing/sockets.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::testing {

// In the order of the wire; a name may come more than once.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  int status = 0;       // 0: there was none, see `error`
  std::string error{};  // "connection refused", "timed out", "connection lost"
  HttpHeaders headers{};
  std::string body{};
  std::chrono::microseconds duration{0};  // from the first byte sent to the last received, a connect included

  bool ok() const noexcept { return status >= 200 && status < 300; }
  // The first header of this name, in any case; empty if there is none.
  std::string_view header(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  // The value that a Set-Cookie gives to the cookie `name`; nothing where none sets it.
  std::optional<std::string> cookie(std::string_view name) const;
};

class HttpClient {
 public:
  static constexpr std::chrono::milliseconds kDefaultTimeout{5000};

  explicit HttpClient(std::uint16_t port) : port_(port) {}

  HttpResponse request(std::string_view method, std::string_view target, const HttpHeaders& headers = {},
                       std::string_view body = {}, std::chrono::milliseconds timeout = kDefaultTimeout);
  HttpResponse get(std::string_view target, const HttpHeaders& headers = {}) { return request("GET", target, headers); }

  // Connections made so far.
  std::size_t connects() const noexcept { return connects_; }
  void close() { socket_.reset(); }

 private:
  HttpResponse attempt(std::string_view message, bool is_head, SteadyTime until);
  bool connect(SteadyTime until);

  std::uint16_t port_;
  Fd socket_;
  std::size_t connects_ = 0;
};

}  // namespace envoyou::testing
