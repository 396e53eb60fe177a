// What this thread has allocated with operator new, which allocation_counter.cpp replaces for the whole program.
#pragma once

#include <cstddef>

namespace envoyou::testing {

struct Allocations {
  std::size_t count = 0;
  std::size_t bytes = 0;
};

Allocations allocations() noexcept;

}  // namespace envoyou::testing
