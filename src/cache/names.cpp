#include "cache/names.hpp"

#include "base/bytes.hpp"
#include "base/name.hpp"

namespace envoyou::cache {
namespace {

std::string with_domain(std::string_view domain, std::string_view bytes) {
  std::string joined(domain);
  joined += '\0';
  joined += bytes;
  return joined;
}

}  // namespace

std::uint64_t tag_of(const base::Digest256& digest) noexcept { return base::read_u64(base::as_bytes(digest)); }

Names::Names(std::string prefix, SecretRing secrets) : prefix_(std::move(prefix)), secrets_(std::move(secrets)) {}

base::Digest256 Names::digest(std::string_view domain, std::string_view bytes, std::size_t secret) const {
  const std::string text = with_domain(domain, bytes);
  return secrets_.empty() ? base::sha256(text) : base::hmac_sha256(secrets_.at(secret), text);
}

Name Names::response(std::string_view canonical, std::size_t secret) const {
  Name name{.digest = digest("cache response 1", canonical, secret), .key = prefix_ + ":r:"};
  name.key += base::to_base64url(name.bytes());
  return name;
}

Name Names::data(std::string_view key, std::size_t secret) const {
  Name name{.digest = digest("cache data 1", key, secret), .key = prefix_ + ":d:"};
  name.key +=
      secrets_.empty() ? base::key_part(secrets_, "cache", key) : base::key_part_with(secrets_, secret, "cache", key);
  return name;
}

Name Names::tag(std::string_view kind, std::string_view what, std::size_t secret) const {
  std::string domain = "cache tag 1 ";
  domain += kind;
  Name name{.digest = digest(domain, what, secret), .key = prefix_ + ":g:"};
  name.key += base::to_base64url(name.bytes());
  return name;
}

Name Names::own_tag(const Name& entry) const {
  return {.digest = entry.digest, .key = prefix_ + ":g:" + base::to_base64url(entry.bytes())};
}

template <class Make>
std::vector<Name> Names::under_every_secret(Make make) const {
  std::vector<Name> names;
  for (std::size_t secret = 0; secret < count(); ++secret) names.push_back(make(secret));
  return names;
}

std::vector<Name> Names::all_responses(std::string_view canonical) const {
  return under_every_secret([&](std::size_t secret) { return response(canonical, secret); });
}
std::vector<Name> Names::all_data(std::string_view key) const {
  return under_every_secret([&](std::size_t secret) { return data(key, secret); });
}
std::vector<Name> Names::all_resource_tags(std::string_view canonical) const {
  return under_every_secret([&](std::size_t secret) { return tag("resource", canonical, secret); });
}
std::vector<Name> Names::all_endpoint_tags(std::string_view pattern) const {
  return under_every_secret([&](std::size_t secret) { return tag("endpoint", pattern, secret); });
}
std::vector<Name> Names::all_everything_tags() const {
  return under_every_secret([&](std::size_t secret) { return tag("everything", "", secret); });
}

}  // namespace envoyou::cache
