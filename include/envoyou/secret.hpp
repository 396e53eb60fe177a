// A ring of secrets: the first is used for new values, all are accepted for old ones, so that a secret can be replaced
// while sessions live on. Secrets are given by the host and never invented; an empty ring is a valid state
// (docs/guarantees.md says what is weaker then).
//
// Nothing here prints or formats a secret. Thread-compatible.
#pragma once

#include <envoyou/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou {

inline constexpr std::size_t kMinSecretBytes = 16;
inline constexpr std::size_t kMaxSecretBytes = 1024;
inline constexpr std::size_t kMaxSecrets = 8;

class SecretRing {
 public:
  SecretRing() = default;
  // Errors: kInvalidArgument for a secret that is too short, too long or repeated, or for too many of them.
  static Result<SecretRing> from(std::vector<std::string> secrets);

  bool empty() const noexcept { return secrets_.empty(); }
  std::size_t size() const noexcept { return secrets_.size(); }
  // REQUIRES: index < size(). Index 0 is the current one.
  std::string_view at(std::size_t index) const { return secrets_[index]; }

 private:
  std::vector<std::string> secrets_;
};

}  // namespace envoyou
