// Who takes over a command that its server did not execute and that may be executed elsewhere or later: the fleet of a
// cluster or of Sentinel (topology/fleet.hpp). A client of one server has none.
//
// Confined to the I/O role.
#pragma once

#include "redis/pending.hpp"

#include <envoyou/clock.hpp>

#include <string_view>

namespace envoyou::redis {

class RedirectSink {
 public:
  virtual ~RedirectSink() = default;
  // `error` is the server's whole reply to `pending`, which was not executed if it is a redirect. True: it is, and
  // `pending` was moved from. Called in the midst of an engine's turn: must not touch the engine.
  virtual bool take(Pending& pending, std::string_view error, TimePoint now) = 0;
  virtual bool is_redirect(std::string_view error) const = 0;
};

}  // namespace envoyou::redis
