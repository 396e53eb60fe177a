#include "base/random.hpp"

#include <sys/random.h>

#include <cerrno>

namespace envoyou::base {

Result<void> secure_random(std::span<unsigned char> out) noexcept {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got > 0) {
      out = out.subspan(static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      return Error(Errc::kInternal, "getrandom failed: no random numbers from the system");
    }
  }
  return {};
}

std::uint64_t Jitter::next() noexcept {
  state_ += 0x9E3779B97F4A7C15u;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

double Jitter::unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::uint64_t jitter_seed() noexcept {
  std::uint64_t seed = 0;
  const auto bytes = std::span(reinterpret_cast<unsigned char*>(&seed), sizeof seed);
  if (!secure_random(bytes)) seed = reinterpret_cast<std::uintptr_t>(&seed);
  return seed;
}

}  // namespace envoyou::base
