// Connects to the first of several addresses that answers (RFC 8305, "happy eyeballs"): each next one is tried beside
// those before it after a short while, or at once when they have failed, so one that does not answer costs a stagger
// and not a connect timeout.
//
// Blocks, for at most kStagger an address and kMaxRace: for a thread of its own (name_dial.hpp).
#pragma once

#include "wire/socket.hpp"

#include <envoyou/result.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

namespace envoyou::wire {

// RFC 8305 says 250 ms and at least 100: with the usual connect timeout of 400 ms, 250 would leave a second address too
// little and a third nothing.
inline constexpr std::chrono::milliseconds kStagger{100};
inline constexpr std::chrono::milliseconds kMaxRace{5'000};
inline constexpr std::size_t kMaxAddresses = 8;  // tried of one name

// `name` is for the message; ends early when `abandoned` becomes true. Errors: kUnavailable, naming each address and
// why.
Result<OwnedDescriptor> race_addresses(const std::string& name, const std::vector<Address>& addresses,
                                       const std::atomic<bool>& abandoned);

}  // namespace envoyou::wire
