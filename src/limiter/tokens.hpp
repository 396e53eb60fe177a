// Numbers that name one call: the tag that a script's reply echoes, and the token of a merge. Unlikely to repeat across
// all processes for as long as a reply can be late; not secret. Thread-safe.
#pragma once

#include "base/random.hpp"

#include <atomic>
#include <cstdint>

namespace envoyou::limiter {

class Tokens {
 public:
  explicit Tokens(std::uint64_t seed) noexcept : state_(seed) {}

  // Never 0.
  std::uint64_t next() noexcept {
    // SplitMix64's own stride, so that the states visited are those of one generator.
    constexpr std::uint64_t kStride = 0x9e3779b97f4a7c15;
    base::Jitter generator(state_.fetch_add(kStride, std::memory_order_relaxed));
    const std::uint64_t value = generator.next();
    return value != 0 ? value : 1;
  }

 private:
  std::atomic<std::uint64_t> state_;
};

}  // namespace envoyou::limiter
