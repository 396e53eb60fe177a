#include "cache/response_codec.hpp"

#include "base/bytes.hpp"

#include <optional>

namespace envoyou::cache {
namespace {

Error torn() { return {Errc::kIncoherent, "cached response: does not decode"}; }

std::optional<std::uint32_t> take_u32(std::string_view& rest) noexcept {
  if (rest.size() < 4) return std::nullopt;
  const std::uint32_t value = base::read_u32(rest);
  rest.remove_prefix(4);
  return value;
}

std::optional<std::string> take_text(std::string_view& rest) {
  const auto size = take_u32(rest);
  if (!size || *size > rest.size()) return std::nullopt;
  std::string text(rest.substr(0, *size));
  rest.remove_prefix(*size);
  return text;
}

void append_text(std::string& to, std::string_view text) {
  base::append_u32(to, static_cast<std::uint32_t>(text.size()));
  to += text;
}

}  // namespace

std::string encode_response(const HttpResponse& response) {
  std::string payload;
  std::size_t size = 8 + response.body.size();
  for (const auto& [name, value] : response.headers) size += 8 + name.size() + value.size();
  payload.reserve(size);
  base::append_u32(payload, static_cast<std::uint32_t>(response.status));
  base::append_u32(payload, static_cast<std::uint32_t>(response.headers.size()));
  for (const auto& [name, value] : response.headers) {
    append_text(payload, name);
    append_text(payload, value);
  }
  payload += response.body;
  return payload;
}

Result<HttpResponse> decode_response(std::string_view payload) {
  const auto status = take_u32(payload);
  const auto count = take_u32(payload);
  if (!status || !count || *status < 100 || *status > 599 || *count > kMaxStoredHeaders) return torn();
  HttpResponse response;
  response.status = static_cast<int>(*status);
  for (std::uint32_t i = 0; i < *count; ++i) {
    auto name = take_text(payload);
    auto value = take_text(payload);
    if (!name || !value) return torn();
    response.headers.emplace_back(std::move(*name), std::move(*value));
  }
  response.body = payload;
  return response;
}

}  // namespace envoyou::cache
