// What a client is made of, for those of this layer that stand beside it: a node of their own in its reactor (a
// subscriber, a tracked link).
//
// Thread rule: each part as its own header says.
#pragma once

#include "base/fork_guard.hpp"
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

struct Client::Impl {
  Impl(ClientOptions o, Runtime r) : options(std::move(o)), runtime(std::move(r)), core(std::make_shared<IoCore>()) {}

  const ClientOptions options;
  const Runtime runtime;
  std::shared_ptr<IoCore> core;
  std::shared_ptr<NodeFactory> nodes;
  std::shared_ptr<Node> node;      // of one server; else null
  std::shared_ptr<Router> router;  // of several servers; else null
  Board* board = nullptr;          // of the one, or of all together
  std::shared_ptr<DedicatedPool> pool;
  std::mutex stopping;             // one close() at a time
  std::optional<IoThread> thread;  // guarded by stopping
  base::ForkGuard fork_guard;
};

}  // namespace envoyou::redis
