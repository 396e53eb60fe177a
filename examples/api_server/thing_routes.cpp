// GET /api/things/{group}/{n}: an answer that costs API_WORK_MS to make and is worth caching.
#include "responses.hpp"
#include "router.hpp"
#include "text.hpp"

#include <envoyou/cache.hpp>

#include <algorithm>
#include <utility>

namespace api {
namespace {

constexpr std::size_t kMaxNameBytes = 64;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

std::optional<Response> check_name(std::string_view field, std::string_view name) {
  if (!name.empty() && name.size() <= kMaxNameBytes && std::all_of(name.begin(), name.end(), is_name_character)) {
    return std::nullopt;
  }
  return problem(400, std::string(field) + ": must be 1 to 64 of letters, digits, '-', '_' and '.'", field);
}

// Without the port: servers of one name share their answers, whichever port each of them listens on.
std::string host_name(const Request& request) {
  const std::string host = request.header("Host").value_or("");
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string::npos && host.find(']', colon) == std::string::npos;
  return has_port ? host.substr(0, colon) : host;
}

envoyou::HttpRequest as_cache_sees_it(const Request& request) {
  envoyou::HttpRequest seen;
  seen.host = host_name(request);
  seen.path = request.path;
  seen.query = request.query;
  seen.headers = request.headers;
  return seen;
}

envoyou::HttpResponse make_thing(const Call& call) {
  const std::string& group = call.parameters[0];
  const std::string& n = call.parameters[1];
  if (!call.app.ending.pause(call.app.settings.work)) {
    Response gone = problem(503, "the server is ending");
    return {gone.status, std::move(gone.headers), std::move(gone.body)};
  }
  const nlohmann::json body = {{"group", group}, {"n", n}, {"digest", sha256_hex(group + "/" + n)}};
  return {200, {{"Content-Type", "application/json"}}, body.dump()};
}

Response get_thing(Call& call) {
  if (auto bad = check_name("group", call.parameters[0])) return *std::move(bad);
  if (auto bad = check_name("n", call.parameters[1])) return *std::move(bad);
  auto fetched = call.app.services.responses().fetch(as_cache_sees_it(call.request),
                                                     [&call](const envoyou::HttpRequest&) { return make_thing(call); },
                                                     {.deadline = call.deadline});
  call.note(fetched.lookup.source);
  Response response{fetched.response.status, std::move(fetched.response.headers), std::move(fetched.response.body)};
  response.headers.emplace_back("Cache-Status", fetched.lookup.cache_status());
  if (fetched.lookup) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(fetched.lookup.age);
    response.headers.emplace_back("Age", std::to_string(age.count()));
  }
  return response;
}

}  // namespace

void add_thing_routes(Router& router) { router.add("GET", "/api/things/{group}/{n}", get_thing); }

}  // namespace api
