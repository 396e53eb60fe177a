// What an error reply asks of who sent the command to the wrong node, or at the wrong time.
//
//   MOVED 3999 127.0.0.1:6381   the slot lives there: send the command there, and look for the map anew
//   ASK 3999 127.0.0.1:6381     this key is on its way there: ask there once, with ASKING before the command
//   TRYAGAIN, CLUSTERDOWN, LOADING, MASTERDOWN, READONLY
//                               not now, or not here: nothing was executed; a moment later it may be
//
// Pure; thread-safe. Never reads beyond the text, whatever stands in it.
#pragma once

#include "redis/topology/slots.hpp"

#include <envoyou/redis/options.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace envoyou::redis {

struct Redirect {
  enum class Kind : std::uint8_t { kNone, kMoved, kAsk, kLater };
  Kind kind = Kind::kNone;
  Slot slot = kNoSlot;  // kMoved, kAsk
  Endpoint to;          // kMoved, kAsk; an empty host is that of the server which said so
};

// What is no redirect, or a broken one, is kNone.
Redirect parse_redirect(std::string_view error);

// "host:port", "[::1]:6379", "::1:6379" (as Redis writes it), ":6379".
std::optional<Endpoint> parse_endpoint(std::string_view text);

}  // namespace envoyou::redis
