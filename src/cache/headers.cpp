#include "cache/headers.hpp"

#include <algorithm>

namespace envoyou {

std::optional<std::string_view> find_header(const HttpHeaders& headers, std::string_view name) noexcept {
  for (const auto& [field, value] : headers) {
    if (cache::equal_without_case(field, name)) return value;
  }
  return std::nullopt;
}

namespace cache {
namespace {

constexpr std::string_view kTokenSigns = "!#$%&'*+-.^_`|~";

bool is_token_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kTokenSigns.find(c) != std::string_view::npos;
}

// Where the element that begins at `from` ends.
std::size_t end_of_element(std::string_view list, std::size_t from) noexcept {
  bool quoted = false;
  for (std::size_t i = from; i < list.size(); ++i) {
    if (quoted && list[i] == '\\') {
      ++i;
    } else if (list[i] == '"') {
      quoted = !quoted;
    } else if (list[i] == ',' && !quoted) {
      return i;
    }
  }
  return list.size();
}

}  // namespace

char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return to_lower(c); });
  return lower;
}

bool equal_without_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, [](char x, char y) { return to_lower(x) == to_lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_token(std::string_view text) noexcept { return !text.empty() && std::ranges::all_of(text, is_token_char); }

void for_each_element(std::string_view list, const std::function<void(std::string_view)>& visit) {
  for (std::size_t from = 0; from < list.size();) {
    const std::size_t end = end_of_element(list, from);
    const std::string_view element = trimmed(list.substr(from, end - from));
    if (!element.empty()) visit(element);
    from = end + 1;
  }
}

void for_each_element(const HttpHeaders& headers, std::string_view name,
                      const std::function<void(std::string_view)>& visit) {
  for (const auto& [field, value] : headers) {
    if (equal_without_case(field, name)) for_each_element(value, visit);
  }
}

}  // namespace cache
}  // namespace envoyou
