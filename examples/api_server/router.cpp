#include "router.hpp"

#include "responses.hpp"
#include "text.hpp"

#include <spdlog/spdlog.h>

#include <exception>

namespace api {
namespace {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

std::string without_braces(std::string_view segment) { return std::string(segment.substr(1, segment.size() - 2)); }

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!is_parameter(pattern[i]) && pattern[i] != path[i]) return false;
  }
  return true;
}

// A handler that throws is a defect of the program, and must not take the others' requests with it.
Response guarded(const Router::Handle& handle, Call& call) {
  try {
    return handle(call);
  } catch (const std::exception& error) {
    spdlog::error("a handler failed: {}", error.what());
    return problem(500, "the request could not be served");
  }
}

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, Handle handle) {
  routes_.push_back({std::string(method), split_path(pattern), std::move(handle)});
}

Router::Match Router::find(const Request& request) const {
  Match match;
  const std::string& method = request.method == "HEAD" ? std::string("GET") : request.method;
  const std::vector<std::string> path = split_path(request.path);
  for (const Route& route : routes_) {
    if (!fits(route.segments, path)) continue;
    match.allow += (match.allow.empty() ? "" : ", ") + route.method + (route.method == "GET" ? ", HEAD" : "");
    if (route.method != method || match.route != nullptr) continue;
    match.route = &route;
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (!is_parameter(route.segments[i])) continue;
      auto decoded = percent_decode(path[i]);
      if (!decoded) match.bad_segment = without_braces(route.segments[i]);
      match.parameters.push_back(std::move(decoded).value_or(""));
    }
  }
  return match;
}

Response Router::answer(Call& call, const Match& match, bool body_too_large) const {
  if (call.request.path.starts_with("/api/")) {
    if (auto refused = limit_rate(call)) return *std::move(refused);
  }
  if (match.route == nullptr) {
    return match.allow.empty() ? problem(404, "there is no such route") : method_not_allowed(match.allow);
  }
  if (!match.bad_segment.empty()) {
    return problem(400, match.bad_segment + ": not valid percent-encoding", match.bad_segment);
  }
  if (body_too_large) {
    return problem(413, "body: larger than " + std::to_string(HttpServer::kMaxBodyBytes) + " bytes", "body");
  }
  return guarded(match.route->handle, call);
}

Response Router::serve(const Request& request, bool body_too_large) const {
  Match match = find(request);
  Call call(app_, request, std::move(match.parameters));
  Response response = answer(call, match, body_too_large);
  for (auto& header : call.headers) response.headers.push_back(std::move(header));
  response.headers.emplace_back("X-Envoyou-Source", call.source());
  return response;
}

}  // namespace api
