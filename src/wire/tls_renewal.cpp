#include "wire/tls_renewal.hpp"

#include <sys/stat.h>

#include <utility>

namespace envoyou::wire {

TlsRenewal::Mark TlsRenewal::look_at(const std::string& file) {
  struct stat found {};
  if (file.empty() || ::stat(file.c_str(), &found) != 0) return {};
  return {static_cast<std::uint64_t>(found.st_dev), static_cast<std::uint64_t>(found.st_ino),
          static_cast<std::int64_t>(found.st_size), static_cast<std::int64_t>(found.st_mtim.tv_sec),
          static_cast<std::int64_t>(found.st_mtim.tv_nsec)};
}

TlsRenewal::Marks TlsRenewal::look(const TlsSettings& settings) {
  return {look_at(settings.ca_file), look_at(settings.certificate_file), look_at(settings.key_file)};
}

// The files are looked at before they are read: what changes in between is seen at the next dial.
Result<TlsRenewal> TlsRenewal::begin(const PeerSettings& peer) {
  const Marks marks = look(peer.tls);
  auto context = TlsContext::make(peer);
  if (!context) return context.error();
  return TlsRenewal(peer, marks, std::move(context).value());
}

const std::shared_ptr<TlsContext>& TlsRenewal::context() {
  const Marks marks = look(peer_.tls);
  if (marks == std::exchange(marks_, marks)) return context_;
  auto renewed = TlsContext::make(peer_);
  if (renewed) {
    context_ = std::move(renewed).value();
  } else {
    complaint_ = renewed.error();
  }
  return context_;
}

}  // namespace envoyou::wire
