// A fast hash for tables and checksums (XXH3). Not for names in a shared Redis and not for secrets: see crypto.hpp.
#pragma once

#include <cstdint>
#include <string_view>

namespace envoyou::base {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) noexcept;

}  // namespace envoyou::base
