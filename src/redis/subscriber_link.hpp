// One link of a subscriber: what it hears goes to the core, what the core asks goes out. Nothing here decides.
//
// Confined to the I/O role, but for its making.
#pragma once

#include "redis/node.hpp"
#include "redis/push_sink.hpp"

#include <envoyou/redis/options.hpp>
#include <envoyou/redis/subscription.hpp>
#include <envoyou/result.hpp>

#include <cstdint>
#include <memory>

namespace envoyou::redis {

class SubscriberCore;

class SubscriberLink final : public PushSink, public std::enable_shared_from_this<SubscriberLink> {
 public:
  SubscriberLink(std::shared_ptr<SubscriberCore> core, ClientOptions options);
  ~SubscriberLink() override;

  const ClientOptions& options() const noexcept { return options_; }
  bool is_up() const noexcept { return is_up_; }
  // The node that it is the sink of. Null before it has one, and after its end.
  void attach(std::shared_ptr<Node> node) { node_ = std::move(node); }
  const std::shared_ptr<Node>& node() const noexcept { return node_; }

  // Sends (UN)SUBSCRIBE. What the server says goes to the core, by `serial`; a link that is lost says nothing.
  // False: there is no room for it now. REQUIRES: is_up().
  bool ask(const Subscription& subscription, bool wanted, std::uint64_t serial);

  void on_link_up(const ServerInfo& server, TimePoint now) override;
  void on_link_down(const Error& why, TimePoint now) override;
  bool is_push(const ReplyView& reply) const noexcept override;
  bool on_push(const ReplyView& push, TimePoint now) override;
  void on_fence(TimePoint asked, TimePoint now) override;
  void on_turn(TimePoint now) override;
  TimePoint due() const noexcept override;
  void on_end(const Error& why) override;

 private:
  const std::shared_ptr<SubscriberCore> core_;
  const ClientOptions options_;
  std::shared_ptr<Node> node_;
  bool is_up_ = false;
  int protocol_ = 2;
};

}  // namespace envoyou::redis
