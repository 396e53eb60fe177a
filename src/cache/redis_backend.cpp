#include "cache/redis_backend.hpp"

#include "base/random.hpp"
#include "cache/codec.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::cache {
namespace {

using commands::Generation;

// Collects the outcomes of commands that are sent together; `wait` gives the first error.
class Outcomes {
 public:
  template <class R>
  redis::Submission expect(redis::Command<R> command) {
    shared_->state.expect_one();
    return redis::to_submission(std::move(command), [shared = shared_](Result<R> result) {
      if (!result) shared->fail(result.error());
      shared->state.arrived();
    });
  }
  Result<void> wait() {
    shared_->state.wait();
    const std::lock_guard lock(shared_->mutex);
    if (shared_->failure) return *shared_->failure;
    return {};
  }

 private:
  struct Shared {
    redis::WaitState state;
    std::mutex mutex;
    std::optional<Error> failure;  // guarded by mutex
    void fail(const Error& error) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = error;
    }
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

// For commands whose outcome nobody waits for.
template <class R>
redis::Submission counted(redis::Command<R> command, const std::shared_ptr<Metrics>& metrics) {
  return redis::to_submission(std::move(command), [metrics](const Result<R>& result) {
    if (!result) metrics->redis_errors.add();
  });
}

std::vector<const Name*> names_of(const Identity& identity) {
  std::vector<const Name*> names;
  for (const Tag& tag : identity.tags) names.push_back(&tag.name);
  names.push_back(&*identity.own);
  return names;
}

// Nullopt where a tag has no number.
std::optional<Stamps> stamps_of(const Identity& identity, const std::vector<Generation>& seen) {
  if (seen.size() != identity.tags.size() + 1) return std::nullopt;
  Stamps stamps{.own = seen.back().number};
  for (std::size_t i = 0; i < identity.tags.size(); ++i) {
    if (seen[i].number == 0 || seen[i].owner != tag_of(identity.tags[i].name.digest)) return std::nullopt;
    stamps.tags.push_back(seen[i].number);
  }
  return stamps;
}

Result<std::uint64_t> random_number() {
  std::uint64_t number = 0;
  while (number == 0) {
    const auto drawn = base::secure_random({reinterpret_cast<unsigned char*>(&number), sizeof number});
    if (!drawn) return drawn.error();
  }
  return number;
}

}  // namespace

RedisBackend::RedisBackend(RedisBackendOptions options, std::shared_ptr<const Names> names,
                           std::shared_ptr<redis::Client> client, Runtime runtime, std::shared_ptr<Metrics> metrics)
    : options_(options),
      names_(std::move(names)),
      client_(std::move(client)),
      runtime_(std::move(runtime)),
      metrics_(std::move(metrics)) {}

Result<LookUp> RedisBackend::look_up(const Identity& identity, Deadline deadline) {
  if (identity.tags.empty()) return look_up_untagged(identity, deadline);
  redis::Pipeline pipeline;
  auto entry = pipeline.add(commands::get_entry(identity.entry));
  auto generations = pipeline.add(commands::get_generations(names_of(identity)));
  auto left = pipeline.add(commands::time_left(identity.entry));
  if (const auto ran = client_->run(pipeline, {deadline}); !ran) return ran.error();
  const auto& bytes = redis::Pipeline::take(entry);
  const auto& seen = redis::Pipeline::take(generations);
  const auto& told = redis::Pipeline::take(left);
  if (!bytes) return noted(bytes.error(), identity.entry);
  if (!seen) return noted(seen.error(), identity.entry);
  if (!told) return noted(told.error(), identity.entry);

  LookUp found{.stamps = stamps_of(identity, *seen)};
  if (*bytes) {
    Opened opened = open(identity.entry, **bytes);
    found.unusable = !opened.held;
    const bool good = opened.held && found.stamps && still_good(opened.stamps, *found.stamps);
    if (good) opened.held->ttl_left = time_left(opened, *told);
    if (good && opened.held->ttl_left > Milliseconds(0)) {
      found.held = std::move(opened.held);
      return found;
    }
  }
  if (found.stamps) return found;
  auto drawn = draw_generations(identity, *seen, deadline);
  if (!drawn) return noted(drawn.error(), identity.entry);
  found.stamps = std::move(*drawn);
  return found;
}

Result<LookUp> RedisBackend::look_up_untagged(const Identity& identity, Deadline deadline) {
  const auto bytes = client_->run(commands::get_entry(identity.entry), {deadline});
  if (!bytes) return noted(bytes.error(), identity.entry);
  LookUp found;
  if (!*bytes) return found;
  found.held = open(identity.entry, **bytes).held;
  found.unusable = !found.held;
  return found;
}

RedisBackend::Opened RedisBackend::open(const Name& entry, std::string_view bytes) {
  auto envelope = decode_envelope(bytes, entry.digest, options_.max_value_bytes);
  if (!envelope) {
    metrics_->incoherent.add();
    return {};
  }
  Opened opened{.written = envelope->written};
  opened.stamps.tags = std::move(envelope->tags);
  if (!opened.stamps.tags.empty()) {
    opened.stamps.own = opened.stamps.tags.back();
    opened.stamps.tags.pop_back();
  }
  opened.held = Held{.payload = std::make_shared<const std::string>(std::move(envelope->payload)),
                     .ttl = envelope->ttl,
                     .ttl_left = envelope->ttl};
  return opened;
}

Milliseconds RedisBackend::time_left(const Opened& opened, std::int64_t told) const {
  const Milliseconds ttl = opened.held->ttl;
  if (told >= 0) return std::min(ttl, Milliseconds(told));
  // Somebody has made the key live for ever: its own calendar counts.
  constexpr std::int64_t kForEver = -1;
  if (told == kForEver) return std::min(ttl, ttl - (runtime_.clock->wall_now() - opened.written));
  return Milliseconds(0);
}

Result<std::optional<Stamps>> RedisBackend::draw_generations(const Identity& identity,
                                                             const std::vector<Generation>& seen, Deadline deadline) {
  if (seen.size() != identity.tags.size() + 1) return std::optional<Stamps>();
  redis::Pipeline pipeline;
  for (std::size_t i = 0; i < identity.tags.size(); ++i) {
    const Tag& tag = identity.tags[i];
    const bool is_foreign = seen[i].malformed || (seen[i].number != 0 && seen[i].owner != tag_of(tag.name.digest));
    if (seen[i].number != 0 && !is_foreign) continue;
    const auto number = random_number();
    if (!number) return number.error();
    pipeline.add(commands::set_generation(tag.name, *number, tag.lives, is_foreign));
  }
  // Another server may have been faster: what counts is what lies there then.
  auto generations = pipeline.add(commands::get_generations(names_of(identity)));
  if (const auto ran = client_->run(pipeline, {deadline}); !ran) return ran.error();
  const auto& now = redis::Pipeline::take(generations);
  if (!now) return now.error();
  return stamps_of(identity, *now);
}

bool RedisBackend::keep(const Identity& identity, const Stamps& stamps, const Payload& payload, Milliseconds ttl) {
  const std::string envelope = seal(identity.entry, &stamps, *payload, ttl, runtime_.clock->wall_now());
  std::vector<redis::Submission> submissions;
  submissions.push_back(counted(commands::set_entry(identity.entry, envelope, ttl, false), metrics_));
  for (const Tag& tag : identity.tags) {
    const Milliseconds lives = std::max(tag.lives, ttl + kOwnTagLives);
    submissions.push_back(counted(commands::extend(tag.name, lives), metrics_));
  }
  client_->submit_all(std::move(submissions), detached());
  return true;
}

Result<void> RedisBackend::write(const Write& write, Deadline deadline, std::unique_lock<std::mutex> order) {
  if (const auto may = client_->may_block(); !may) return may.error();
  Outcomes outcomes;
  std::vector<redis::Submission> submissions;
  std::vector<Name> removed = write.names;
  if (write.payload != nullptr) {
    removed.erase(removed.begin());
    submissions.push_back(
        outcomes.expect(commands::set_entry(write.names.front(), seal(write), write.ttl, write.only_if_absent)));
  }
  if (!removed.empty()) submissions.push_back(outcomes.expect(commands::remove(removed)));
  client_->submit_all(std::move(submissions), {deadline});
  if (order.owns_lock()) order.unlock();
  return outcomes.wait();
}

Result<void> RedisBackend::purge(const Purge& purge, Deadline deadline) {
  if (const auto may = client_->may_block(); !may) return may.error();
  const auto number = random_number();
  if (!number) return number.error();
  Outcomes outcomes;
  std::vector<redis::Submission> submissions;
  if (!purge.tags.empty()) submissions.push_back(outcomes.expect(commands::remove(purge.tags)));
  for (const Name& entry : purge.entries) {
    const auto set = commands::set_generation(names_->own_tag(entry), *number, kOwnTagLives, true);
    submissions.push_back(outcomes.expect(set));
  }
  if (!purge.entries.empty()) submissions.push_back(outcomes.expect(commands::remove(purge.entries)));
  if (submissions.empty()) return {};
  client_->submit_all(std::move(submissions), {deadline});
  return outcomes.wait();
}

std::vector<Result<void>> RedisBackend::carry_over(const std::vector<PendingWrite>& writes, Deadline deadline) {
  redis::Pipeline pipeline;
  std::vector<redis::Pipeline::Slot<bool>> slots;
  const TimePoint now = runtime_.clock->now();
  for (const PendingWrite& write : writes) {
    const Milliseconds left = std::chrono::ceil<Milliseconds>(write.expires - now);
    const bool has_value = write.kind == PendingWrite::Kind::kValue && left > Milliseconds(0);
    const std::string envelope =
        has_value ? seal(write.names.front(), nullptr, *write.payload, write.ttl, write.written) : std::string();
    slots.push_back(pipeline.add(commands::carry_over(write.names.front(), write.written, left, envelope)));
    const std::vector<Name> others(write.names.begin() + 1, write.names.end());
    if (!others.empty()) pipeline.add(commands::remove(others));
  }
  std::vector<Result<void>> results;
  const auto ran = client_->run(pipeline, {deadline});
  for (auto& slot : slots) {
    const auto& brought = ran ? redis::Pipeline::take(slot) : Result<bool>(ran.error());
    results.push_back(brought ? Result<void>() : Result<void>(brought.error()));
  }
  return results;
}

std::string RedisBackend::seal(const Name& entry, const Stamps* stamps, std::string_view payload, Milliseconds ttl,
                               WallTime written) const {
  Envelope envelope{.key = entry.digest, .written = written, .ttl = ttl};
  if (stamps != nullptr) {
    envelope.tags = stamps->tags;
    envelope.tags.push_back(stamps->own);
  }
  return encode_envelope(envelope, payload, options_.compress_from_bytes);
}

std::string RedisBackend::seal(const Write& write) const {
  return seal(write.names.front(), nullptr, *write.payload, write.ttl, write.written);
}

Error RedisBackend::noted(Error error, const Name& entry) {
  if (error.code() != Errc::kForeignReply) {
    metrics_->redis_errors.add();
    return error;
  }
  metrics_->foreign.add();
  const std::uint64_t tag = tag_of(entry.digest);
  if (last_foreign_.exchange(tag, std::memory_order_relaxed) == tag) {
    client_->submit(counted(commands::remove({entry}), metrics_), detached());
  }
  return error;
}

redis::CallOptions RedisBackend::detached() const { return {Deadline::after(*runtime_.clock, kDetachedBudget)}; }

}  // namespace envoyou::cache
