#include "redis/node_factory.hpp"

#include "base/random.hpp"
#include "wire/dialer.hpp"

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

}  // namespace

Result<std::shared_ptr<Node>> NodeFactory::make(const ClientOptions& options, NodeListener* listener,
                                                std::shared_ptr<PushSink> sink, RedirectSink* redirects) {
  // A look-up of a name may end after the client is gone.
  const auto wake = [weak = loop_] {
    if (const auto still_there = weak.lock()) still_there->wake();
  };
  auto dialer = wire::make_dialer(peer_of(options), wake);
  if (!dialer) return dialer.error();
  EngineParts parts{*loop_.lock(),       std::move(dialer).value(),
                    base::jitter_seed(), next_id_.fetch_add(1) & kIdMask,
                    std::move(sink),     redirects};
  return std::make_shared<Node>(options, runtime_, listener, std::move(parts));
}

}  // namespace envoyou::redis
