// The public face: validation, and the choice of who answers.
//
//   Redis in use   ask it, within the limiter's share of the deadline; mirror what it said; if it can not say, as
//                  below, and what is then admitted is owed to it
//   otherwise      the stand-in answers at once; what it admits is owed, where there is a Redis to owe it to
//
// A key that owes something pays in the same trip in which it next asks Redis, before the question: so also right after
// an outage no answer of Redis misses what this process had admitted under that key.
#include <envoyou/limiter.hpp>

#include "base/fork_guard.hpp"
#include "base/name.hpp"
#include "limiter/carry_over.hpp"
#include "limiter/decision.hpp"
#include "limiter/live/live_view.hpp"
#include "limiter/memory_backend.hpp"
#include "limiter/redis_backend.hpp"
#include "limiter/stand_in.hpp"
#include "limiter/telemetry.hpp"
#include "limiter/validate.hpp"

#include <algorithm>
#include <optional>

namespace envoyou {

using limiter::Answer;
using limiter::Ask;
using limiter::Ms;
using limiter::Owe;
using limiter::Purpose;
using limiter::Request;

namespace {

// What aligns this process' times to the epoch, before a server has told the time.
Ms phase_of(const Clock& clock) { return to_unix_ms(clock.wall_now()) - limiter::to_ms(clock.now()); }

Result<void> distinct_keys(std::span<const RateQuestion> questions) {
  for (std::size_t i = 0; i < questions.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (questions[i].key != questions[j].key) continue;
      return invalid_argument("questions[" + std::to_string(i) + "].key",
                              "is that of questions[" + std::to_string(j) + "] too: give both rules in one question");
    }
  }
  return {};
}

// One decision of several: denied if one of them is.
Decision joined(std::vector<Decision> parts) {
  Decision made = std::move(parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) {
    Decision& part = parts[i];
    made.allowed = made.allowed && part.allowed;
    if (part.remaining < made.remaining) {
      made.limit = part.limit;
      made.remaining = part.remaining;
    }
    if (made.retry_after)
      made.retry_after = part.retry_after ? std::max(made.retry_after, part.retry_after) : std::nullopt;
    made.reset_after = std::max(made.reset_after, part.reset_after);
    if (part.source == Source::kLocal) made.source = Source::kLocal;
    std::ranges::move(part.rules, std::back_inserter(made.rules));
  }
  return made;
}

}  // namespace

struct RateLimiter::Impl {
  Impl(RateLimiterOptions o, Backing b)
      : share(o.decision_share),
        heed_blocks(o.heed_blocks),
        backing(std::move(b)),
        clock(*backing.runtime.clock),
        own_phase(phase_of(clock)),
        telemetry(backing.runtime),
        store({.max_keys = o.max_local_keys, .max_bytes = o.max_local_bytes}, telemetry.store_metrics()),
        live_view(limiter::LiveOptions{.enabled = o.live_view}),
        secrets(o.secrets),
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

  // One question on its way.
  struct Call {
    Request request;
    TimePoint now;
    Deadline deadline = Deadline::never();
    TimePoint answered;  // by Redis; else as `now`
  };

  // Fills in `call`, where it is.
  Result<void> begin(Call& call, std::string_view key, std::span<const RateRule> rules, const CheckOptions& options,
                     Purpose purpose = Purpose::kRate, std::string_view lease = {}) {
    if (fork_guard.forked()) return Error(Errc::kForked, "the rate limiter was opened before fork()");
    if (auto valid = limiter::validate(key, rules, options.cost, purpose); !valid) return valid;
    if (!options.request_id.empty()) {
      auto valid = limiter::validate_id("request_id", options.request_id, kMaxRequestIdBytes, true);
      if (!valid) return valid;
    }
    call.now = clock.now();
    call.answered = call.now;
    call.deadline = options.deadline.value_or(Deadline::at(call.now + kDefaultRequestBudget));
    call.request.become(key, rules, options.cost);
    call.request.now = limiter::to_ms(call.now);
    call.request.phase = own_phase;
    call.request.lease = lease;
    call.request.request_id = options.request_id;
    call.request.heeds_blocks = heed_blocks;
    return {};
  }

  bool uses_redis() const noexcept { return redis && backing.fallback->uses_redis(); }

  Decision ask(Call& call, Ask what) {
    if (uses_redis()) {
      if (auto answer = ask_redis(call, what)) return told(call, what, *answer, Source::kRedis);
    }
    return told(call, what, memory.ask(call.request, what, owe()), Source::kLocal);
  }

  std::optional<Answer> ask_redis(Call& call, Ask what) {
    const Deadline deadline = share_of(call);
    Request remote = call.request;
    remote.now.reset();
    auto answer =
        deadline.expired(call.now) ? Result<Answer>(Error(Errc::kNotSent)) : send(call.request, remote, what, deadline);
    return heard(call, what, answer);
  }

  // What Redis said, or did not say.
  std::optional<Answer> heard(Call& call, Ask what, const Result<Answer>& answer) {
    const TimePoint after = clock.now();
    call.answered = after;
    call.request.now = limiter::to_ms(after);
    call.request.phase = redis->phase_of(call.request.key).value_or(own_phase);
    if (!answer) {
      telemetry.redis_failed(answer.error(), after);
      return std::nullopt;
    }
    stand_in.mirror(call.request, what, *answer);
    const bool took = (what == Ask::kTake && answer->allowed) || what == Ask::kForce;
    if (took) carry_over->note(*call.request.now + longest_reset(call.request, *answer));
    return *answer;
  }

  Result<Answer> send(const Request& local, const Request& remote, Ask what, Deadline deadline) {
    if (stand_in.owing() > 0) {
      const auto merges = stand_in.owed_by(local);
      if (!merges.empty()) {
        auto both = redis->ask_after(merges, remote, what, deadline);
        // What could not be settled stays owed; the answer stands for itself.
        static_cast<void>(carry_over->settle(merges, both.merged));
        return both.answer;
      }
    }
    return redis->ask(remote, what, deadline);
  }

  // A reset that Redis has not heard of is owed as an admission is.
  Decision reset(Call& call) {
    bool done = false;
    if (uses_redis()) {
      Request remote = call.request;
      remote.now.reset();
      const auto forgotten = redis->reset(remote, share_of(call));
      done = forgotten.ok();
      if (!done) telemetry.redis_failed(forgotten.error(), call.now);
    }
    memory.reset(call.request, done ? Owe::kNothing : owe());
    Answer fresh;
    limiter::grant(fresh);
    return limiter::to_decision(call.request, fresh, done ? Source::kRedis : Source::kLocal);
  }

  Result<void> block(Call& call, Milliseconds duration) {
    if (uses_redis()) {
      const auto done = redis->block(call.request, duration, share_of(call));
      if (!done) telemetry.redis_failed(done.error(), call.now);
    }
    memory.block(call.request, duration);
    return {};
  }

  Result<std::vector<Call>> begin_all(std::span<const RateQuestion> questions, const CheckOptions& options) {
    if (questions.empty() || questions.size() > kMaxQuestionsPerBatch) {
      return invalid_argument("questions", "must be 1 to " + std::to_string(kMaxQuestionsPerBatch) + ", got " +
                                               std::to_string(questions.size()));
    }
    std::vector<Call> calls;
    calls.reserve(questions.size());
    for (const RateQuestion& each : questions) {
      CheckOptions own = options;
      own.cost = each.cost;
      auto valid = begin(calls.emplace_back(), each.key, each.rules, own);
      if (!valid) {
        return Error(valid.error().code(),
                     "questions[" + std::to_string(calls.size() - 1) + "]: " + std::string(valid.error().message()));
      }
    }
    return calls;
  }

  std::vector<Decision> ask_each(std::span<Call> calls) {
    std::vector<Decision> made;
    made.reserve(calls.size());
    for (Call& call : calls) made.push_back(ask(call, Ask::kTake));
    return made;
  }

  std::vector<Decision> ask_batch(std::span<Call> calls) {
    // Who owes pays with his question: one by one.
    if (!uses_redis() || stand_in.owing() > 0) return ask_each(calls);
    const auto answers = redis->take_batch(remotes_of(calls), share_of(calls.front()));
    std::vector<Decision> made;
    made.reserve(calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) made.push_back(decided(calls[i], answers[i]));
    return made;
  }

  Decision decided(Call& call, const Result<Answer>& answer) {
    if (const auto known = heard(call, Ask::kTake, answer)) return told(call, Ask::kTake, *known, Source::kRedis);
    return told(call, Ask::kTake, memory.ask(call.request, Ask::kTake, owe()), Source::kLocal);
  }

  // All or nothing over several keys.
  std::vector<Decision> ask_together(std::span<Call> calls) {
    if (uses_redis() && !redis->has_many_nodes()) {
      for (Call& call : calls) {
        if (stand_in.owing() > 0) static_cast<void>(ask_redis(call, Ask::kPeek));
      }
      const auto answers = redis->take_together(remotes_of(calls), true, share_of(calls.front()));
      if (answers) return told_together(calls, *answers);
      telemetry.redis_failed(answers.error(), clock.now());
    }
    return reserve_each(calls);
  }

  std::vector<Decision> told_together(std::span<Call> calls, std::span<const Answer> answers) {
    const bool all = std::ranges::all_of(answers, [](const Answer& each) { return each.allowed; });
    std::vector<Decision> made;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const Ask what = all ? Ask::kTake : Ask::kPeek;
      static_cast<void>(heard(calls[i], what, answers[i]));
      made.push_back(told(calls[i], what, answers[i], Source::kRedis));
    }
    return made;
  }

  // One after the other; what was taken is given back when one denies.
  std::vector<Decision> reserve_each(std::span<Call> calls) {
    std::vector<Decision> made;
    for (Call& call : calls) {
      made.push_back(ask(call, Ask::kTake));
      if (made.back().allowed) continue;
      const std::size_t taken = made.size() - 1;
      for (std::size_t i = 0; i < taken; ++i) static_cast<void>(ask(calls[i], Ask::kRefund));
      for (Call& rest : calls.subspan(made.size())) made.push_back(ask(rest, Ask::kPeek));
      break;
    }
    return made;
  }

  static std::vector<Request> remotes_of(std::span<const Call> calls) {
    std::vector<Request> requests;
    requests.reserve(calls.size());
    for (const Call& call : calls) {
      requests.push_back(call.request);
      requests.back().now.reset();
    }
    return requests;
  }

  Decision told(const Call& call, Ask what, const Answer& answer, Source source) {
    Decision made = limiter::to_decision(call.request, answer, source);
    if (answer.clock_resets > 0) telemetry.clock_was_wrong(answer.clock_resets, call.now);
    if (what == Ask::kTake) {
      telemetry.decided(call.request, made, call.now);
      if (live_view.enabled()) note_live(call, made);
    }
    return made;
  }

  void note_live(const Call& call, const Decision& decision) noexcept {
    live_view.decided({.policy = live_view.policy(call.request.rules.front().name),
                       .key = call.request.key,
                       .cost = call.request.cost,
                       .allowed = decision.allowed,
                       .shadow = false,
                       .source = decision.source,
                       .latency = std::chrono::duration_cast<Microseconds>(call.answered - call.now)},
                      call.now);
  }

  LimiterLive live() const {
    LimiterLive shown = live_view.snapshot(clock.now(), clock.wall_now());
    if (secrets.empty()) return shown;
    for (auto* keys : {&shown.top_used, &shown.top_denied, &shown.top_shadow_denied}) {
      for (TopKey& each : *keys) each.key = base::key_part(secrets, "limiter", each.key);
    }
    return shown;
  }

  static Ms longest_reset(const Request& request, const Answer& answer) noexcept {
    Ms longest = 0;
    for (std::size_t i = 0; i < request.meter_count; ++i) longest = std::max(longest, answer.meters[i].reset_after);
    return longest;
  }

  Deadline share_of(const Call& call) {
    if (call.deadline.cuts(call.now, share)) telemetry.share_was_cut();
    return call.deadline.share(call.now, share);
  }
  Owe owe() const noexcept { return redis ? Owe::kRedis : Owe::kNothing; }

  const Milliseconds share;
  const bool heed_blocks;
  const Backing backing;
  const Clock& clock;
  const Ms own_phase;
  base::ForkGuard fork_guard;
  limiter::Telemetry telemetry;
  limiter::KeyStore store;
  limiter::LiveView live_view;
  const SecretRing secrets;
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
  return check(key, std::span(&rule, 1), options);
}
Result<Decision> RateLimiter::check(std::string_view key, std::span<const RateRule> rules, CheckOptions options) {
  Impl::Call call;
  if (auto valid = impl_->begin(call, key, rules, options); !valid) return valid.error();
  return impl_->ask(call, Ask::kTake);
}
Result<Decision> RateLimiter::peek(std::string_view key, const RateRule& rule, CheckOptions options) {
  return peek(key, std::span(&rule, 1), options);
}
Result<Decision> RateLimiter::peek(std::string_view key, std::span<const RateRule> rules, CheckOptions options) {
  Impl::Call call;
  if (auto valid = impl_->begin(call, key, rules, options); !valid) return valid.error();
  return impl_->ask(call, Ask::kPeek);
}
Result<Decision> RateLimiter::reset(std::string_view key, const RateRule& rule, CheckOptions options) {
  return reset(key, std::span(&rule, 1), options);
}
Result<Decision> RateLimiter::reset(std::string_view key, std::span<const RateRule> rules, CheckOptions options) {
  const bool leases = !rules.empty() && rules.front().algorithm == Algorithm::kConcurrency;
  Impl::Call call;
  if (auto valid = impl_->begin(call, key, rules, options, leases ? Purpose::kLease : Purpose::kRate); !valid)
    return valid.error();
  return impl_->reset(call);
}

Result<std::vector<Decision>> RateLimiter::check_batch(std::span<const RateQuestion> questions, CheckOptions options) {
  auto calls = impl_->begin_all(questions, options);
  if (!calls) return calls.error();
  return impl_->ask_batch(*calls);
}

Result<Decision> RateLimiter::check_all(std::span<const RateQuestion> questions, CheckOptions options) {
  if (auto valid = distinct_keys(questions); !valid) return valid.error();
  auto calls = impl_->begin_all(questions, options);
  if (!calls) return calls.error();
  return joined(impl_->ask_together(*calls));
}

Result<Decision> RateLimiter::penalize(std::string_view key, std::span<const RateRule> rules, CheckOptions options) {
  Impl::Call call;
  if (auto valid = impl_->begin(call, key, rules, options); !valid) return valid.error();
  return impl_->ask(call, Ask::kForce);
}

Result<Decision> RateLimiter::reward(std::string_view key, std::span<const RateRule> rules, CheckOptions options) {
  Impl::Call call;
  if (auto valid = impl_->begin(call, key, rules, options); !valid) return valid.error();
  return impl_->ask(call, Ask::kRefund);
}

Result<void> RateLimiter::block(std::string_view key, Milliseconds duration, CheckOptions options) {
  if (!impl_->heed_blocks) {
    return invalid_argument("heed_blocks", "must be set in RateLimiterOptions for block() to have an effect");
  }
  if (duration.count() < 0 || duration > kMaxRateWindow) {
    return invalid_argument("duration", "must be between 0 and " + std::to_string(kMaxRateWindow.count()) +
                                            " ms, got " + std::to_string(duration.count()));
  }
  const RateRule any{.limit = 1, .window = kMaxRateWindow, .algorithm = Algorithm::kFixedWindow};
  Impl::Call call;
  if (auto valid = impl_->begin(call, key, {&any, 1}, options); !valid) return valid.error();
  return impl_->block(call, duration);
}

Result<Decision> RateLimiter::acquire(std::string_view key, std::string_view lease, std::span<const RateRule> rules,
                                      CheckOptions options) {
  if (auto valid = limiter::validate_id("lease", lease, kMaxLeaseIdBytes, false); !valid) return valid.error();
  Impl::Call call;
  if (auto valid = impl_->begin(call, key, rules, options, Purpose::kLease, lease); !valid) return valid.error();
  return impl_->ask(call, Ask::kTake);
}

Result<Decision> RateLimiter::release(std::string_view key, std::string_view lease, std::span<const RateRule> rules,
                                      CheckOptions options) {
  if (auto valid = limiter::validate_id("lease", lease, kMaxLeaseIdBytes, false); !valid) return valid.error();
  Impl::Call call;
  if (auto valid = impl_->begin(call, key, rules, options, Purpose::kLease, lease); !valid) return valid.error();
  return impl_->ask(call, Ask::kRelease);
}

LimiterLive RateLimiter::live() const { return impl_->live(); }

bool RateLimiter::asks_redis() const noexcept { return impl_->uses_redis(); }
bool RateLimiter::stands_in() const noexcept { return impl_->redis && !impl_->uses_redis(); }

}  // namespace envoyou
