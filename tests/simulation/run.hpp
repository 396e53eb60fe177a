// One run of the simulation, from one seed.
//
//   0 ................ 1.2 s ................. 2.6 s ... closed
//   callers and faults        no faults, probes
//
// Some runs have a third part in between: a load that never leaves a link idle, and one reply too many.
// In the first part clients are also closed and opened again, and the host is held up now and then (the clock moves
// while nothing runs). The second part shows that the client finds back by itself: Bounds says in what time.
#pragma once

#include "journal.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::simulation {

// What a run is held to besides the judgement of Callers.
struct Bounds {
  // From the end of all faults to the first right answer: a lost link is noticed in stall_limit (100 ms) or, where an
  // attempt is stuck, in connect_timeout (400 ms); then a pause of at most reconnect_most (500 ms; 1 s where the
  // password was refused) counted from that attempt's start, and the handshake.
  static constexpr std::chrono::milliseconds kBack{1'100};
  // From then on nothing fails any more: a misled or half-dead link is found out by a fence, within idle_ping (1 s).
  static constexpr std::chrono::milliseconds kWhole{1'400};
  static constexpr std::chrono::milliseconds kHealed{1'700};  // how long the second part is
  // Besides idle_ping: until answers that are one off are found out under load.
  static constexpr std::chrono::milliseconds kFenced{150};
  // Attempts to connect: so many at once, beyond the links; three a second; and one for ten answers.
  static constexpr std::size_t kBurst = 7;
  static constexpr std::size_t kASecond = 3;
  static constexpr std::size_t kAnswersAnAttempt = 10;
  // Steps of the client without time passing: more is a busy loop.
  static constexpr int kStepsInPlace = 2'000;
};

struct Outcome {
  std::optional<std::string> violation;
  std::uint64_t digest = 0;
  std::size_t commands = 0;
  std::size_t steps = 0;
  std::chrono::nanoseconds back{0};                // from the end of faults to the first right answer
  std::map<std::string_view, std::uint64_t> ends;  // how many commands ended how
  std::uint64_t executed_twice = 0;                // of those that say that it is safe
  std::vector<std::string> trace;
};

Outcome run(std::uint64_t seed, bool with_trace);

}  // namespace envoyou::simulation
