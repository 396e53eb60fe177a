// What a cache that is shared by all users may answer and keep (RFC 9111, the part that needs no validator), as pure
// functions.
//
// Safe by default: a request with credentials is nobody's business but its principal's, a response that says "private",
// sets a cookie or varies on what is not in the key is not kept. How long an entry is good is the rule's affair; what
// the response says of its freshness can shorten that, never lengthen it. A client's Cache-Control does not get it past
// the cache, or anybody could have the work done again and again; its no-store keeps the answer out, as it must.
//
// Does not: validate (304), serve stale, answer ranges, read Expires.
//
// Thread-safe.
#pragma once

#include <envoyou/cache.hpp>
#include <envoyou/http.hpp>

#include <optional>
#include <string_view>

namespace envoyou::cache {

// Why the request is neither looked up nor stored: "method", "no-rule", "credentials", or what problem_of_request says;
// empty if it may be. `rule` may be null.
std::string_view bypass_reason(const HttpRequest& request, const EndpointRule* rule);

// How long the response may be kept, at most `ttl`; nullopt: not at all. REQUIRES: the request is not bypassed.
std::optional<Milliseconds> keep_for(const HttpRequest& request, const HttpResponse& response, const EndpointRule& rule,
                                     Milliseconds ttl);

// Without the fields that belong to one connection, and without Age, which is the reader's to compute.
HttpHeaders kept_headers(const HttpHeaders& headers);

// A method that changes something, answered with success: what was kept of its target is no longer true.
bool makes_stale(std::string_view method, int status) noexcept;

}  // namespace envoyou::cache
