#include "cache/http_policy.hpp"

#include "base/bytes.hpp"
#include "cache/headers.hpp"
#include "cache/request_key.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace envoyou::cache {
namespace {

constexpr std::array<std::string_view, 3> kCredentials{"authorization", "cookie", "x-api-key"};
constexpr std::array kStorableStatuses{200, 203, 204, 301, 404, 410};
constexpr std::array<std::string_view, 4> kSafeMethods{"GET", "HEAD", "OPTIONS", "TRACE"};
constexpr std::array<std::string_view, 11> kOfOneConnection{
    "connection", "keep-alive", "proxy-connection", "proxy-authenticate",        "proxy-authorization",
    "te",         "trailer",    "upgrade",          "proxy-authentication-info", "transfer-encoding",
    "age"};

bool has_credentials(const HttpRequest& request) {
  return std::ranges::any_of(kCredentials,
                             [&](std::string_view name) { return find_header(request.headers, name).has_value(); });
}

// What Cache-Control says that matters to a shared cache without validation.
struct Directives {
  bool forbids = false;  // no-store, private, no-cache: also with field names, which would ask for a rewritten response
  std::optional<std::int64_t> max_age{};
  std::optional<std::int64_t> s_maxage{};
};

// Seconds; what is not a number means stale already (RFC 9111, 4.2.1), what is too large means very long.
std::int64_t seconds_of(std::string_view text) noexcept {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  const bool all_digits = !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!all_digits) return 0;
  constexpr std::int64_t kVeryLong = std::int64_t{1} << 31;
  return std::min(base::parse_int64(text).value_or(kVeryLong), kVeryLong);
}

Directives directives_of(const HttpHeaders& headers) {
  Directives found;
  for_each_element(headers, "cache-control", [&](std::string_view element) {
    const std::size_t equals = element.find('=');
    const std::string name = to_lower(trimmed(element.substr(0, equals)));
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : trimmed(element.substr(equals + 1));
    if (name == "no-store" || name == "private" || name == "no-cache") found.forbids = true;
    // Of two that contradict each other the shorter counts.
    if (name == "max-age") found.max_age = std::min(found.max_age.value_or(INT64_MAX), seconds_of(value));
    if (name == "s-maxage") found.s_maxage = std::min(found.s_maxage.value_or(INT64_MAX), seconds_of(value));
  });
  return found;
}

bool varies_only_on(const HttpHeaders& headers, const std::vector<std::string>& in_key) {
  bool all_in_key = true;
  for_each_element(headers, "vary", [&](std::string_view name) {
    all_in_key = all_in_key && std::ranges::find(in_key, to_lower(name)) != in_key.end();
  });
  return all_in_key;
}

bool forbids_storing(const HttpRequest& request) {
  bool forbids = false;
  for_each_element(request.headers, "cache-control",
                   [&](std::string_view element) { forbids = forbids || equal_without_case(element, "no-store"); });
  return forbids;
}

}  // namespace

std::string_view bypass_reason(const HttpRequest& request, const EndpointRule* rule) {
  if (request.method != "GET" && request.method != "HEAD") return "method";
  if (rule == nullptr || rule->ttl <= Milliseconds(0)) return "no-rule";
  if (!rule->is_public && request.principal.empty() && has_credentials(request)) return "credentials";
  return problem_of_request(request, *rule);
}

std::optional<Milliseconds> keep_for(const HttpRequest& request, const HttpResponse& response, const EndpointRule& rule,
                                     Milliseconds ttl) {
  const bool storable_status = std::ranges::find(kStorableStatuses, response.status) != kStorableStatuses.end();
  if (request.method != "GET" || !storable_status || ttl <= Milliseconds(0) || ttl > kMaxCacheTtl) return std::nullopt;
  if (find_header(response.headers, "set-cookie") || !varies_only_on(response.headers, rule.vary_headers))
    return std::nullopt;
  if (forbids_storing(request)) return std::nullopt;
  const Directives said = directives_of(response.headers);
  if (said.forbids) return std::nullopt;
  const auto fresh_for = said.s_maxage ? said.s_maxage : said.max_age;
  if (!fresh_for) return ttl;
  const Milliseconds kept = std::min(ttl, Milliseconds(std::chrono::seconds(*fresh_for)));
  return kept > Milliseconds(0) ? std::optional(kept) : std::nullopt;
}

HttpHeaders kept_headers(const HttpHeaders& headers) {
  std::vector<std::string> dropped(kOfOneConnection.begin(), kOfOneConnection.end());
  for_each_element(headers, "connection", [&](std::string_view name) { dropped.push_back(to_lower(name)); });
  HttpHeaders kept;
  for (const auto& [name, value] : headers) {
    if (std::ranges::find(dropped, to_lower(name)) == dropped.end()) kept.emplace_back(name, value);
  }
  return kept;
}

bool makes_stale(std::string_view method, int status) noexcept {
  const bool is_safe = std::ranges::find(kSafeMethods, method) != kSafeMethods.end();
  return !is_safe && status >= 200 && status < 400;
}

}  // namespace envoyou::cache
