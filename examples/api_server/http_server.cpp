#include "http_server.hpp"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netdb.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace api {
namespace {

// One request on its way in. Made when its first line is read, freed when its response is sent.
struct Incoming {
  Request request;
  bool has_headers = false;
  bool too_large = false;
};

MHD_Result collect_header(void* into, MHD_ValueKind, const char* name, const char* value) {
  static_cast<Headers*>(into)->emplace_back(name, value == nullptr ? "" : value);
  return MHD_YES;
}

std::string address_of(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == nullptr || info->client_addr == nullptr) return {};
  char text[INET6_ADDRSTRLEN] = {};
  if (info->client_addr->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(info->client_addr);
    ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
  } else {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(info->client_addr);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
  }
  return text;
}

// A response that goes on: what is left of the part that was made last.
struct Stream {
  std::function<std::string()> next;
  std::string part;
};

constexpr std::size_t kStreamBlock = 16u << 10;

ssize_t read_stream(void* self, std::uint64_t, char* to, std::size_t room) {
  auto& stream = *static_cast<Stream*>(self);
  if (stream.part.empty()) stream.part = stream.next();
  if (stream.part.empty()) return MHD_CONTENT_READER_END_OF_STREAM;
  const std::size_t count = std::min(room, stream.part.size());
  stream.part.copy(to, count);
  stream.part.erase(0, count);
  return static_cast<ssize_t>(count);
}

MHD_Response* made_of(const Response& response) {
  if (response.next) {
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kStreamBlock, &read_stream,
                                             new Stream{response.next, {}},
                                             [](void* stream) { delete static_cast<Stream*>(stream); });
  }
  return MHD_create_response_from_buffer(response.body.size(), const_cast<char*>(response.body.data()),
                                         MHD_RESPMEM_MUST_COPY);
}

MHD_Result send(MHD_Connection* connection, const Response& response) {
  MHD_Response* made = made_of(response);
  if (made == nullptr) return MHD_NO;
  for (const auto& [name, value] : response.headers) MHD_add_response_header(made, name.c_str(), value.c_str());
  const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(response.status), made);
  MHD_destroy_response(made);
  return queued;
}

}  // namespace

// What libmicrohttpd calls, on the connection's thread.
struct Callbacks {
  // The target as received: libmicrohttpd would hand out a decoded path.
  static void* on_target(void* self, const char* target, MHD_Connection*) {
    static_cast<HttpServer*>(self)->began();
    auto incoming = std::make_unique<Incoming>();
    const std::string_view whole(target);
    const std::size_t mark = whole.find('?');
    incoming->request.path = whole.substr(0, mark);
    if (mark != std::string_view::npos) incoming->request.query = whole.substr(mark + 1);
    return incoming.release();
  }

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char*, const char* method, const char*,
                               const char* upload, std::size_t* upload_size, void** state) {
    auto* incoming = static_cast<Incoming*>(*state);
    if (incoming == nullptr) return MHD_NO;
    Request& request = incoming->request;
    if (!incoming->has_headers) {
      incoming->has_headers = true;
      request.method = method;
      request.address = address_of(connection);
      MHD_get_connection_values(connection, MHD_HEADER_KIND, &collect_header, &request.headers);
      return MHD_YES;
    }
    if (*upload_size > 0) {
      take_body(*incoming, {upload, *upload_size});
      *upload_size = 0;
      return MHD_YES;
    }
    return send(connection, static_cast<HttpServer*>(self)->handler_(request, incoming->too_large));
  }

  static void take_body(Incoming& incoming, std::string_view part) {
    if (incoming.too_large) return;
    if (incoming.request.body.size() + part.size() <= HttpServer::kMaxBodyBytes) {
      incoming.request.body += part;
    } else {
      incoming.too_large = true;
      incoming.request.body.clear();
    }
  }

  static void on_completed(void* self, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    delete static_cast<Incoming*>(*state);
    *state = nullptr;
    static_cast<HttpServer*>(self)->completed();
  }

  static std::size_t leave_encoded(void*, MHD_Connection*, char* text) { return std::strlen(text); }
};

std::optional<std::string> Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key.size() == name.size() && ::strncasecmp(key.data(), name.data(), name.size()) == 0) return value;
  }
  return std::nullopt;
}

HttpServer::HttpServer(std::string host, std::uint16_t port, Handler handler)
    : host_(std::move(host)), port_(port), handler_(std::move(handler)) {}

HttpServer::~HttpServer() { stop(); }

std::optional<std::string> HttpServer::start() {
  const std::string where = "listen " + host_ + ":" + std::to_string(port_) + ": ";
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int problem = ::getaddrinfo(host_.c_str(), std::to_string(port_).c_str(), &hints, &found);
  if (problem != 0) return where + ::gai_strerror(problem);
  unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC;
  if (found->ai_family == AF_INET6) flags |= MHD_USE_IPv6;
  errno = 0;
  daemon_ = MHD_start_daemon(flags, port_, nullptr, nullptr, &Callbacks::on_request, this,      //
                             MHD_OPTION_SOCK_ADDR, found->ai_addr,                              //
                             MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,                      //
                             MHD_OPTION_CONNECTION_TIMEOUT, kConnectionTimeoutSeconds,          //
                             MHD_OPTION_CONNECTION_MEMORY_LIMIT, kHeaderMemory,                 //
                             MHD_OPTION_LISTEN_BACKLOG_SIZE, kMaxConnections,                   //
                             MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,                            //
                             MHD_OPTION_URI_LOG_CALLBACK, &Callbacks::on_target, this,          //
                             MHD_OPTION_UNESCAPE_CALLBACK, &Callbacks::leave_encoded, nullptr,  //
                             MHD_OPTION_NOTIFY_COMPLETED, &Callbacks::on_completed, this,       //
                             MHD_OPTION_END);
  const int failure = errno;
  ::freeaddrinfo(found);
  if (daemon_ == nullptr) return where + (failure != 0 ? std::strerror(failure) : "could not start");
  return std::nullopt;
}

void HttpServer::began() {
  const std::lock_guard lock(mutex_);
  ++serving_;
}

void HttpServer::completed() {
  const std::lock_guard lock(mutex_);
  if (--serving_ == 0) all_completed_.notify_all();
}

void HttpServer::stop(std::chrono::milliseconds patience) {
  if (daemon_ == nullptr) return;
  const MHD_socket listening = MHD_quiesce_daemon(daemon_);
  {
    std::unique_lock lock(mutex_);
    all_completed_.wait_for(lock, patience, [this] { return serving_ == 0; });
  }
  MHD_stop_daemon(daemon_);
  if (listening != MHD_INVALID_SOCKET) ::close(listening);
  daemon_ = nullptr;
}

}  // namespace api
