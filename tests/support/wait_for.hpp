// Polling for what another process or thread does in its own time. For integration, fault and end-to-end tests only: a
// unit test owns its clock and never waits.
#pragma once

#include <chrono>
#include <thread>
#include <utility>

namespace envoyou::testing {

inline constexpr std::chrono::milliseconds kPollInterval{5};

// Asks `predicate` every few milliseconds until it is true or `timeout` has passed, and at least once more after that.
template <class Predicate>
bool eventually(Predicate&& predicate, std::chrono::milliseconds timeout = std::chrono::seconds(5),
                std::chrono::milliseconds interval = kPollInterval) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() >= until) return static_cast<bool>(predicate());
    std::this_thread::sleep_for(interval);
  }
  return true;
}

}  // namespace envoyou::testing
