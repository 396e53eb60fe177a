// Makes the nodes of one client: one at its start, more for a cluster, and one for each connection that a caller has to
// itself. All of them get the client's loop and numbers of their own.
//
// A node is made on any thread, since it may read certificates from files, and given to the reactor after that:
//
//   auto node = factory.make(options, listener);
//   reactor.post([&reactor, node] { reactor.add(node); });
//
// What the system trusts is read once for all of them.
//
// Thread-safe.
#pragma once

#include "redis/credential_source.hpp"
#include "redis/node.hpp"
#include "redis/sleepers.hpp"
#include "wire/dialer.hpp"
#include "wire/loop.hpp"

#include <envoyou/redis/client.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/result.hpp>
#include <envoyou/runtime.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace envoyou::redis {

class NodeFactory {
 public:
  // The client owns the loop, and lets go of it in a forked child. `credentials` are those of all nodes that are made
  // with the user and password of `options`; a node with others (a sentinel's) has them for good. `sleepers` outlives
  // the steps of all nodes.
  NodeFactory(const std::shared_ptr<wire::Loop>& loop, Runtime runtime, const ClientOptions& options,
              std::shared_ptr<CredentialSource> credentials, Sleepers* sleepers)
      : loop_(loop),
        runtime_(std::move(runtime)),
        username_(options.username),
        password_(options.password),
        credentials_(std::move(credentials)),
        sleepers_(sleepers) {}

  // Wakes the loop while it is there.
  static std::shared_ptr<CredentialSource> credentials_of(const ClientOptions& options, const Runtime& runtime,
                                                          const std::shared_ptr<wire::Loop>& loop);

  // `sink` may be null; with one, `options.connections` is 1. `listener` and `redirects` may be null and must outlive
  // the node's engine. Errors: kTls, kInvalidArgument. REQUIRES: `options` was validated and names one server; the loop
  // is still there.
  Result<std::shared_ptr<Node>> make(const ClientOptions& options, NodeListener* listener,
                                     std::shared_ptr<PushSink> sink = nullptr, RedirectSink* redirects = nullptr);
  // A server of another kind, such as a sentinel: it never gets the client's credentials, but those of `options`, for
  // good.
  Result<std::shared_ptr<Node>> make_other(const ClientOptions& options, NodeListener* listener,
                                           std::shared_ptr<PushSink> sink);

 private:
  Result<std::shared_ptr<Node>> make(const ClientOptions& options, NodeListener* listener,
                                     std::shared_ptr<PushSink> sink, RedirectSink* redirects,
                                     std::shared_ptr<CredentialSource> credentials);

  static constexpr std::uint32_t kIdMask = (1u << 24) - 1;

  const std::weak_ptr<wire::Loop> loop_;
  const Runtime runtime_;
  const std::string username_;
  const std::string password_;
  const std::shared_ptr<CredentialSource> credentials_;
  Sleepers* const sleepers_;
  const std::shared_ptr<wire::SystemTrust> trust_ = wire::make_system_trust();
  std::atomic<std::uint32_t> next_id_{0};
};

}  // namespace envoyou::redis
