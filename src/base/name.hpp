// How a user's text becomes part of a key in Redis: never as itself. With a secret it becomes an HMAC, so that a reader
// of Redis learns neither the user nor can guess one; without, it is percent-encoded, readable, and free of ':' '{' '}'
// and control bytes. Texts over 128 bytes are hashed in both cases, to bound the key.
//
//   with a secret     "h" + base64url(HMAC-SHA-256(secret, domain NUL text)), 43 characters
//   without           "c" + percent-encoding, or "s" + base64url(SHA-256(domain NUL text))
//
// `domain` keeps equal texts of different meaning apart ("limiter", "user"). docs/formats.md, Names.
#pragma once

#include <envoyou/result.hpp>
#include <envoyou/secret.hpp>

#include <string>
#include <string_view>

namespace envoyou::base {

std::string key_part(const SecretRing& secrets, std::string_view domain, std::string_view text);
// The same under one of the ring's older secrets. REQUIRES: index < secrets.size().
std::string key_part_with(const SecretRing& secrets, std::size_t index, std::string_view domain, std::string_view text);

// A prefix of all keys: 1 to 128 of printable ASCII without spaces, braces, quotes, backslash and glob characters.
Result<void> validate_prefix(std::string_view field, std::string_view prefix);

}  // namespace envoyou::base
