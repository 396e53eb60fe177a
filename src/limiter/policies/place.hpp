// Where in a document something stands: policies.api.rules[1].window. What is not a plain word is quoted:
// policies["v1.api"].
//
// Pure functions; thread-safe.
#pragma once

#include "base/bytes.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace envoyou::limiter::policies {

inline bool is_word(std::string_view text) noexcept {
  constexpr std::size_t kMaxWordBytes = 64;
  return !text.empty() && text.size() <= kMaxWordBytes && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

inline std::string place_of_member(std::string_view place, std::string_view name) {
  std::string made(place);
  if (!is_word(name)) return made + "[" + base::printable(name) + "]";
  if (!made.empty()) made += '.';
  return made += name;
}

inline std::string place_of_element(std::string_view place, std::size_t index) {
  return std::string(place) + "[" + std::to_string(index) + "]";
}

}  // namespace envoyou::limiter::policies
