// The parts of redis://, rediss:// and unix:// URLs. RFC 3986 as far as Redis clients use it.
//
// What is wrong is told by the part's name alone and never with its text: where a URL is written wrongly, any part of
// it may be the password ("redis://user:secret" without its host has the password where a port belongs).
//
// Pure; thread-safe.
#pragma once

#include <envoyou/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace envoyou::redis {

struct UrlParts {
  std::string scheme;  // lower case
  std::string username;
  std::string password;
  std::string host;  // without brackets; empty with unix://
  std::optional<std::uint16_t> port;
  std::string path;  // unix:// only, decoded
  std::uint32_t database = 0;
};

// Errors: kInvalidArgument.
Result<UrlParts> split_url(std::string_view url);

}  // namespace envoyou::redis
