// What has happened so far, counted by whoever has the I/O role. Callers see copies (shared_state.hpp).
// Confined to the I/O role.
#pragma once

#include <cstdint>

namespace envoyou::redis {

struct Tally {
  std::uint64_t answered = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t expired_unsent = 0;
  std::uint64_t repeated = 0;
  std::uint64_t late_replies = 0;
  std::uint64_t foreign_replies = 0;
  std::uint64_t ignored_pushes = 0;
  std::uint64_t connects = 0;
  std::uint64_t condemned = 0;
  std::uint64_t writes = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
};

}  // namespace envoyou::redis
