// The short way through the decoder: whole replies of the plain kinds, read where they lie in the receive buffer.
//
// Plain are null, integers, simple strings, errors, bulk strings, and arrays of these. Anything else, anything not
// whole, anything over a cap and anything malformed is left to hiredis' reader, so what is refused, and how, is
// decided in one place.
//
// Confined to one thread.
#pragma once

#include "wire/arena.hpp"
#include "wire/budget.hpp"

#include <envoyou/redis/reply.hpp>

#include <cstddef>
#include <string_view>

namespace envoyou::wire {

// Returns how many bytes the reply took, and 0 if it is not for this function: then `arena` and `budget` may have
// been drawn on and need a reset. The reply's texts look into `bytes`.
std::size_t read_plain_reply(std::string_view bytes, Arena& arena, Budget& budget, redis::ReplyView& reply) noexcept;

}  // namespace envoyou::wire
