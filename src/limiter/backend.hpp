// The verbs of the limiter, as every backend knows them. A backend answers one whole question atomically: all rules of
// a request or none. tests/conformance/limiter_test.cpp is their definition, and runs over all of them.
//
// Requests have been validated (validate.hpp). Thread-safe.
#pragma once

#include "limiter/algorithms/meter.hpp"

#include <envoyou/deadline.hpp>
#include <envoyou/limiter.hpp>
#include <envoyou/result.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace envoyou::limiter {

// What a question is asked for: to answer it, to take, to take whatever the rules say, to give back, to end a lease.
enum class Ask : std::uint8_t { kPeek, kTake, kForce, kRefund, kRelease };

// One question. Rules that count alike share a meter, so a request names at most as many meters as rules.
struct Request {
  std::string_view key;  // the user's, as given
  std::span<const RateRule> rules;
  std::int64_t cost = 1;
  // The moment to answer for. Not set: the backend's own clock, which is the server's for Redis. Set by tests and
  // replays, and for the local backend by who has read the clock already.
  std::optional<Ms> now;
  Ms phase = 0;                      // with `now`: what aligns it to the epoch
  std::string_view lease = {};       // of concurrency: whose
  std::string_view request_id = {};  // a take that is asked again under the same one takes once
  bool heeds_blocks = false;         // a key may have been blocked

  std::size_t meter_count = 0;
  std::array<MeterId, kMaxRulesPerCheck> meters;  // in the order of the rules
  std::array<std::uint8_t, kMaxRulesPerCheck> meter_of_rule;
  std::array<std::int64_t, kMaxRulesPerCheck> rates;  // one a meter: of GCRA, units a window

  static Request of(std::string_view key, std::span<const RateRule> rules, std::int64_t cost);
  // Becomes that of `of`.
  void become(std::string_view key, std::span<const RateRule> rules, std::int64_t cost) noexcept;

  std::span<const MeterId> meter_ids() const noexcept { return {meters.data(), meter_count}; }
  Ms widest_window() const noexcept;
};

// On this process' steady clock.
Ms to_ms(TimePoint time) noexcept;

struct Answer {
  bool allowed = false;
  bool repeated = false;                              // the request id had been admitted before: nothing was taken now
  std::uint32_t clock_resets = 0;                     // meters that started afresh because a clock had been wrong
  std::array<MeterAnswer, kMaxRulesPerCheck> meters;  // as Request::meters
  std::array<Ms, kMaxRulesPerCheck> retry_after;      // one a rule; 0: it admits, kNever: it never will
};

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  // kPeek     gives the answer that kTake would give, except that nothing is taken
  // kTake     takes the cost if every rule admits it; of concurrency: acquires request.lease, or renews it
  // kForce    takes the cost whatever the rules say
  // kRefund   gives up to as much back
  // kRelease  ends request.lease
  // All tell what the meters hold then.
  virtual Result<Answer> ask(const Request& request, Ask what, Deadline deadline) = 0;
  // Forgets the key in the meters of the request.
  virtual Result<void> reset(const Request& request, Deadline deadline) = 0;
  // Denies the key everything for so long; 0: no longer.
  virtual Result<void> block(const Request& request, Milliseconds duration, Deadline deadline) = 0;
};

// A question that is not asked for permission is always granted.
inline void grant(Answer& answer) noexcept {
  answer.allowed = true;
  answer.retry_after.fill(0);
}

}  // namespace envoyou::limiter
