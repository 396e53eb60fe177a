// Ids and the names that are made from them.
//
//   id        base64url of 36 bytes, 48 characters, so that every byte string has exactly one spelling:
//
//             | fingerprint 1 | user tag 3 | random 32 |
//
//   fingerprint  which secret names this session: 0 without secrets, else 1 to 255, made from the secret. An id whose
//                fingerprint is not one of the ring's is malformed, and nobody is asked about it.
//   user tag     from the user id: brings session, index, epoch and tombstones of a user to one slot of a cluster
//   random       256 bits from the system's generator: the credential
//
//   name      base64url of SHA-256(id bytes), or HMAC-SHA-256(secret, id bytes) where there is a secret. The only thing
//   that
//             is stored or sent.
//   handle    base64url of the first 12 bytes of SHA-256("envoyou session handle" name): can be shown to its user, and
//             opens nothing
//
// Immutable; thread-safe.
#pragma once

#include "session/record.hpp"

#include <envoyou/result.hpp>
#include <envoyou/secret.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::session {

inline constexpr std::size_t kHandleLength = 16;
inline constexpr std::size_t kNameLength = 43;

struct NewId {
  std::string id;  // the credential: to the caller, and to nobody else
  Address address;
};

class Naming {
 public:
  // Errors: kInvalidArgument where two secrets of the ring have the same fingerprint (one pair in 255).
  static Result<Naming> with(SecretRing secrets);

  // Errors: kInternal where the system gives no random bytes.
  Result<NewId> make_id(std::string_view user_id) const;
  // Another id for the session at `address`, which the id `of` names: same user, same secret.
  Result<NewId> make_successor(std::string_view of) const;
  // Nullopt: malformed.
  std::optional<Address> parse(std::string_view id) const;

  // One for each secret, the current one first.
  std::vector<UserKey> user_keys(std::string_view user_id) const;

 private:
  explicit Naming(SecretRing secrets) : secrets_(std::move(secrets)) {}
  Result<NewId> finish(const std::string& prefix) const;
  std::string name_of(std::string_view bytes, std::size_t secret) const;
  std::string tag_bytes(std::string_view user_id, std::size_t secret) const;
  std::optional<std::size_t> secret_of(unsigned char fingerprint) const;

  SecretRing secrets_;
  std::vector<unsigned char> fingerprints_;
};

std::string handle_of(std::string_view name);
// A random id for one write.
Result<std::string> make_change();

}  // namespace envoyou::session
