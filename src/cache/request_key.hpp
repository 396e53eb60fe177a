// What makes two requests the same: one canonical text of length-prefixed parts, of which the cache's key is a digest.
//
//   method (GET; HEAD asks for GET's entry), host in lower case, path as received, the query's parameters sorted by
//   name with the order of equal names and every duplicate kept, the rule's vary headers, and who asks, unless the rule
//   is public
//
// Nothing is decoded for the key: two spellings of a URI are two entries, which costs a hit and never gives a wrong
// one. A target that a router might read in another way than the rules' patterns (dot segments, empty segments, encoded
// separators, backslashes) has no key: it is not cached at all.
//
// Pure functions; thread-safe.
#pragma once

#include <envoyou/cache.hpp>
#include <envoyou/http.hpp>

#include <string>
#include <string_view>

namespace envoyou::cache {

inline constexpr std::size_t kMaxTargetBytes = 8192;     // path and query
inline constexpr std::size_t kMaxHostBytes = 261;        // 255 and a port
inline constexpr std::size_t kMaxVaryValueBytes = 4096;  // of one header
inline constexpr std::size_t kMaxPrincipalBytes = 1024;

// Why the request can have no key: "host", "target", "header", "principal"; empty if it can.
std::string_view problem_of_request(const HttpRequest& request, const EndpointRule& rule);
std::string_view problem_of_target(const HttpRequest& request);

// REQUIRES: no problem. The rule's vary headers are in lower case and sorted, as Rules gives them.
std::string canonical_request(const HttpRequest& request, const EndpointRule& rule);

// What all entries of one host and path have in common, whatever their query, headers and principal. Here spellings are
// made equal (unreserved characters decoded, escapes in upper case, dot segments resolved), since a purge that takes
// too much is safe.
std::string canonical_resource(std::string_view host, std::string_view path);

}  // namespace envoyou::cache
