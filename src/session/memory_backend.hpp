// Sessions in the memory of this process.
#pragma once

#include "session/rows.hpp"

#include <memory>

namespace envoyou::session {

std::unique_ptr<Rows> make_memory_rows();

}  // namespace envoyou::session
