// What has happened so far, counted by whoever has the I/O role. Callers see copies (board.hpp).
// Confined to the I/O role.
#pragma once

#include <envoyou/clock.hpp>

#include <cstdint>

namespace envoyou::redis {

struct Tally {
  std::uint64_t direct = 0;
  std::uint64_t answered = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t expired_unsent = 0;
  std::uint64_t shortened = 0;
  std::uint64_t repeated = 0;
  std::uint64_t repeats_refused = 0;
  std::uint64_t late_replies = 0;
  std::uint64_t foreign_replies = 0;
  std::uint64_t ignored_pushes = 0;
  std::uint64_t connects = 0;
  std::uint64_t condemned = 0;
  std::uint64_t writes = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t tls_handshakes = 0;
  std::uint64_t tls_resumed = 0;
  Microseconds round_trip{0};  // the shortest of the link that was measured last
  std::uint64_t too_far = 0;   // fences whose link never had a round trip within command_timeout
};

}  // namespace envoyou::redis
