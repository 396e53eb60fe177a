// One server as a client knows it: what callers leave for it (inbox), what they are told of it (board), and the engine
// that works on both.
//
// Thread rule: inbox and board as they say; the engine is confined to the I/O role. A Node is shared between callers,
// who may still hold it when the reactor has let go of it: its inbox is closed then.
#pragma once

#include "redis/board.hpp"
#include "redis/engine.hpp"
#include "redis/inbox.hpp"

#include <envoyou/redis/client.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/runtime.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace envoyou::redis {

struct Node {
  // `parts.id` tells it from the other nodes of its reactor. REQUIRES: as for Engine.
  Node(const ClientOptions& options, const Runtime& runtime, NodeListener* listener, EngineParts parts)
      : id(parts.id),
        inbox(options.max_queued, options.max_queued_bytes, [&loop = parts.loop] { loop.wake(); }),
        board(runtime.clock),
        engine(options, runtime, listener, std::move(parts), inbox, board) {}

  // The I/O role: the engine is not stepped any more, and whoever waits for the node is told.
  void end(const Error& reason) {
    board.show_closed();
    engine.end(reason);
  }

  const std::uint32_t id;
  Inbox inbox;
  Board board;
  Engine engine;
  bool removed = false;              // the reactor's: its engine is not stepped any more
  std::atomic<Node*> next{nullptr};  // the reactor's
};

}  // namespace envoyou::redis
