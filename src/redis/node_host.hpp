// Where a node beside a client's own lives: in the client's reactor. What a subscriber and a tracked link need of a
// client, so that a simulation can give it, too.
//
// Thread-safe.
#pragma once

#include "redis/node.hpp"
#include "redis/node_factory.hpp"
#include "redis/push_sink.hpp"
#include "redis/reactor.hpp"

#include <envoyou/redis/options.hpp>
#include <envoyou/result.hpp>

#include <memory>
#include <utility>

namespace envoyou::redis {

class NodeHost {
 public:
  virtual ~NodeHost() = default;
  // Errors: kTls, kInvalidArgument.
  virtual Result<std::shared_ptr<Node>> make(const ClientOptions& options, std::shared_ptr<PushSink> sink) = 0;
  // Lets a node that was made be stepped from soon on. `sink->on_end` comes in any case, also where the reactor is
  // closed before that.
  virtual void add(std::shared_ptr<Node> node, std::shared_ptr<PushSink> sink) = 0;
  // Ends it, within the next step.
  virtual void stop(std::shared_ptr<Node> node) = 0;
  // Runs `task` in the I/O role. A task that is dropped because the reactor is closed is destroyed.
  virtual void post(Reactor::Task task) = 0;
};

// In the reactor of one client. REQUIRES: the client's parts outlive the host's last call.
class ReactorHost final : public NodeHost {
 public:
  ReactorHost(Reactor& reactor, NodeFactory& factory) : reactor_(reactor), factory_(factory) {}

  Result<std::shared_ptr<Node>> make(const ClientOptions& options, std::shared_ptr<PushSink> sink) override {
    return factory_.make(options, nullptr, std::move(sink));
  }
  void add(std::shared_ptr<Node> node, std::shared_ptr<PushSink> sink) override;
  void stop(std::shared_ptr<Node> node) override;
  void post(Reactor::Task task) override { reactor_.post(std::move(task)); }

 private:
  Reactor& reactor_;
  NodeFactory& factory_;
};

}  // namespace envoyou::redis
