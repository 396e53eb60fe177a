// Random numbers: `secure_random` for what must not be guessed, from the kernel (getrandom(2)), never cached, so also
// right after fork; `Jitter` for what must only be spread out (reconnects, sampling), seedable, so that a test can
// repeat it.
#pragma once

#include <envoyou/result.hpp>

#include <cstdint>
#include <span>

namespace envoyou::base {

// Fills `out` or fails; never gives fewer or weaker bytes. Thread-safe.
Result<void> secure_random(std::span<unsigned char> out) noexcept;

// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014). Confined to one thread.
class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t next() noexcept;
  // Uniform in [0, 1).
  double unit() noexcept;

 private:
  std::uint64_t state_;
};

// A seed from the kernel, or from the address of a local where even that fails.
std::uint64_t jitter_seed() noexcept;

}  // namespace envoyou::base
