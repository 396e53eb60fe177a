// Commands as RESP bytes. By hand: hiredis' formatter costs ten times as many instructions (printf).
#pragma once

#include <envoyou/redis/command.hpp>

#include <cstddef>

namespace envoyou::wire {

// "*count\r\n" and the words.
std::size_t encoded_size(const redis::Words& words) noexcept;
// Writes so many bytes to `to` and gives their end.
char* encode(const redis::Words& words, char* to) noexcept;

}  // namespace envoyou::wire
