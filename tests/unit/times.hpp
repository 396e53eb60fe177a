// Times that unit tests have in common.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/deadline.hpp>

#include <chrono>

namespace envoyou {

// When hand-fed time begins: not at zero, which a time that was never set would be.
inline constexpr TimePoint t0{std::chrono::hours(1)};
inline const Deadline kNever = Deadline::never();

}  // namespace envoyou
