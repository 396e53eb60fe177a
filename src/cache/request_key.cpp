#include "cache/request_key.hpp"

#include "base/bytes.hpp"
#include "cache/headers.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace envoyou::cache {
namespace {

bool is_dot_segment(std::string_view segment) noexcept { return segment == "." || segment == ".."; }

// The byte that "%XX" at the front of `text` stands for.
std::optional<unsigned char> escaped_byte(std::string_view text) noexcept {
  if (text.size() < 3 || text[0] != '%') return std::nullopt;
  unsigned char byte = 0;
  const char* const end = text.data() + 3;
  const auto [at, error] = std::from_chars(text.data() + 1, end, byte, 16);
  if (error != std::errc() || at != end) return std::nullopt;
  return byte;
}

bool is_unreserved(unsigned char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// Escapes in their one normal form: unreserved characters as themselves, the others with upper-case digits.
std::string with_normal_escapes(std::string_view path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string normal;
  normal.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto byte = escaped_byte(path.substr(i));
    if (!byte) {
      normal += path[i];
      continue;
    }
    if (is_unreserved(*byte)) {
      normal += static_cast<char>(*byte);
    } else {
      normal += {'%', kDigits[*byte >> 4U], kDigits[*byte & 15U]};
    }
    i += 2;
  }
  return normal;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (std::size_t from = 0;;) {
    const std::size_t end = text.find(separator, from);
    pieces.push_back(text.substr(from, end - from));
    if (end == std::string_view::npos) return pieces;
    from = end + 1;
  }
}

std::string without_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  const auto segments = split(path, '/');
  for (std::size_t i = 1; i < segments.size(); ++i) {
    const bool is_last = i + 1 == segments.size();
    if (segments[i] == ".." && !kept.empty()) kept.pop_back();
    if (!is_dot_segment(segments[i])) kept.push_back(segments[i]);
    if (is_dot_segment(segments[i]) && is_last) kept.emplace_back();
  }
  std::string joined;
  for (const std::string_view segment : kept) joined.append("/").append(segment);
  return joined.empty() ? "/" : joined;
}

// A segment that a router may take for more or less than the one segment it looks like.
bool is_ambiguous(std::string_view segment, bool is_last) {
  if (segment.empty()) return !is_last;
  if (segment.find('\\') != std::string_view::npos) return true;
  if (segment.find('%') == std::string_view::npos) return is_dot_segment(segment);
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] != '%') continue;
    const auto byte = escaped_byte(segment.substr(i));
    if (!byte || *byte == '/' || *byte == '\\' || *byte < 0x20 || *byte == 0x7F) return true;
  }
  return is_dot_segment(with_normal_escapes(segment));
}

bool is_host(std::string_view host) noexcept {
  return host.size() <= kMaxHostBytes && std::ranges::all_of(host, [](char c) {
           return c > ' ' && c < '\x7F' && c != '/' && c != '\\' && c != '@' && c != '?' && c != '#' && c != ',';
         });
}

void append_query(std::string& canonical, std::string_view query) {
  auto parameters = query.empty() ? std::vector<std::string_view>{} : split(query, '&');
  const auto name_of = [](std::string_view parameter) { return parameter.substr(0, parameter.find('=')); };
  std::ranges::stable_sort(parameters, {}, name_of);
  base::append_length_prefixed(canonical, std::to_string(parameters.size()));
  for (const std::string_view parameter : parameters) base::append_length_prefixed(canonical, parameter);
}

// The values of all field lines of that name, joined as RFC 9110, 5.3 allows; nullopt if there is none.
std::optional<std::string> joined_values(const HttpHeaders& headers, std::string_view name) {
  std::optional<std::string> joined;
  for (const auto& [field, value] : headers) {
    if (!equal_without_case(field, name)) continue;
    if (joined) {
      joined->append(", ").append(trimmed(value));
    } else {
      joined.emplace(trimmed(value));
    }
  }
  return joined;
}

void append_vary(std::string& canonical, const HttpRequest& request, const EndpointRule& rule) {
  base::append_length_prefixed(canonical, std::to_string(rule.vary_headers.size()));
  for (const std::string& name : rule.vary_headers) {
    const auto value = joined_values(request.headers, name);
    base::append_length_prefixed(canonical, name);
    base::append_length_prefixed(canonical, value ? "present" : "absent");
    base::append_length_prefixed(canonical, value.value_or(""));
  }
}

void append_principal(std::string& canonical, const HttpRequest& request, const EndpointRule& rule) {
  const bool of_nobody = rule.is_public || request.principal.empty();
  base::append_length_prefixed(canonical, rule.is_public ? "public" : of_nobody ? "anonymous" : "principal");
  base::append_length_prefixed(canonical, of_nobody ? std::string_view() : request.principal);
}

}  // namespace

std::string_view problem_of_target(const HttpRequest& request) {
  const std::string_view path = request.path;
  const auto bad = [](std::string_view text, std::string_view signs) {
    return text.find_first_of(signs) != std::string_view::npos || base::has_control_characters(text);
  };
  if (!is_host(request.host)) return "host";
  if (path.empty() || path.front() != '/' || path.size() + request.query.size() > kMaxTargetBytes) return "target";
  if (bad(path, " ?#") || bad(request.query, " #")) return "target";
  const auto segments = split(path.substr(1), '/');
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (is_ambiguous(segments[i], i + 1 == segments.size())) return "target";
  }
  return {};
}

std::string_view problem_of_request(const HttpRequest& request, const EndpointRule& rule) {
  if (const auto problem = problem_of_target(request); !problem.empty()) return problem;
  if (request.principal.size() > kMaxPrincipalBytes) return "principal";
  for (const std::string& name : rule.vary_headers) {
    const auto value = joined_values(request.headers, name);
    if (value && value->size() > kMaxVaryValueBytes) return "header";
  }
  return {};
}

std::string canonical_request(const HttpRequest& request, const EndpointRule& rule) {
  std::string canonical;
  canonical.reserve(request.host.size() + request.path.size() + request.query.size() + 128);
  base::append_length_prefixed(canonical, "GET");
  base::append_length_prefixed(canonical, to_lower(request.host));
  base::append_length_prefixed(canonical, request.path);
  append_query(canonical, request.query);
  append_vary(canonical, request, rule);
  append_principal(canonical, request, rule);
  return canonical;
}

std::string canonical_resource(std::string_view host, std::string_view path) {
  std::string canonical;
  base::append_length_prefixed(canonical, to_lower(host));
  base::append_length_prefixed(canonical, without_dot_segments(with_normal_escapes(path)));
  return canonical;
}

}  // namespace envoyou::cache
