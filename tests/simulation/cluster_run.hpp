// One run of the simulation over a cluster: as run.hpp, with failovers, slots that move, and faults of single hosts.
// The judge is the same; a command may be redirected and delayed, and is executed once all the same.
#pragma once

#include "run.hpp"

#include <cstdint>

namespace envoyou::simulation {

Outcome run_cluster(std::uint64_t seed, bool with_trace);

}  // namespace envoyou::simulation
