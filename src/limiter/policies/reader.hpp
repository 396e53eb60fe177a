// Policies from JSON, every fault at once, and back to JSON in one canonical spelling.
//
// Pure functions; thread-safe.
#pragma once

#include <envoyou/limiter/policy.hpp>

#include <map>
#include <string>
#include <string_view>

namespace envoyou::limiter::policies {

using PolicyMap = std::map<std::string, RatePolicy, std::less<>>;

// Errors: as RatePolicies::parse.
Result<PolicyMap> read_policies(std::string_view json);

// What is at its default is left out. read_policies() of it gives the same policies if they are good, and tells what is
// wrong with them if they are not.
std::string write_policies(const PolicyMap& policies);

}  // namespace envoyou::limiter::policies
