// The certificates of these tests, made once, and a peer who must show one of them.
#pragma once

#include "wire/dialer.hpp"

#include "support/certificates.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace envoyou::wire {

inline const envoyou::testing::Certificates& certificates() {
  static const envoyou::testing::Certificates made;
  return made;
}

inline PeerSettings peer(std::string host, std::uint16_t port) {
  PeerSettings settings{.host = std::move(host), .port = port};
  settings.tls.enabled = true;
  settings.tls.ca_file = certificates().ca().string();
  return settings;
}

}  // namespace envoyou::wire
