// The public face: validation, and the choice of who answers.
//
//   Redis in use   ask it, within the limiter's share of the deadline; mirror what it said; if it can not say, as
//   below, and what
//                  is then admitted is owed to it
//   otherwise      the stand-in answers at once; what it admits is owed, where there is a Redis to owe it to
//
// A key that owes something pays in the same trip in which it next asks Redis, before the question: so also right after
// an outage no answer of Redis misses what this process had admitted under that key.
#include <envoyou/limiter.hpp>

#include "base/fork_guard.hpp"
#include "limiter/carry_over.hpp"
#include "limiter/decision.hpp"
#include "limiter/memory_backend.hpp"
#include "limiter/redis_backend.hpp"
#include "limiter/stand_in.hpp"
#include "limiter/telemetry.hpp"
#include "limiter/validate.hpp"

#include <algorithm>
#include <optional>

namespace envoyou {

using limiter::Answer;
using limiter::Ms;
using limiter::Owe;
using limiter::Request;
using limiter::Verb;

struct RateLimiter::Impl {
  Impl(RateLimiterOptions o, Backing b)
      : share(o.decision_share),
        backing(std::move(b)),
        clock(*backing.runtime.clock),
        telemetry(backing.runtime),
        store({.max_keys = o.max_local_keys, .max_bytes = o.max_local_bytes}, telemetry.store_metrics()),
        tokens(base::jitter_seed()),
        memory(store, clock),
        stand_in(store, tokens) {
    if (backing.client == nullptr) return;
    redis.emplace(limiter::RedisBackendOptions{std::move(o.prefix), std::move(o.secrets)}, backing.client, tokens);
    carry_over.emplace(stand_in, *redis, telemetry, clock);
    backing.fallback->add(&*carry_over);
  }
  ~Impl() {
    if (carry_over) backing.fallback->remove(&*carry_over);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<Decision> ask(Verb verb, std::string_view key, std::span<const RateRule> rules, const CheckOptions& options) {
    if (fork_guard.forked()) return Error(Errc::kForked, "the rate limiter was opened before fork()");
    if (auto valid = limiter::validate(key, rules, options.cost); !valid) return valid.error();
    const TimePoint now = clock.now();
    Request request = Request::of(key, rules, options.cost);
    request.now = limiter::to_ms(now);
    if (verb == Verb::kReset) return reset(request, options, now);
    if (redis && backing.fallback->uses_redis()) {
      if (auto answer = ask_redis(verb, request, options, now))
        return told(verb, request, *answer, Source::kRedis, now);
    }
    const Answer answer = verb == Verb::kTake ? memory.take(request, owe()) : memory.peek(request);
    return told(verb, request, answer, Source::kLocal, now);
  }

  std::optional<Answer> ask_redis(Verb verb, Request& request, const CheckOptions& options, TimePoint now) {
    const Deadline deadline = share_of(options, now);
    Request remote = request;
    remote.now.reset();
    auto answer = deadline.expired(now) ? Result<Answer>(Error(Errc::kNotSent)) : send(verb, request, remote, deadline);
    const TimePoint after = clock.now();
    request.now = limiter::to_ms(after);
    if (!answer) {
      telemetry.redis_failed(answer.error(), after);
      return std::nullopt;
    }
    stand_in.mirror(request, verb, *answer);
    if (verb == Verb::kTake && answer->allowed && request.cost > 0) carry_over->note(*request.now + widest(request));
    return *answer;
  }

  Result<Answer> send(Verb verb, const Request& local, const Request& remote, Deadline deadline) {
    if (stand_in.owing() > 0) {
      const auto merges = stand_in.owed_by(local);
      if (!merges.empty()) {
        auto both = redis->ask_after(merges, remote, verb == Verb::kTake, deadline);
        // What could not be settled stays owed; the answer stands for itself.
        static_cast<void>(carry_over->settle(merges, both.merged));
        return both.answer;
      }
    }
    return verb == Verb::kTake ? redis->take(remote, deadline) : redis->peek(remote, deadline);
  }

  // A reset that Redis has not heard of is owed as an admission is.
  Result<Decision> reset(Request& request, const CheckOptions& options, TimePoint now) {
    bool done = false;
    if (redis && backing.fallback->uses_redis()) {
      const auto forgotten = redis->reset(request, share_of(options, now));
      done = forgotten.ok();
      if (!done) telemetry.redis_failed(forgotten.error(), now);
    }
    memory.reset(request, done ? Owe::kNothing : owe());
    Answer fresh;
    fresh.allowed = true;
    fresh.logs.fill({});
    fresh.retry_after.fill(0);
    return limiter::to_decision(request, fresh, done ? Source::kRedis : Source::kLocal);
  }

  Decision told(Verb verb, const Request& request, const Answer& answer, Source source, TimePoint now) {
    Decision made = limiter::to_decision(request, answer, source);
    if (answer.clock_resets > 0) telemetry.clock_was_wrong(answer.clock_resets, now);
    if (verb == Verb::kTake) telemetry.decided(request, made, now);
    return made;
  }

  static Ms widest(const Request& request) noexcept {
    return *std::max_element(request.windows.begin(), request.windows.begin() + request.log_count);
  }

  Deadline share_of(const CheckOptions& options, TimePoint now) {
    const Deadline request = options.deadline.value_or(Deadline::at(now + kDefaultRequestBudget));
    if (request.cuts(now, share)) telemetry.share_was_cut();
    return request.share(now, share);
  }
  Owe owe() const noexcept { return redis ? Owe::kRedis : Owe::kNothing; }

  const Milliseconds share;
  const Backing backing;
  const Clock& clock;
  base::ForkGuard fork_guard;
  limiter::Telemetry telemetry;
  limiter::KeyStore store;
  limiter::Tokens tokens;
  limiter::MemoryBackend memory;
  limiter::StandIn stand_in;
  std::optional<limiter::RedisBackend> redis;
  std::optional<limiter::CarryOverToRedis> carry_over;
};

RateLimiter::RateLimiter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RateLimiter::~RateLimiter() = default;

Result<std::unique_ptr<RateLimiter>> RateLimiter::open(RateLimiterOptions options, Backing backing) {
  if (auto valid = limiter::validate(options); !valid) return valid.error();
  if (backing.fallback == nullptr) return invalid_argument("backing", "has no switch: get one from open_backing");
  return std::unique_ptr<RateLimiter>(new RateLimiter(std::make_unique<Impl>(std::move(options), std::move(backing))));
}

Result<Decision> RateLimiter::check(std::string_view key, const RateRule& rule, CheckOptions options) {
  return impl_->ask(Verb::kTake, key, {&rule, 1}, options);
}
Result<Decision> RateLimiter::check(std::string_view key, std::span<const RateRule> rules, CheckOptions options) {
  return impl_->ask(Verb::kTake, key, rules, options);
}
Result<Decision> RateLimiter::peek(std::string_view key, const RateRule& rule, CheckOptions options) {
  return impl_->ask(Verb::kPeek, key, {&rule, 1}, options);
}
Result<Decision> RateLimiter::peek(std::string_view key, std::span<const RateRule> rules, CheckOptions options) {
  return impl_->ask(Verb::kPeek, key, rules, options);
}
Result<Decision> RateLimiter::reset(std::string_view key, const RateRule& rule, CheckOptions options) {
  return impl_->ask(Verb::kReset, key, {&rule, 1}, options);
}
Result<Decision> RateLimiter::reset(std::string_view key, std::span<const RateRule> rules, CheckOptions options) {
  return impl_->ask(Verb::kReset, key, rules, options);
}

}  // namespace envoyou
