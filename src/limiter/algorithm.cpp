#include <envoyou/limiter.hpp>

#include <array>

namespace envoyou {

namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 6> kNames{"sliding_log", "compact_log",  "sliding_counter",
                                                 "gcra",        "fixed_window", "concurrency"};

}  // namespace

std::string_view to_string(Algorithm algorithm) noexcept {
  const auto index = static_cast<std::size_t>(algorithm);
  return index < kNames.size() ? kNames[index] : std::string_view("unknown");
}

std::optional<Algorithm> algorithm_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Algorithm>(i);
  }
  return std::nullopt;
}

}  // namespace envoyou
