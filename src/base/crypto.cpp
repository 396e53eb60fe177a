#include "base/crypto.hpp"

#include "base/bytes.hpp"

#include <envoyou/result.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace envoyou::base {
namespace {

// Digests through EVP_Digest: one call, no context to keep.
std::size_t digest(const EVP_MD* kind, std::string_view bytes, unsigned char* out) {
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), out, &size, kind, nullptr) != 1) {
    detail::misuse("EVP_Digest", "OpenSSL has no memory");
  }
  return size;
}

}  // namespace

Digest256 sha256(std::string_view bytes) {
  Digest256 out{};
  digest(EVP_sha256(), bytes, out.data());
  return out;
}

std::string sha1_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  const std::size_t size = digest(EVP_sha1(), bytes, out.data());
  return to_hex({reinterpret_cast<const char*>(out.data()), size});
}

Digest256 hmac_sha256(std::string_view key, std::string_view bytes) {
  Digest256 out{};
  unsigned size = 0;
  const auto* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                          reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.data(), &size);
  if (made == nullptr) detail::misuse("HMAC", "OpenSSL has no memory");
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace envoyou::base
