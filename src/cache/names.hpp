// What things are called in Redis, and the digests by which a stored value restates its key.
//
//   P:r:<base64url(digest)>   a response
//   P:d:<key_part>            a value of the general cache (base/name.hpp)
//   P:g:<base64url(digest)>   the generation number of a tag
//
// A digest is SHA-256(domain NUL bytes), or HMAC-SHA-256 of the same with the ring's first secret. A ring of several
// secrets means that other servers may still, or already, use another one as their first: who changes or invalidates
// something does it under the names of all (`under_every_secret`).
//
// Immutable; thread-safe.
#pragma once

#include "base/crypto.hpp"

#include <envoyou/secret.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace envoyou::cache {

struct Name {
  base::Digest256 digest{};  // restated by what is stored under `key`
  std::string key{};         // in Redis

  std::string_view bytes() const noexcept { return base::as_bytes(digest); }
  friend bool operator==(const Name&, const Name&) = default;
};

// The first eight bytes: enough to tell one reply from another, and what a Command's tag holds.
std::uint64_t tag_of(const base::Digest256& digest) noexcept;

class Names {
 public:
  Names(std::string prefix, SecretRing secrets);

  Name response(std::string_view canonical) const { return response(canonical, 0); }
  Name data(std::string_view key) const { return data(key, 0); }
  Name resource_tag(std::string_view canonical) const { return tag("resource", canonical, 0); }
  Name endpoint_tag(std::string_view pattern) const { return tag("endpoint", pattern, 0); }
  Name everything_tag() const { return tag("everything", "", 0); }
  // The tag of one entry alone.
  Name own_tag(const Name& entry) const;

  // The same thing's names under each secret of the ring, the current one first.
  std::vector<Name> all_responses(std::string_view canonical) const;
  std::vector<Name> all_data(std::string_view key) const;
  std::vector<Name> all_resource_tags(std::string_view canonical) const;
  std::vector<Name> all_endpoint_tags(std::string_view pattern) const;
  std::vector<Name> all_everything_tags() const;

 private:
  std::size_t count() const noexcept { return secrets_.empty() ? 1 : secrets_.size(); }
  base::Digest256 digest(std::string_view domain, std::string_view bytes, std::size_t secret) const;
  Name response(std::string_view canonical, std::size_t secret) const;
  Name data(std::string_view key, std::size_t secret) const;
  Name tag(std::string_view kind, std::string_view what, std::size_t secret) const;
  template <class Make>
  std::vector<Name> under_every_secret(Make make) const;

  std::string prefix_;
  SecretRing secrets_;
};

}  // namespace envoyou::cache
