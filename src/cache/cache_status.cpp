// The Cache-Status field (RFC 9211): one member, this cache, a hit with its time left or why the request went on.
#include "cache/headers.hpp"

#include <envoyou/cache.hpp>

namespace envoyou {
namespace {

// A structured field's token begins with a letter or '*' (RFC 8941, 3.3.4).
bool begins_token(char c) noexcept {
  const char lower = cache::to_lower(c);
  return (lower >= 'a' && lower <= 'z') || c == '*';
}

// A token as itself, anything else as a quoted string of what may be in one.
std::string as_item(std::string_view name) {
  if (cache::is_token(name) && begins_token(name.front())) return std::string(name);
  std::string quoted = "\"";
  for (const char c : name) {
    if (c < ' ' || c > '~') continue;
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string_view forwarded_because(const CacheLookup& lookup) noexcept {
  if (lookup.outcome == CacheOutcome::kMiss) return "uri-miss";
  return lookup.reason == "method" ? "method" : "bypass";
}

}  // namespace

std::string CacheLookup::cache_status(std::string_view cache_name) const {
  std::string status = as_item(cache_name);
  if (outcome == CacheOutcome::kHit) {
    status += "; hit; ttl=" + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(ttl_left).count());
    return status;
  }
  const std::string_view because = forwarded_because(*this);
  status.append("; fwd=").append(because);
  if (!reason.empty() && reason != because) status.append("; detail=").append(reason);
  if (stored) status += "; stored";
  if (collapsed) status += "; collapsed";
  return status;
}

}  // namespace envoyou
