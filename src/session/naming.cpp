#include "session/naming.hpp"

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/name.hpp"
#include "base/random.hpp"

#include <envoyou/session.hpp>

#include <algorithm>
#include <span>

namespace envoyou::session {
namespace {

constexpr std::size_t kTagBytes = 3;
constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kPrefixBytes = 1 + kTagBytes;
constexpr std::size_t kHandleBytes = 12;
constexpr std::size_t kChangeBytes = 12;
constexpr unsigned kFingerprints = 255;  // 0 means: no secret

static_assert((kPrefixBytes + kRandomBytes) % 3 == 0, "base64url without spare bits: one spelling an id");
static_assert((kPrefixBytes + kRandomBytes) / 3 * 4 == kSessionIdLength);

unsigned char fingerprint_of(std::string_view secret) {
  const auto digest = base::hmac_sha256(secret, "envoyou session key id");
  const unsigned number = (static_cast<unsigned>(digest[0]) << 8U) | digest[1];
  return static_cast<unsigned char>(1 + number % kFingerprints);
}

Result<std::string> random_bytes(std::size_t count) {
  std::array<unsigned char, kRandomBytes> bytes{};
  if (auto filled = base::secure_random(std::span(bytes).first(count)); !filled) return filled.error();
  return std::string(reinterpret_cast<const char*>(bytes.data()), count);
}

}  // namespace

Result<Naming> Naming::with(SecretRing secrets) {
  Naming naming(std::move(secrets));
  for (std::size_t i = 0; i < naming.secrets_.size(); ++i) {
    const auto fingerprint = fingerprint_of(naming.secrets_.at(i));
    if (naming.secret_of(fingerprint))
      return invalid_argument(
          "secrets", "number " + std::to_string(i + 1) + " has the same fingerprint as an earlier one; choose another");
    naming.fingerprints_.push_back(fingerprint);
  }
  return naming;
}

Result<NewId> Naming::make_id(std::string_view user_id) const {
  std::string prefix;
  prefix += static_cast<char>(fingerprints_.empty() ? 0 : fingerprints_.front());
  prefix += tag_bytes(user_id, 0);
  return finish(prefix);
}

Result<NewId> Naming::make_successor(std::string_view of) const {
  if (!parse(of)) return Error(Errc::kNotFound, "session id: malformed");
  return finish(base::from_base64url(of)->substr(0, kPrefixBytes));
}

Result<NewId> Naming::finish(const std::string& prefix) const {
  auto random = random_bytes(kRandomBytes);
  if (!random) return random.error();
  const std::string id = base::to_base64url(prefix + *random);
  const auto address = parse(id);
  if (!address) return Error(Errc::kInternal, "session id: made one that can not be read");
  return NewId{id, *address};
}

std::optional<Address> Naming::parse(std::string_view id) const {
  if (id.size() != kSessionIdLength) return std::nullopt;
  const auto bytes = base::from_base64url(id);
  if (!bytes || bytes->size() != kPrefixBytes + kRandomBytes) return std::nullopt;
  const auto secret = secret_of(static_cast<unsigned char>(bytes->front()));
  if (!secret) return std::nullopt;
  return Address{name_of(*bytes, *secret), base::to_hex(std::string_view(*bytes).substr(1, kTagBytes))};
}

std::vector<UserKey> Naming::user_keys(std::string_view user_id) const {
  if (secrets_.empty()) return {{base::key_part(secrets_, "user", user_id), base::to_hex(tag_bytes(user_id, 0))}};
  std::vector<UserKey> keys;
  for (std::size_t i = 0; i < secrets_.size(); ++i)
    keys.push_back({base::key_part_with(secrets_, i, "user", user_id), base::to_hex(tag_bytes(user_id, i))});
  return keys;
}

std::string Naming::name_of(std::string_view bytes, std::size_t secret) const {
  const auto digest = secrets_.empty() ? base::sha256(bytes) : base::hmac_sha256(secrets_.at(secret), bytes);
  return base::to_base64url(base::as_bytes(digest));
}

std::string Naming::tag_bytes(std::string_view user_id, std::size_t secret) const {
  const std::string text = "envoyou session user tag" + std::string(1, '\0') + std::string(user_id);
  const auto digest = secrets_.empty() ? base::sha256(text) : base::hmac_sha256(secrets_.at(secret), text);
  return std::string(base::as_bytes(digest).substr(0, kTagBytes));
}

// Without secrets only the fingerprint 0 names one: the first of none.
std::optional<std::size_t> Naming::secret_of(unsigned char fingerprint) const {
  if (secrets_.empty()) return fingerprint == 0 ? std::optional<std::size_t>(0) : std::nullopt;
  const auto found = std::find(fingerprints_.begin(), fingerprints_.end(), fingerprint);
  if (found == fingerprints_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - fingerprints_.begin());
}

std::string handle_of(std::string_view name) {
  const auto digest = base::sha256("envoyou session handle" + std::string(name));
  return base::to_base64url(base::as_bytes(digest).substr(0, kHandleBytes));
}

Result<std::string> make_change() {
  auto bytes = random_bytes(kChangeBytes);
  if (!bytes) return bytes.error();
  return base::to_base64url(*bytes);
}

}  // namespace envoyou::session
