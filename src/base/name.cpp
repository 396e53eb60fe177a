#include "base/name.hpp"

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/problems.hpp"

#include <algorithm>

namespace envoyou::base {
namespace {

constexpr std::size_t kMaxReadableBytes = 128;
constexpr std::size_t kMaxPrefixBytes = 128;
constexpr std::string_view kNotInPrefix = "{}\"'\\*?[]^ ";

std::string with_domain(std::string_view domain, std::string_view text) {
  std::string joined(domain);
  joined += '\0';
  joined += text;
  return joined;
}

bool may_be_in_prefix(char c) noexcept {
  return c > ' ' && c < '\x7F' && kNotInPrefix.find(c) == std::string_view::npos;
}

}  // namespace

std::string key_part_with(const SecretRing& secrets, std::size_t index, std::string_view domain,
                          std::string_view text) {
  const Digest256 mac = hmac_sha256(secrets.at(index), with_domain(domain, text));
  return "h" + to_base64url(as_bytes(mac));
}

std::string key_part(const SecretRing& secrets, std::string_view domain, std::string_view text) {
  if (!secrets.empty()) return key_part_with(secrets, 0, domain, text);
  if (text.size() <= kMaxReadableBytes) return "c" + percent_encode(text);
  return "s" + to_base64url(as_bytes(sha256(with_domain(domain, text))));
}

Result<void> validate_prefix(std::string_view field, std::string_view prefix) {
  Problems problems;
  problems.require(!prefix.empty(), field, "is empty");
  problems.require(prefix.size() <= kMaxPrefixBytes, field, "is longer than 128 bytes");
  problems.require(
      std::all_of(prefix.begin(), prefix.end(), may_be_in_prefix), field,
      "must be printable ASCII without spaces, quotes, braces and glob characters, got " + printable(prefix));
  return problems.result();
}

}  // namespace envoyou::base
