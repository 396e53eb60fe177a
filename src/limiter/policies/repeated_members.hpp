// Members that a JSON object has twice. The parser keeps the last one and says nothing, so of two policies of one name
// the first would be gone without a word.
//
// A pure function; thread-safe.
#pragma once

#include "limiter/policies/faults.hpp"

#include <string_view>

namespace envoyou::limiter::policies {

// Adds a fault for each, with its place. REQUIRES: base::Json::parse() accepts the text.
void tell_repeated_members(std::string_view json, Faults& faults);

}  // namespace envoyou::limiter::policies
