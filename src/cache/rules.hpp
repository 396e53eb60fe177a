// Which rule is an endpoint's: patterns of path segments, the first that matches counts.
//
//   "/api/things/*/*"   '*' is exactly one segment
//   "/static/**"        a trailing "**" is any rest, at least one segment
//
// Paths are matched as they are, segment by segment; what a path must not look like to be cached at all is for
// request_key.hpp.
//
// Immutable after `from`; thread-safe.
#pragma once

#include <envoyou/cache.hpp>
#include <envoyou/result.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::cache {

inline constexpr std::size_t kMaxRules = 1024;
inline constexpr std::size_t kMaxPatternBytes = 512;
inline constexpr std::size_t kMaxVaryHeaders = 16;
// The endpoint of what only the default rule covers.
inline constexpr std::string_view kDefaultPattern = "/**";

class Rules {
 public:
  // Every problem at once, each naming its rule: "rules[3].pattern: …".
  static Result<Rules> from(const ResponseCacheOptions& options);

  // Null: no rule. `ttl` 0 is a rule, too: it says not to cache.
  const EndpointRule* find(std::string_view path) const noexcept;
  bool has_pattern(std::string_view pattern) const noexcept;
  // The default one is the last. Pointers stay valid as long as this object is neither moved nor destroyed.
  std::vector<const EndpointRule*> all() const;

 private:
  struct Pattern {
    std::vector<std::string> segments{};
    bool any_rest = false;
  };
  static bool matches(const Pattern& pattern, std::string_view path) noexcept;

  std::vector<EndpointRule> rules_;
  std::vector<Pattern> patterns_;  // as rules_
  std::optional<EndpointRule> default_;
};

}  // namespace envoyou::cache
