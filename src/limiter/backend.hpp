// The verbs of the limiter, as every backend knows them. A backend answers one whole question atomically: all rules of
// a request or none. tests/conformance/limiter_test.cpp is their definition, and runs over all of them.
//
// Requests have been validated (validate.hpp). Thread-safe.
#pragma once

#include "limiter/algorithms/sliding_log.hpp"

#include <envoyou/deadline.hpp>
#include <envoyou/limiter.hpp>
#include <envoyou/result.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace envoyou::limiter {

// One question. Rules of one window share a log, so a request names at most as many logs as rules.
struct Request {
  std::string_view key;  // the user's, as given
  std::span<const RateRule> rules;
  std::int64_t cost = 1;
  // The moment to answer for. Not set: the backend's own clock, which is the server's for Redis. Set by tests and
  // replays, and for the local backend by who has read the clock already.
  std::optional<Ms> now;

  std::size_t log_count = 0;
  std::array<Ms, kMaxRulesPerCheck> windows{};  // one a log, in the order of the rules
  std::array<std::uint8_t, kMaxRulesPerCheck> log_of_rule{};

  static Request of(std::string_view key, std::span<const RateRule> rules, std::int64_t cost);
};

// On this process' steady clock.
Ms to_ms(TimePoint time) noexcept;

// What one log holds after the request.
struct LogAnswer {
  std::int64_t used = 0;
  Ms reset_after = 0;
};

struct Answer {
  bool allowed = false;
  std::uint32_t clock_resets = 0;                 // logs that started afresh because a clock had been wrong
  std::array<LogAnswer, kMaxRulesPerCheck> logs;  // as Request::windows
  std::array<Ms, kMaxRulesPerCheck> retry_after;  // one a rule; 0: it admits, kNever: it never will
};

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  // Takes the cost if every rule admits it.
  virtual Result<Answer> take(const Request& request, Deadline deadline) = 0;
  // The answer that `take` would give, except that nothing is taken.
  virtual Result<Answer> peek(const Request& request, Deadline deadline) = 0;
  // Forgets the key in the windows of the request.
  virtual Result<void> reset(const Request& request, Deadline deadline) = 0;
};

}  // namespace envoyou::limiter
