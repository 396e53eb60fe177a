// The limiter in process: the arithmetic of algorithms/sliding_log over the local store, one shard lock for one
// question.
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

  Answer take(const Request& request, Owe owe);
  Answer peek(const Request& request);
  void reset(const Request& request, Owe owe);

  Result<Answer> take(const Request& request, Deadline) override { return take(request, Owe::kNothing); }
  Result<Answer> peek(const Request& request, Deadline) override { return peek(request); }
  Result<void> reset(const Request& request, Deadline) override {
    reset(request, Owe::kNothing);
    return {};
  }

 private:
  Ms now_of(const Request& request) const { return request.now ? *request.now : to_ms(clock_.now()); }

  KeyStore& store_;
  const Clock& clock_;
};

// How long a key with this answer is blocked, in the sense of the store: it may not be evicted before others. 0: it is
// not.
Ms blocked_for(const Request& request, const Answer& answer) noexcept;

}  // namespace envoyou::limiter
