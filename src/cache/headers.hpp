// Reading HTTP header fields: names without case, lists split at commas that are not inside quotes.
//
// Pure functions; thread-safe. Views look into the arguments.
#pragma once

#include <envoyou/http.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace envoyou::cache {

char to_lower(char c) noexcept;
std::string to_lower(std::string_view text);
bool equal_without_case(std::string_view a, std::string_view b) noexcept;
// Without the spaces and tabs around it.
std::string_view trimmed(std::string_view text) noexcept;
// RFC 9110, 5.6.2: what a method, a header's name or a directive is made of.
bool is_token(std::string_view text) noexcept;

// Calls `visit` for each element of a comma-separated list, trimmed, empty ones left out.
void for_each_element(std::string_view list, const std::function<void(std::string_view)>& visit);
// The same over every field line of that name.
void for_each_element(const HttpHeaders& headers, std::string_view name,
                      const std::function<void(std::string_view)>& visit);

}  // namespace envoyou::cache
