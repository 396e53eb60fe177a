// Digests, message authentication and comparison of secrets, by OpenSSL. The only place of the library outside TLS that
// uses it.
//
// Thread-safe. A failing OpenSSL (out of memory) ends the process: there is no safe answer to "no hash".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace envoyou::base {

using Digest256 = std::array<unsigned char, 32>;

Digest256 sha256(std::string_view bytes);
std::string sha1_hex(std::string_view bytes);  // names scripts in Redis; not for security
Digest256 hmac_sha256(std::string_view key, std::string_view bytes);

inline std::string_view as_bytes(const Digest256& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Takes the same time wherever the two differ.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace envoyou::base
