// The simulation's only source of chance. The same seed gives the same numbers on every machine.
// Confined to one thread.
#pragma once

#include "base/random.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace envoyou::simulation {

using Nanos = std::chrono::nanoseconds;

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : source_(seed) {}

  std::uint64_t next() noexcept { return source_.next(); }
  // REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound) noexcept { return source_.next() % bound; }
  bool chance(unsigned percent) noexcept { return below(100) < percent; }
  // Both ends included.
  std::uint64_t between(std::uint64_t least, std::uint64_t most) noexcept { return least + below(most - least + 1); }
  Nanos time_between(Nanos least, Nanos most) noexcept {
    const auto span = static_cast<std::uint64_t>((most - least).count());
    return least + Nanos(static_cast<std::int64_t>(below(span + 1)));
  }
  template <class Range>
  const auto& pick(const Range& range) noexcept {
    return *std::next(std::begin(range), static_cast<std::ptrdiff_t>(below(std::size(range))));
  }

 private:
  base::Jitter source_;
};

}  // namespace envoyou::simulation
