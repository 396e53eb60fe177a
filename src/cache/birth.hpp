// What was valid when a look-up was made (CacheLookup::birth): what a response made after it is stored with, and what
// it is held against. Immutable; thread-safe.
#pragma once

#include "cache/backend.hpp"

#include <envoyou/cache.hpp>

namespace envoyou {

struct CacheBirth {
  cache::Identity identity;
  std::optional<cache::Stamps> in_redis;  // none: Redis was not asked, or could not tell
  cache::Stamps here;
  std::uint64_t era = 0;  // <envoyou/fallback.hpp>
  TimePoint at{};
};

}  // namespace envoyou
