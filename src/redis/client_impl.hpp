// What a client is made of, for those of this layer that stand beside it: a node of their own in its reactor (a
// subscriber, a tracked link).
//
// Thread rule: each part as its own header says.
#pragma once

#include "base/fork_guard.hpp"
#include "redis/credential_source.hpp"
#include "redis/dedicated.hpp"
#include "redis/io_thread.hpp"
#include "redis/node.hpp"
#include "redis/node_factory.hpp"
#include "redis/topology/router.hpp"

#include <envoyou/redis/client.hpp>
#include <envoyou/runtime.hpp>

#include <memory>
#include <mutex>
#include <optional>

namespace envoyou::redis {

// The node that tells what the server can: the one there is, or the first of several. Thread-safe.
class AskedNode {
 public:
  explicit AskedNode(bool asks) : asks_(asks) {}

  // Before the node's first step.
  void choose(const std::shared_ptr<Node>& node) {
    const std::lock_guard lock(mutex_);
    if (!node_.expired()) return;
    node_ = node;
    if (asks_) node->engine.ask_what_it_can();
  }
  Capabilities capabilities() const {
    std::unique_lock lock(mutex_);
    const auto node = node_.lock();
    lock.unlock();
    return node ? node->board.capabilities() : Capabilities();
  }

 private:
  const bool asks_;  // else it is what the greeting tells
  mutable std::mutex mutex_;
  std::weak_ptr<Node> node_;  // guarded by mutex_
};

struct Client::Impl {
  Impl(ClientOptions o, Runtime r) : options(std::move(o)), runtime(std::move(r)), core(std::make_shared<IoCore>()) {}

  const ClientOptions options;
  const Runtime runtime;
  std::shared_ptr<IoCore> core;
  std::shared_ptr<CredentialSource> credentials;
  std::shared_ptr<NodeFactory> nodes;
  std::shared_ptr<Node> node;      // of one server; else null
  std::shared_ptr<Router> router;  // of several servers; else null
  Board* board = nullptr;          // of the one, or of all together
  std::shared_ptr<DedicatedPool> pool;
  const std::shared_ptr<AskedNode> asked = std::make_shared<AskedNode>(options.probe);
  std::mutex stopping;             // one close() at a time
  std::optional<IoThread> thread;  // guarded by stopping
  base::ForkGuard fork_guard;
};

}  // namespace envoyou::redis
