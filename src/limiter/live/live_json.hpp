// The parts of a snapshot as JSON values, for the whole of it (to_json) and for the feed of changes. Pure.
#pragma once

#include "base/json.hpp"

#include <envoyou/limiter/live.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace envoyou::limiter {

// UTF-8 as it is, all else percent-encoded.
std::string text_or_percent(std::string_view bytes);

base::Json json_count(std::uint64_t n);  // at most 2^63 - 1, the largest that Json holds
base::Json json_share(double share);     // to six decimals
base::Json json_of(const PolicyCounters& policy);
base::Json json_of(const LatencySummary& latency);
base::Json json_of(const std::vector<TopKey>& keys, const TopScope& scope);
base::Json json_of(const LimiterLive& live);

}  // namespace envoyou::limiter
