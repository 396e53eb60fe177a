// Where a MOVED or ASK points. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace envoyou::redis {

struct MovedTo {
  std::string host;  // empty: the host that said so
  std::uint16_t port = 0;
};

// From the text of the error: "… MOVED 3999 127.0.0.1:6381". Nothing: it names no place.
std::optional<MovedTo> read_moved(std::string_view text);

}  // namespace envoyou::redis
