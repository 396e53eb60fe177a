// An HTTP response as the payload of an envelope: status u32, number of headers u32, each name and value behind its
// length u32, then the body. Little-endian.
//
// Pure functions; thread-safe.
#pragma once

#include <envoyou/http.hpp>
#include <envoyou/result.hpp>

#include <string>
#include <string_view>

namespace envoyou::cache {

inline constexpr std::size_t kMaxStoredHeaders = 1024;

// REQUIRES: at most kMaxStoredHeaders, each name and value under 4 GiB.
std::string encode_response(const HttpResponse& response);
// Errors: kIncoherent.
Result<HttpResponse> decode_response(std::string_view payload);

}  // namespace envoyou::cache
