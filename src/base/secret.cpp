#include <envoyou/secret.hpp>

#include "base/crypto.hpp"
#include "base/problems.hpp"

namespace envoyou {

Result<SecretRing> SecretRing::from(std::vector<std::string> secrets) {
  base::Problems problems;
  problems.require(secrets.size() <= kMaxSecrets, "secrets", "more than 8");
  for (std::size_t i = 0; i < secrets.size() && i < kMaxSecrets; ++i) {
    const std::string field = "secrets[" + std::to_string(i) + "]";
    problems.require(secrets[i].size() >= kMinSecretBytes, field, "shorter than 16 bytes");
    problems.require(secrets[i].size() <= kMaxSecretBytes, field, "longer than 1024 bytes");
    for (std::size_t j = 0; j < i; ++j) {
      problems.require(!base::equal_in_constant_time(secrets[i], secrets[j]), field, "the same as an earlier one");
    }
  }
  if (!problems.empty()) return problems.result().error();
  SecretRing ring;
  ring.secrets_ = std::move(secrets);
  return ring;
}

}  // namespace envoyou
