// The limiter in process: the arithmetic of algorithms/ over the local store, one shard lock for one question.
//
// It serves three times: as the only backend where no Redis is configured, as the stand-in while Redis is away (then
// what it admits is owed to Redis), and as the mirror of Redis' answers while it is there (stand_in.hpp), so that the
// stand-in starts from what was last known.
//
// Never waits and never fails. Thread-safe.
#pragma once

#include "limiter/backend.hpp"
#include "limiter/key_store.hpp"

#include <envoyou/clock.hpp>

namespace envoyou::limiter {

// Whether Redis has to be told of a change.
enum class Owe : std::uint8_t { kNothing, kRedis };

class MemoryBackend final : public Backend {
 public:
  // REQUIRES: both outlive this.
  MemoryBackend(KeyStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // A refund is not owed: Redis keeps its own, stricter count.
  Answer ask(const Request& request, Ask what, Owe owe);
  void reset(const Request& request, Owe owe);
  void block(const Request& request, Milliseconds duration);

  Result<Answer> ask(const Request& request, Ask what, Deadline) override { return ask(request, what, Owe::kNothing); }
  Result<void> reset(const Request& request, Deadline) override {
    reset(request, Owe::kNothing);
    return {};
  }
  Result<void> block(const Request& request, Milliseconds duration, Deadline) override {
    block(request, duration);
    return {};
  }

 private:
  Answer take(const Request& request, Owe owe);
  Answer peek(const Request& request);
  Answer force(const Request& request, Owe owe);
  Answer refund(const Request& request);
  Answer release(const Request& request, Owe owe);
  Moment moment_of(const Request& request) const {
    return {request.now ? *request.now : to_ms(clock_.now()), request.phase};
  }

  KeyStore& store_;
  const Clock& clock_;
};

// How long a key with this answer is denied, in the sense of the store: it may not be evicted before others. 0: it is
// not.
Ms blocked_for(const Request& request, const Answer& answer) noexcept;

}  // namespace envoyou::limiter
