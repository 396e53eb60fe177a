// A file that fits in memory, read whole.
//
// Thread-safe. Blocks for the time of reading.
#pragma once

#include <envoyou/result.hpp>

#include <cstddef>
#include <string>

namespace envoyou::limiter::policies {

// Errors, with the path: kInvalidArgument for what cannot be opened or read, or is no regular file (a pipe would
// block); kTooLarge over `max_bytes`.
Result<std::string> read_small_file(const std::string& path, std::size_t max_bytes);

}  // namespace envoyou::limiter::policies
