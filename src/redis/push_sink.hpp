// Who wants more of a node than answers to commands: what the server sends unasked (messages of pub/sub, invalidations
// of tracked keys), and the life of the link that it comes on.
//
//   on_link_up --> on_push ... on_fence ... on_push --> on_link_down --> on_link_up ...
//                                                                    '-> on_end
//
// A push never counts as an answer, but for a command whose reader says so (ReplyReader::is_answered_by): SUBSCRIBE is
// answered by a push, at its own place in the order of the link.
//
// `on_link_down` comes before any command of the link is ended or sent again: what stands on the link's being there is
// gone before anybody is told anything else.
//
// A fence (link_core.hpp) that comes back proves that everything the server had sent on the link before it answered
// has been read.
//
// All functions but the destructor are called in the I/O role. REQUIRES: the node has one link (connections = 1).
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/reply.hpp>
#include <envoyou/result.hpp>

namespace envoyou::redis {

class PushSink {
 public:
  virtual ~PushSink() = default;

  // A link is ready, and nothing but its handshake was sent on it yet.
  virtual void on_link_up(const ServerInfo& server, TimePoint now) = 0;
  virtual void on_link_down(const Error& why, TimePoint now) = 0;
  // Whether this reply is no answer. Every push of RESP3 is none; with RESP2 pushes are plain arrays.
  virtual bool is_push(const ReplyView& reply) const noexcept = 0;
  // False: of a kind that is not known here. It is counted and forgotten.
  virtual bool on_push(const ReplyView& push, TimePoint now) = 0;
  // The fence that was asked at `asked` has come back.
  virtual void on_fence(TimePoint asked, TimePoint now) = 0;
  // Once a step.
  virtual void on_turn(TimePoint now) = 0;
  // When on_turn has something to do at the latest.
  virtual TimePoint due() const noexcept = 0;
  // The node will not be stepped any more. The last call.
  virtual void on_end(const Error& why) = 0;
};

}  // namespace envoyou::redis
