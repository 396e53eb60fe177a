// Commands as RESP bytes. By hand: hiredis' formatter costs ten times as many instructions (printf).
#pragma once

#include <envoyou/redis/command.hpp>

#include <string>

namespace envoyou::wire {

// "*count\r\n" and the words.
void append_command(std::string& to, const redis::Words& words);
std::size_t encoded_size(const redis::Words& words) noexcept;

}  // namespace envoyou::wire
