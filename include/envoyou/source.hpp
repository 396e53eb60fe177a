// Who gave an answer. Every answer of a module says so: a stand-in's answer is not an error, but a caller may want to
// know.
#pragma once

#include <cstdint>
#include <string_view>

namespace envoyou {

enum class Source : std::uint8_t {
  kRedis = 0,  // Redis answered, or something that is coherent with it
  kLocal = 1,  // this process answered, because Redis was not there (or none is configured)
};

constexpr std::string_view to_string(Source source) noexcept { return source == Source::kRedis ? "redis" : "local"; }

}  // namespace envoyou
