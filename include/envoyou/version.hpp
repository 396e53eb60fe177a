// The library's version. The product's version and the C ABI's version are different numbers: see docs/ARCHITECTURE.md.
#pragma once

#include <string_view>

namespace envoyou {

inline constexpr int kVersionMajor = 0;
inline constexpr int kVersionMinor = 1;
inline constexpr int kVersionPatch = 0;
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace envoyou
