// The public face of the general cache. What it acknowledges is either in Redis or waits to be carried over; a key that
// waits is read from there and written only there, so that an older value never comes back behind a newer one.
#include "base/bytes.hpp"
#include "base/json.hpp"
#include "cache/pending_writes.hpp"
#include "cache/places.hpp"
#include "cache/single_flight.hpp"

#include <envoyou/cache.hpp>

#include <array>
#include <utility>

namespace envoyou {
namespace {

using cache::Name;
using cache::Payload;
using cache::PendingWrite;

constexpr std::size_t kWritesPerTrip = 64;
constexpr std::size_t kOrders = 64;

struct Asked {
  std::optional<CacheValue> value{};
  bool unusable = false;  // something lies there that is no answer
};

Result<void> check_key(std::string_view key) {
  if (key.empty()) return invalid_argument("key", "must not be empty");
  if (key.size() <= kMaxCacheKeyBytes) return {};
  return Error(Errc::kTooLarge,
               "key: is " + std::to_string(key.size()) + " bytes, at most " + std::to_string(kMaxCacheKeyBytes));
}

}  // namespace

struct Cache::Impl final : CarryOver {
  using Flights = cache::SingleFlight<Result<CacheValue>>;

  Impl(const CacheOptions& options, const Backing& backing)
      : places(options, "data", backing),
        pending_writes({.max_values = options.max_pending, .max_bytes = options.max_pending_bytes}) {
    places.fallback->add(this);
  }
  ~Impl() override { places.fallback->remove(this); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // CarryOver
  std::string_view name() const noexcept override { return "cache"; }
  std::size_t pending() const noexcept override { return pending_writes.size() + (places.has_leftovers() ? 1 : 0); }
  Result<void> carry_over(Deadline deadline) override;
  Result<void> settle(const std::vector<PendingWrite>& batch, const std::vector<Result<void>>& told, Deadline deadline);
  Result<void> write_plainly(const PendingWrite& waiting, Deadline deadline);

  Result<Milliseconds> checked(std::string_view key, std::optional<Milliseconds> ttl) const;
  Result<Asked> ask(const Name& name, Deadline deadline);
  Asked ask_here(const Name& name);
  Result<Asked> counted(Result<Asked> asked, const Name& name) const;

  Result<Source> change(std::string_view key, Payload payload, Milliseconds ttl, Deadline deadline);
  Result<Source> change_here(const cache::Write& write, std::uint64_t sequence);
  // Keeps a computed value, unless the key was changed meanwhile.
  Source keep(std::string_view key, Payload payload, Milliseconds ttl, const Flights::Lead& lead, bool replace,
              Deadline deadline);
  Result<CacheValue> get_or_compute(std::string_view key, const Loader& loader, Milliseconds ttl, Deadline deadline);
  Result<CacheValue> lead(std::string_view key, const Loader& loader, Milliseconds ttl, Deadline deadline, bool replace,
                          Flights::Lead& lead);
  Result<CacheValue> computed(const Loader& loader) const;

  cache::Write write_of(std::string_view key, Payload payload, Milliseconds ttl) const;
  std::unique_lock<std::mutex> order_of(const Name& name) {
    return std::unique_lock(orders[cache::tag_of(name.digest) % kOrders]);
  }
  void show_pending() {
    places.metrics->pending.set(static_cast<std::int64_t>(pending_writes.size()));
    const std::uint64_t now = pending_writes.dropped();
    places.metrics->dropped.add(now - dropped_shown.exchange(now));
  }

  cache::Places places;
  cache::PendingWrites pending_writes;
  Flights flights;
  // Held while a write takes its place behind earlier ones of its key; never while waiting for Redis.
  std::array<std::mutex, kOrders> orders;
  std::atomic<std::uint64_t> last_sequence{0};
  std::atomic<std::uint64_t> dropped_shown{0};
};

Result<Milliseconds> Cache::Impl::checked(std::string_view key, std::optional<Milliseconds> ttl) const {
  if (places.forked()) return Error(Errc::kForked);
  if (const auto ok = check_key(key); !ok) return ok.error();
  const Milliseconds chosen = ttl.value_or(Milliseconds(0));
  if (chosen < Milliseconds(0) || chosen > kMaxCacheTtl) {
    return invalid_argument("ttl", "must be 0 to 30 days, got " + std::to_string(chosen.count()) + " ms");
  }
  return chosen == Milliseconds(0) ? places.options.default_ttl : chosen;
}

cache::Write Cache::Impl::write_of(std::string_view key, Payload payload, Milliseconds ttl) const {
  return {.names = places.names->all_data(key),
          .payload = std::move(payload),
          .ttl = ttl,
          .written = places.runtime.clock->wall_now()};
}

// Reading: what waits to be carried over counts before anything else.
Result<Asked> Cache::Impl::ask(const Name& name, Deadline deadline) {
  const bool in_redis = places.uses_redis();
  if (const auto waiting = pending_writes.find(name, places.runtime.clock->now())) {
    if (waiting->kind == PendingWrite::Kind::kValue) return Asked{CacheValue{*waiting->payload, Source::kLocal}};
    if (waiting->kind == PendingWrite::Kind::kRemoved || in_redis) return Asked{};
  }
  if (!in_redis) return ask_here(name);
  auto found = places.redis->look_up({.entry = name}, places.share(deadline));
  if (!found && cache::is_callers(found.error())) return found.error();
  if (!found) return Asked{};
  if (!found->held) return Asked{.unusable = found->unusable};
  return Asked{CacheValue{*found->held->payload, Source::kRedis}};
}

Asked Cache::Impl::ask_here(const Name& name) {
  const auto found = places.memory.look_up({.entry = name}, Deadline::never());
  if (!found || !found->held) return {};
  return {CacheValue{*found->held->payload, Source::kLocal}};
}

Result<Asked> Cache::Impl::counted(Result<Asked> asked, const Name& name) const {
  const bool hit = asked && asked->value;
  (hit ? places.metrics->hits : places.metrics->misses).add();
  places.log(hit ? "hit" : "miss", name, hit ? asked->value->source : places.source());
  return asked;
}

// Writing: a null payload removes.
Result<Source> Cache::Impl::change(std::string_view key, Payload payload, Milliseconds ttl, Deadline deadline) {
  cache::Write write = write_of(key, std::move(payload), ttl);
  const Name& name = write.names.front();
  if (write.payload != nullptr) places.metrics->stores.add();
  auto order = order_of(name);
  const std::uint64_t sequence = ++last_sequence;
  flights.outdate(name.bytes());
  if (!places.uses_redis() || pending_writes.contains(name)) return change_here(write, sequence);
  const auto written = places.redis->write(write, deadline, std::move(order));
  if (written) return Source::kRedis;
  if (cache::is_callers(written.error())) return written.error();
  places.metrics->redis_errors.add();
  const auto again = order_of(name);
  return change_here(write, sequence);
}

// REQUIRES: the key's order is held.
Result<Source> Cache::Impl::change_here(const cache::Write& write, std::uint64_t sequence) {
  if (places.has_redis()) {
    PendingWrite waiting{.names = write.names,
                         .kind = write.payload ? PendingWrite::Kind::kValue : PendingWrite::Kind::kRemoved,
                         .payload = write.payload,
                         .ttl = write.ttl,
                         .expires = places.runtime.clock->now() + write.ttl,
                         .written = write.written,
                         .sequence = sequence};
    const bool fits = pending_writes.put(std::move(waiting));
    show_pending();
    if (!fits) return Error(Errc::kQueueFull, "cache: too many keys were changed since Redis went away");
  }
  if (!places.uses_redis()) (void)places.memory.write(write, Deadline::never(), {});
  return Source::kLocal;
}

Source Cache::Impl::keep(std::string_view key, Payload payload, Milliseconds ttl, const Flights::Lead& lead,
                         bool replace, Deadline deadline) {
  cache::Write write = write_of(key, std::move(payload), ttl);
  write.only_if_absent = !replace;
  const Name& name = write.names.front();
  auto order = order_of(name);
  if (lead.outdated() || pending_writes.contains(name)) return places.source();
  places.metrics->stores.add();
  if (!places.uses_redis()) {
    (void)places.memory.write(write, deadline, std::move(order));
    return Source::kLocal;
  }
  if (places.redis->write(write, deadline, std::move(order))) return Source::kRedis;
  places.metrics->redis_errors.add();
  return Source::kLocal;
}

Result<CacheValue> Cache::Impl::computed(const Loader& loader) const {
  auto made = loader();
  if (!made) return made.error();
  return CacheValue{std::move(*made), places.source()};
}

Result<CacheValue> Cache::Impl::get_or_compute(std::string_view key, const Loader& loader, Milliseconds ttl,
                                               Deadline deadline) {
  const Name name = places.names->data(key);
  // Every turn but the last waited for a leader who failed.
  for (;;) {
    const std::uint64_t landings = flights.landings(name.bytes());
    auto asked = counted(ask(name, deadline), name);
    if (!asked) return asked.error();
    if (asked->value) return std::move(*asked->value);
    auto joined = flights.join(name.bytes());
    if (joined.lead != nullptr) {
      // Somebody has landed since the look-up, perhaps this very value: looking again is cheaper than making it again.
      if (flights.landings(name.bytes()) != landings) asked = ask(name, deadline);
      if (asked && asked->value) {
        joined.lead->land(std::make_shared<const Result<CacheValue>>(*asked->value));
        return std::move(*asked->value);
      }
      return lead(key, loader, ttl, deadline, asked && asked->unusable, *joined.lead);
    }
    auto awaited = joined.flight->wait(deadline, *places.runtime.clock);
    if (awaited.outcome == Flights::Outcome::kFailed) continue;
    if (awaited.outcome == Flights::Outcome::kTimedOut) return computed(loader);
    places.metrics->coalesced.add();
    return *awaited.value;
  }
}

Result<CacheValue> Cache::Impl::lead(std::string_view key, const Loader& loader, Milliseconds ttl, Deadline deadline,
                                     bool replace, Flights::Lead& lead) {
  auto made = computed(loader);
  if (made && made->bytes.size() <= places.options.max_value_bytes) {
    made->source = keep(key, std::make_shared<const std::string>(made->bytes), ttl, lead, replace, deadline);
  }
  lead.land(std::make_shared<const Result<CacheValue>>(made));
  return made;
}

Result<void> Cache::Impl::carry_over(Deadline deadline) {
  if (places.has_leftovers()) places.memory.clear();
  while (pending_writes.size() > 0 && !deadline.expired(places.runtime.clock->now())) {
    const auto batch = pending_writes.batch(kWritesPerTrip);
    const auto settled = settle(batch, places.redis->carry_over(batch, deadline), deadline);
    show_pending();
    if (settled) continue;
    if (!cache::is_refusal(settled.error())) return settled.error();
    // Others must not wait for what this server will never allow; the keys stay as they are here.
    places.runtime.logger.warning("cache", "redis refuses writes", {{"error", settled.error().message()}});
    return {};
  }
  return {};
}

Result<void> Cache::Impl::settle(const std::vector<PendingWrite>& batch, const std::vector<Result<void>>& told,
                                 Deadline deadline) {
  Result<void> outcome;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Result<void> settled = told[i];
    if (!settled && cache::is_refusal(settled.error())) {
      // Without scripts the later of two writes can not be told: then this one counts.
      settled = write_plainly(batch[i], deadline);
    }
    if (settled) pending_writes.done(batch[i]);
    if (!settled && outcome) outcome = settled;
  }
  return outcome;
}

Result<void> Cache::Impl::write_plainly(const PendingWrite& waiting, Deadline deadline) {
  const auto left = std::chrono::ceil<Milliseconds>(waiting.expires - places.runtime.clock->now());
  cache::Write write{.names = waiting.names, .ttl = left, .written = waiting.written};
  if (waiting.kind == PendingWrite::Kind::kValue && left > Milliseconds(0)) write.payload = waiting.payload;
  return places.redis->write(write, deadline, {});
}

Cache::Cache(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Cache::~Cache() = default;

Result<std::unique_ptr<Cache>> Cache::open(const CacheOptions& options, const Backing& backing) {
  base::Problems problems;
  cache::check_options(options, problems);
  if (!problems.empty()) return problems.result().error();
  return std::unique_ptr<Cache>(new Cache(std::make_unique<Impl>(options, backing)));
}

Result<std::optional<CacheValue>> Cache::get(std::string_view key, CacheCall call) {
  if (const auto ok = impl_->checked(key, {}); !ok) return ok.error();
  const Name name = impl_->places.names->data(key);
  auto asked = impl_->counted(impl_->ask(name, impl_->places.deadline(call)), name);
  if (!asked) return asked.error();
  return std::move(asked->value);
}

Result<Source> Cache::set(std::string_view key, std::string_view bytes, std::optional<Milliseconds> ttl,
                          CacheCall call) {
  const auto chosen = impl_->checked(key, ttl);
  if (!chosen) return chosen.error();
  const std::size_t most = impl_->places.options.max_value_bytes;
  if (bytes.size() > most) {
    return Error(Errc::kTooLarge,
                 "value: is " + std::to_string(bytes.size()) + " bytes, at most " + std::to_string(most));
  }
  return impl_->change(key, std::make_shared<const std::string>(bytes), *chosen, impl_->places.deadline(call));
}

Result<Source> Cache::remove(std::string_view key, CacheCall call) {
  if (const auto ok = impl_->checked(key, {}); !ok) return ok.error();
  return impl_->change(key, nullptr, Milliseconds(0), impl_->places.deadline(call));
}

Result<CacheValue> Cache::get_or_compute(std::string_view key, const Loader& loader, std::optional<Milliseconds> ttl,
                                         CacheCall call) {
  const auto chosen = impl_->checked(key, ttl);
  if (!chosen) return chosen.error();
  return impl_->get_or_compute(key, loader, *chosen, impl_->places.deadline(call));
}

Result<Source> Cache::set_json(std::string_view key, std::string_view json, std::optional<Milliseconds> ttl,
                               CacheCall call) {
  const auto parsed = base::Json::parse("json", json, impl_->places.options.max_value_bytes);
  if (!parsed) return parsed.error();
  return set(key, json, ttl, call);
}

Source Cache::source() const noexcept { return impl_->places.source(); }

}  // namespace envoyou
