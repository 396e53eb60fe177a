#include "wire/encoder.hpp"

#include <charconv>

namespace envoyou::wire::detail_encoder {

char* write_count(char* to, std::size_t count) noexcept { return std::to_chars(to, to + kMostDigits, count).ptr; }

}  // namespace envoyou::wire::detail_encoder
