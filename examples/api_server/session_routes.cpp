// The session routes. A demo: there is no password, whoever names a user is that user.
//
// The id travels in the cookie only, is never in a body, and is never logged.
#include "responses.hpp"
#include "router.hpp"
#include "text.hpp"

#include <envoyou/adapters/nlohmann.hpp>
#include <envoyou/session.hpp>

namespace api {
namespace {

using envoyou::Errc;
using envoyou::Result;
using envoyou::Session;
using nlohmann::json;

constexpr std::string_view kCookie = "__Host-session";
constexpr std::string_view kAttributes = "; Path=/; Secure; HttpOnly; SameSite=Lax";
constexpr std::size_t kMaxJsonBytes = 256u << 10;

envoyou::SessionStore& store(Call& call) { return call.app.services.sessions(); }
envoyou::SessionCall within(const Call& call) { return {.deadline = call.deadline}; }

std::string presented_id(const Call& call) {
  return cookie_value(call.request.header("Cookie").value_or(""), kCookie).value_or("");
}

void set_cookie(Call& call, const std::string& id) {
  call.headers.emplace_back("Set-Cookie", std::string(kCookie) + "=" + id + std::string(kAttributes));
}

void clear_cookie(Call& call) {
  call.headers.emplace_back("Set-Cookie", std::string(kCookie) + "=; Max-Age=0" + std::string(kAttributes));
}

Response unauthorized() { return problem(401, "there is no live session"); }

// Not found means 401 here: whose session it is, is told by the session itself.
Response session_problem(const envoyou::Error& error) {
  return error.code() == Errc::kNotFound ? unauthorized() : to_problem(error);
}

Result<json> body_object(const Request& request) {
  if (request.body.size() > kMaxJsonBytes) {
    return envoyou::Error(Errc::kTooLarge, "body: larger than " + std::to_string(kMaxJsonBytes) + " bytes");
  }
  auto body = envoyou::parse_json("body", request.body);
  if (body && !body->is_object()) return envoyou::invalid_argument("body", "must be a JSON object");
  return body;
}

// A member that must be an object if it is there; its text.
Result<std::string> object_member(const json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end()) return std::string("{}");
  if (!found->is_object()) return envoyou::invalid_argument(name, "must be a JSON object");
  return found->dump();
}

Result<envoyou::NewSession> read_login(const Call& call) {
  const auto body = body_object(call.request);
  if (!body) return body.error();
  const auto user_id = body->find("user_id");
  if (user_id == body->end() || !user_id->is_string()) return envoyou::invalid_argument("user_id", "must be a string");
  auto user_data = object_member(*body, "user_data");
  if (!user_data) return user_data.error();
  auto device_info = object_member(*body, "device_info");
  if (!device_info) return device_info.error();
  return envoyou::NewSession{.user_id = user_id->get<std::string>(),
                             .user_data = *std::move(user_data),
                             .device_info = *std::move(device_info),
                             .ip_address = call.request.address};
}

Response login(Call& call) {
  const auto wanted = read_login(call);
  if (!wanted) return to_problem(wanted.error());
  // A live session that is presented with the login ends: an id from before the login is never one from after it.
  if (const std::string old = presented_id(call); !old.empty()) {
    const auto ended = store(call).remove(old, within(call));
    if (!ended && ended.error().code() == Errc::kStorage) return to_problem(ended.error());
  }
  const auto made = store(call).create(*wanted, within(call));
  if (!made) return to_problem(made.error());
  call.note(made->source);
  set_cookie(call, made->id);
  return json_response(201, *made);
}

Response show(Call& call) {
  const auto session = store(call).get(presented_id(call), within(call));
  if (!session) return session_problem(session.error());
  return json_response(200, call.noted(*session));
}

Response touch(Call& call) {
  const auto touched = store(call).touch(presented_id(call), within(call));
  return touched ? no_content() : session_problem(touched.error());
}

Result<Session> apply_patch(Call& call, const json& body) {
  const auto user_data = body.find("user_data");
  if (user_data == body.end() || !user_data->is_object()) {
    return envoyou::invalid_argument("user_data", "must be a JSON object");
  }
  const auto version = body.find("version");
  if (version == body.end()) return store(call).merge(presented_id(call), user_data->dump(), within(call));
  if (!version->is_number_unsigned() || version->get<std::uint64_t>() == 0) {
    return envoyou::invalid_argument("version", "must be a whole number from 1");
  }
  return store(call).replace(presented_id(call), version->get<std::uint64_t>(), user_data->dump(), within(call));
}

Response patch(Call& call) {
  const auto body = body_object(call.request);
  if (!body) return to_problem(body.error());
  const auto session = apply_patch(call, *body);
  if (!session) return session_problem(session.error());
  return json_response(200, call.noted(*session));
}

Response rotate(Call& call) {
  const auto session = store(call).rotate(presented_id(call), within(call));
  if (!session) return session_problem(session.error());
  set_cookie(call, session->id);
  return json_response(200, call.noted(*session));
}

Response logout(Call& call) {
  const auto ended = store(call).remove(presented_id(call), within(call));
  clear_cookie(call);
  if (!ended) return session_problem(ended.error());
  return *ended ? no_content() : unauthorized();
}

Response list(Call& call) {
  const auto session = store(call).get(presented_id(call), within(call));
  if (!session) return session_problem(session.error());
  const auto sessions = store(call).list(call.noted(*session).user_id, within(call));
  if (!sessions) return to_problem(sessions.error());
  json rows = json::array();
  for (const auto& each : *sessions) {
    rows.push_back({{"handle", each.handle},
                    {"created_at", envoyou::to_rfc3339(each.created_at)},
                    {"last_active", envoyou::to_rfc3339(each.last_active)},
                    {"device_info", envoyou::detail_json::stored(each.device_info)},
                    {"current", each.handle == session->handle}});
  }
  return json_response(200, {{"sessions", std::move(rows)}});
}

Response revoke(Call& call) {
  const auto session = store(call).get(presented_id(call), within(call));
  if (!session) return session_problem(session.error());
  const std::string& handle = call.parameters[0];
  const auto revoked = store(call).revoke(call.noted(*session).user_id, handle, within(call));
  if (!revoked) return to_problem(revoked.error());
  if (handle == session->handle) clear_cookie(call);
  return no_content();
}

Response logout_everywhere(Call& call) {
  const auto session = store(call).get(presented_id(call), within(call));
  if (!session) return session_problem(session.error());
  const auto ended = store(call).revoke_all(call.noted(*session).user_id, within(call));
  if (!ended) return to_problem(ended.error());
  clear_cookie(call);
  return no_content();
}

// The original's routes name a session by its id in the path. Only a session of the caller's own is shown or ended; any
// other is not told from one that does not exist.
Result<Session> named_in_path(Call& call) {
  const auto caller = store(call).get(presented_id(call), within(call));
  if (!caller) return caller.error();
  auto named = store(call).get(call.parameters[0], within(call));
  if (named && named->user_id == call.noted(*caller).user_id) return named;
  if (!named && named.error().code() == Errc::kUnknown) return named;
  return envoyou::Error(Errc::kConflict, "another's");
}

Response named_problem(const envoyou::Error& error) {
  return error.code() == Errc::kConflict ? problem(404, "there is no such session") : session_problem(error);
}

Response show_named(Call& call) {
  const auto session = named_in_path(call);
  return session ? json_response(200, *session) : named_problem(session.error());
}

Response end_named(Call& call) {
  const auto session = named_in_path(call);
  if (!session) return named_problem(session.error());
  const auto ended = store(call).remove(session->id, within(call));
  if (!ended) return session_problem(ended.error());
  if (session->id == presented_id(call)) clear_cookie(call);
  return no_content();
}

// Nothing that is said of a session is for a cache.
Router::Handle private_answer(Response (*handle)(Call&)) {
  return [handle](Call& call) {
    Response response = handle(call);
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
  };
}

}  // namespace

void add_session_routes(Router& router) {
  router.add("POST", "/auth/login", private_answer(login));
  router.add("GET", "/auth/session", private_answer(show));
  router.add("POST", "/auth/session/touch", private_answer(touch));
  router.add("PATCH", "/auth/session", private_answer(patch));
  router.add("POST", "/auth/session/rotate", private_answer(rotate));
  router.add("DELETE", "/auth/session", private_answer(logout));
  router.add("GET", "/auth/sessions", private_answer(list));
  router.add("DELETE", "/auth/sessions/{handle}", private_answer(revoke));
  router.add("POST", "/auth/logout-all", private_answer(logout_everywhere));
  router.add("GET", "/auth/sessions/redis/{session_id}", private_answer(show_named));
  router.add("DELETE", "/auth/sessions/redis/{session_id}", private_answer(end_named));
}

}  // namespace api
