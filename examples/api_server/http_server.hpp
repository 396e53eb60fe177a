// A small face of GNU libmicrohttpd: requests in, responses out, a thread a connection, so that no client waits for
// another.
//
// Bounds: kMaxConnections at once, kMaxBodyBytes a request, kConnectionTimeout of silence. `stop` takes no new
// connections, lets what is being served be answered for a while, and closes all.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct MHD_Daemon;

namespace api {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;
  std::string path;   // as received, without the query
  std::string query;  // as received, without "?"
  Headers headers;
  std::string body;
  std::string address;  // of the peer: "127.0.0.1", "::1"

  // The first value of a header, compared without case.
  std::optional<std::string> header(std::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  // Of a response without an end: what comes next, by blocking for a while until there is something; empty ends it.
  std::function<std::string()> next = {};
};

class HttpServer {
 public:
  static constexpr unsigned kMaxConnections = 1024;
  static constexpr unsigned kConnectionTimeoutSeconds = 75;
  static constexpr std::size_t kMaxBodyBytes = 9u << 20;  // over the general cache's largest value
  static constexpr std::size_t kHeaderMemory = 32u << 10;

  // Must not throw. A body over the bound is told by `body_too_large`, and is not there.
  using Handler = std::function<Response(const Request& request, bool body_too_large)>;

  HttpServer(std::string host, std::uint16_t port, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Nothing, or why it did not start: "listen 127.0.0.1:8080: address already in use".
  std::optional<std::string> start();
  // Waits at most `patience` for requests that are being served, and then for their handlers.
  void stop(std::chrono::milliseconds patience = {});

 private:
  void began();
  void completed();

  friend struct Callbacks;
  std::string host_;
  std::uint16_t port_;
  Handler handler_;
  MHD_Daemon* daemon_ = nullptr;
  std::mutex mutex_;
  std::condition_variable all_completed_;
  int serving_ = 0;  // guarded by mutex_
};

}  // namespace api
