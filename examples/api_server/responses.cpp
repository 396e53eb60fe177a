#include "responses.hpp"

#include <string>

namespace api {
namespace {

using envoyou::Errc;

std::string_view title_of(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 429: return "Too Many Requests";
    case 503: return "Service Unavailable";
    default: return "Internal Server Error";
  }
}

int status_of(Errc code) {
  switch (code) {
    case Errc::kInvalidArgument: return 400;
    case Errc::kTooLarge: return 413;
    case Errc::kNotFound: return 404;
    case Errc::kConflict: return 409;
    case Errc::kUnknown:
    case Errc::kQueueFull:
    case Errc::kStorage: return 503;
    default: return 500;
  }
}

// "user_data: not valid JSON at byte 3" -> user_data
std::string_view field_of(std::string_view message) {
  const std::size_t colon = message.find(": ");
  const std::string_view field = message.substr(0, colon == std::string_view::npos ? 0 : colon);
  return field.find(' ') == std::string_view::npos ? field : std::string_view();
}

std::string dumped(const nlohmann::json& body) {
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Response json_response(int status, const nlohmann::json& body) {
  return {status, {{"Content-Type", "application/json"}}, dumped(body)};
}

Response no_content() { return {204, {}, {}}; }

Response problem(int status, std::string_view detail, std::string_view field) {
  nlohmann::json body = {{"type", "about:blank"}, {"title", title_of(status)}, {"status", status}, {"detail", detail}};
  if (!field.empty()) body["field"] = field;
  return {status, {{"Content-Type", "application/problem+json"}}, dumped(body)};
}

Response method_not_allowed(std::string_view allow) {
  Response response = problem(405, "this route takes " + std::string(allow));
  response.headers.emplace_back("Allow", allow);
  return response;
}

Response to_problem(const envoyou::Error& error) {
  const int status = status_of(error.code());
  const bool is_callers_fault = status == 400 || status == 413;
  Response response =
      problem(status, error.message(), is_callers_fault ? field_of(error.message()) : std::string_view());
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace api
