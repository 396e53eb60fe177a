// The parts of redis://, rediss:// and unix:// URLs, and of those that name a cluster or sentinels. RFC 3986 as far as
// Redis clients use it.
//
// What is wrong is told by the part's name alone and never with its text: where a URL is written wrongly, any part of
// it may be the password ("redis://user:secret" without its host has the password where a port belongs).
//
// Pure; thread-safe.
#pragma once

#include <envoyou/redis/options.hpp>
#include <envoyou/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::redis {

constexpr std::size_t kMaxHost = 253;  // of a DNS name

struct UrlParts {
  std::string scheme;  // lower case
  std::string username;
  std::string password;
  // At least one, but for unix://. A port that is not named is the scheme's default.
  std::vector<Endpoint> hosts;
  std::string path;         // unix:// only, decoded
  std::string master_name;  // redis-sentinel:// and rediss-sentinel:// only, decoded
  std::uint32_t database = 0;
};

bool names_a_cluster(std::string_view scheme) noexcept;
bool names_sentinels(std::string_view scheme) noexcept;

// Errors: kInvalidArgument.
Result<UrlParts> split_url(std::string_view url);

}  // namespace envoyou::redis
