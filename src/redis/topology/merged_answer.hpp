// One caller's answer, made of the answers to the parts of its command (routing.hpp): elements in the order of the
// keys, or a sum. The parts run at the same time under one deadline; when the last has ended, the caller's reader is
// called, on the thread on which that happened.
//
// If a part fails, so does the whole, with that part's error. A write of which another part was done, or may have
// been, says kConnectionLost, which is what "perhaps executed" is called.
//
// Thread-safe: parts end on the I/O thread, or on the caller's when they are refused at once.
#pragma once

#include "redis/topology/routing.hpp"

#include <envoyou/redis/completion.hpp>

#include <vector>

namespace envoyou::redis {

// A reader for each part, in their order. REQUIRES: each is called and released.
std::vector<ReaderHandle> readers_of_parts(const CommandSpec& spec, const std::vector<Part>& parts, ReaderHandle whole);

}  // namespace envoyou::redis
