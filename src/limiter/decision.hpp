// From a backend's answer to what the caller is told. Pure; thread-safe.
#pragma once

#include "limiter/backend.hpp"

namespace envoyou::limiter {

Decision to_decision(const Request& request, const Answer& answer, Source source);

}  // namespace envoyou::limiter
