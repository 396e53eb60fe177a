#include "redis/node_factory.hpp"

#include "base/random.hpp"
#include "wire/dialer.hpp"

#include <functional>
#include <utility>

namespace envoyou::redis {

namespace {

wire::PeerSettings peer_of(const ClientOptions& options) {
  wire::PeerSettings peer;
  peer.host = options.host;
  peer.port = options.port;
  peer.unix_socket = options.unix_socket;
  peer.tls = {.enabled = options.tls.enabled,
              .ca_file = options.tls.ca_file,
              .certificate_file = options.tls.certificate_file,
              .key_file = options.tls.key_file,
              .server_name = options.tls.server_name,
              .insecure_skip_verification = options.tls.insecure_skip_verification};
  return peer;
}

// A look-up of a name and a provider of credentials may end after the client is gone.
std::function<void()> waker_of(const std::weak_ptr<wire::Loop>& loop) {
  return [loop] {
    if (const auto still_there = loop.lock()) still_there->wake();
  };
}

}  // namespace

std::shared_ptr<CredentialSource> NodeFactory::credentials_of(const ClientOptions& options, const Runtime& runtime,
                                                              const std::shared_ptr<wire::Loop>& loop) {
  return CredentialSource::make(options, runtime, waker_of(loop));
}

Result<std::shared_ptr<Node>> NodeFactory::make(const ClientOptions& options, NodeListener* listener,
                                                std::shared_ptr<PushSink> sink, RedirectSink* redirects) {
  if (options.username != username_ || options.password != password_) {
    return make_other(options, listener, std::move(sink));
  }
  return make(options, listener, std::move(sink), redirects, credentials_);
}

Result<std::shared_ptr<Node>> NodeFactory::make_other(const ClientOptions& options, NodeListener* listener,
                                                      std::shared_ptr<PushSink> sink) {
  ClientOptions own = options;
  own.credentials = nullptr;
  auto credentials = CredentialSource::make(own, runtime_, waker_of(loop_));
  return make(own, listener, std::move(sink), nullptr, std::move(credentials));
}

Result<std::shared_ptr<Node>> NodeFactory::make(const ClientOptions& options, NodeListener* listener,
                                                std::shared_ptr<PushSink> sink, RedirectSink* redirects,
                                                std::shared_ptr<CredentialSource> credentials) {
  auto peer = peer_of(options);
  peer.trust = trust_;
  auto dialer = wire::make_dialer(std::move(peer), waker_of(loop_));
  if (!dialer) return dialer.error();
  EngineParts parts{.loop = *loop_.lock(), .dialer = std::move(dialer).value()};
  parts.seed = base::jitter_seed();
  parts.id = next_id_.fetch_add(1) & kIdMask;
  parts.sink = std::move(sink);
  parts.redirects = redirects;
  parts.credentials = std::move(credentials);
  parts.sleepers = sleepers_;
  return std::make_shared<Node>(options, runtime_, listener, std::move(parts));
}

}  // namespace envoyou::redis
