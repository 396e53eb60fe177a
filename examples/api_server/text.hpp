// Texts of the web: percent-encoding, query parameters, cookies.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace api {

// Nothing where '%' is not followed by two hex digits. '+' stays '+'.
std::optional<std::string> percent_decode(std::string_view text);
// The first value of a query parameter, decoded.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);
// The first cookie of this name in a Cookie header (RFC 6265).
std::optional<std::string> cookie_value(std::string_view cookies, std::string_view name);
std::string sha256_hex(std::string_view bytes);

}  // namespace api
