// An HTTP request and response as the response cache sees them: plain values, made by the host's server code.
//
// Header names are compared without case; values are bytes. Thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string host = {};   // "api.example.test", with ":port" if the client sent one
  std::string path = "/";  // percent-encoded as received, without the query
  std::string query = {};  // as received, without "?"
  HttpHeaders headers = {};
  // Who asks, as the host's authentication found: "user:42", a key's name. Empty: nobody in particular.
  // A request with credentials (Authorization, Cookie, X-API-Key) and no principal is not cached, unless its rule is
  // public.
  std::string principal = {};
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers = {};
  std::string body = {};

  friend bool operator==(const HttpResponse&, const HttpResponse&) = default;
};

// The first value of a header, compared without case.
std::optional<std::string_view> find_header(const HttpHeaders& headers, std::string_view name) noexcept;

}  // namespace envoyou
