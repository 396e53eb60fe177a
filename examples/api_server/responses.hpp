// The usual responses. Errors are problem details (RFC 9457).
#pragma once

#include "http_server.hpp"

#include <envoyou/result.hpp>

#include <nlohmann/json.hpp>

#include <string_view>

namespace api {

Response json_response(int status, const nlohmann::json& body);
Response no_content();
// `field` names the input that is wrong; empty where there is none.
Response problem(int status, std::string_view detail, std::string_view field = {});
Response method_not_allowed(std::string_view allow);
// What an error of the library means to an HTTP client.
Response to_problem(const envoyou::Error& error);

}  // namespace api
