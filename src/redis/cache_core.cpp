#include "redis/cache_core.hpp"

#include "base/random.hpp"

#include <algorithm>
#include <functional>
#include <thread>
#include <utility>

namespace envoyou::redis {

namespace {

constexpr std::int64_t kNoKey = -2;  // what PTTL answers
constexpr std::int64_t kNoExpiry = -1;

std::size_t bytes_of(const Reply& reply) noexcept {
  std::size_t bytes = sizeof(Reply) + reply.text.size();
  for (const Reply& element : reply.elements) bytes += bytes_of(element);
  return bytes;
}

memory::BoundedStoreOptions store_options(const ClientCacheOptions& options) {
  memory::BoundedStoreOptions made;
  made.max_bytes = options.max_bytes;
  made.hash_seed = base::jitter_seed();
  return made;
}

Counter& counter(MetricsRegistry& metrics, std::string_view name, std::string_view help) {
  return metrics.counter(name, "", help);
}

Gauge& gauge(MetricsRegistry& metrics, std::string_view name, std::string_view help) {
  return metrics.gauge(name, "", help);
}

// Which counter a thread counts on: any will do, and one that few others use is best.
std::size_t stripe_of_thread(std::size_t stripes) noexcept {
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15u;
  constexpr int kTopBits = 32;
  const std::uint64_t id = std::hash<std::thread::id>{}(std::this_thread::get_id());
  return static_cast<std::size_t>((id * kSpread) >> kTopBits) % stripes;
}

}  // namespace

CacheCore::CacheCore(const Runtime& runtime, const ClientCacheOptions& options)
    : clock_(runtime.clock),
      options_(options),
      least_weight_((options.max_bytes + options.max_entries - 1) / options.max_entries),
      metrics_(runtime.metrics),
      store_(store_options(options)),
      published_(*metrics_) {}

std::optional<CachedReply> CacheCore::find(std::string_view key, std::string_view aspect, TimePoint now) {
  const auto found = store_.get(key, now);
  if (!found) return std::nullopt;
  const Record& record = *found->value;
  if (!feed_->holds(record.epoch, now)) {
    if (record.epoch == feed_->epoch()) lease_expiries_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  for (const Aspect& each : record.aspects) {
    if (each.question != aspect || each.expires <= now) continue;
    stripes_[stripe_of_thread(kStripes)].hits.fetch_add(1, std::memory_order_relaxed);
    return each.reply;
  }
  return std::nullopt;
}

void CacheCore::ask(std::vector<Question> questions, TimePoint deadline) {
  const TimePoint now = clock_->now();
  std::vector<Submission> group;
  {
    const std::lock_guard lock(mutex_);
    for (Question& question : questions) {
      misses_.fetch_add(1, std::memory_order_relaxed);
      if (const FlightPtr made = join_or_make(std::move(question), now, deadline)) append(made, group);
    }
  }
  if (!group.empty()) feed_->submit(std::move(group), Deadline::at(deadline));
}

// Null: it waits for a flight that is there. REQUIRES: mutex_ is held.
CacheCore::FlightPtr CacheCore::join_or_make(Question&& question, TimePoint now, TimePoint deadline) {
  const std::uint64_t epoch = feed_->epoch();
  const bool may_keep = epoch != 0 && feed_->covers(question.key);
  std::vector<FlightPtr>* const of_key = may_keep ? &flights_[question.key] : nullptr;
  if (of_key != nullptr) {
    for (const FlightPtr& each : *of_key) {
      if (each->aspect != question.aspect || each->epoch != epoch || each->deadline > deadline) continue;
      joined_.fetch_add(1, std::memory_order_relaxed);
      each->waiters.push_back({deadline, std::move(question.then)});
      return nullptr;
    }
  }
  auto flight = std::make_shared<Flight>();
  flight->key = std::move(question.key);
  flight->aspect = std::move(question.aspect);
  flight->words = std::move(question.words);
  flight->epoch = may_keep ? epoch : 0;
  flight->asked = now;
  flight->deadline = deadline;
  flight->waiters.push_back({deadline, std::move(question.then)});
  flight->in_table = may_keep;
  if (of_key != nullptr) of_key->push_back(flight);
  return flight;
}

// The time to live first: whatever changes the key between the two is told before the second is answered.
void CacheCore::append(const FlightPtr& flight, std::vector<Submission>& group) {
  flight->left = 1;
  if (flight->epoch != 0) {
    ++flight->left;
    Command<std::int64_t> ttl(Words("PTTL", std::string_view(flight->key)), decode_integer, Repeat::kIsSafe);
    group.push_back(to_submission(std::move(ttl), [self = shared_from_this(), flight](Result<std::int64_t> answer) {
      self->on_ttl(flight, std::move(answer));
    }));
  }
  Command<Reply> value(flight->words, decode_any, Repeat::kIsSafe);
  group.push_back(to_submission(std::move(value), [self = shared_from_this(), flight](Result<Reply> answer) {
    self->on_value(flight, std::move(answer));
  }));
}

void CacheCore::on_ttl(const FlightPtr& flight, Result<std::int64_t> ttl) {
  if (ttl) flight->ttl = *ttl;
  arrived(flight);
}

void CacheCore::on_value(const FlightPtr& flight, Result<Reply> value) {
  if (value) {
    flight->value.emplace(std::make_shared<const Reply>(std::move(value).value()));
  } else {
    flight->value.emplace(value.error());
  }
  arrived(flight);
}

void CacheCore::arrived(const FlightPtr& flight) {
  if (--flight->left == 0) finish(flight);
}

void CacheCore::finish(const FlightPtr& flight) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    if (flight->value->has_value() && flight->epoch != 0) {
      // A flight of an epoch that is over has left the table, too.
      if (flight->in_table) {
        keep(*flight, clock_->now());
      } else {
        not_kept_.fetch_add(1, std::memory_order_relaxed);
      }
    }
    leave_table(*flight);
    waiters = std::move(flight->waiters);
  }
  answer(flight, std::move(waiters));
}

// When the value ends; nothing if that can not be told. The server's time to live ran from when it answered at the
// earliest, so from before the asking never too long.
std::optional<TimePoint> CacheCore::expiry(const Flight& flight) const {
  if (!flight.ttl) return std::nullopt;
  const bool is_absent = (**flight.value)->type == ReplyType::kNull;
  if (*flight.ttl == kNoExpiry || (*flight.ttl == kNoKey && is_absent)) return flight.asked + options_.max_ttl;
  if (*flight.ttl < 0) return std::nullopt;
  return flight.asked + std::min(options_.max_ttl, Milliseconds(*flight.ttl));
}

// REQUIRES: mutex_ is held.
void CacheCore::keep(const Flight& flight, TimePoint now) {
  const auto expires = expiry(flight);
  if (!expires || *expires <= now) return;
  auto record = std::make_shared<Record>();
  record->epoch = flight.epoch;
  TimePoint last = *expires;
  std::size_t bytes = sizeof(Record);
  if (const auto before = store_.get(flight.key, now); before && before->value->epoch == flight.epoch) {
    for (const Aspect& each : before->value->aspects) {
      if (each.question == flight.aspect || each.expires <= now) continue;
      if (record->aspects.size() + 1 == ClientCache::kMaxAspects) break;
      last = std::max(last, each.expires);
      record->aspects.push_back(each);
    }
  }
  record->aspects.push_back({flight.aspect, **flight.value, *expires});
  for (const Aspect& each : record->aspects) bytes += sizeof(Aspect) + each.question.size() + bytes_of(*each.reply);
  const std::size_t overhead = flight.key.size() + Store::kEntryOverhead;
  const std::size_t least = least_weight_ > overhead ? least_weight_ - overhead : 0;
  store_.put(flight.key, std::move(record), std::max(bytes, least), last, now);
}

void CacheCore::answer(const FlightPtr& flight, std::vector<Waiter> waiters) {
  const Result<CachedReply>& value = *flight->value;
  const bool lacked_time = !value && (value.error().code() == Errc::kTimeout || value.error().code() == Errc::kNotSent);
  const TimePoint now = clock_->now();
  std::stable_sort(waiters.begin(), waiters.end(),
                   [](const Waiter& a, const Waiter& b) { return a.deadline < b.deadline; });
  for (Waiter& waiter : waiters) {
    const bool asks_again = lacked_time && waiter.deadline > std::max(now, flight->deadline) && !closed_.load();
    if (!asks_again) {
      waiter.then(value);
      continue;
    }
    std::vector<Question> one;
    one.push_back({flight->key, flight->aspect, flight->words, std::move(waiter.then)});
    ask(std::move(one), waiter.deadline);
  }
}

// REQUIRES: mutex_ is held.
void CacheCore::leave_table(Flight& flight) {
  if (!std::exchange(flight.in_table, false)) return;
  const auto at = flights_.find(flight.key);
  std::erase_if(at->second, [&](const FlightPtr& each) { return each.get() == &flight; });
  if (at->second.empty()) flights_.erase(at);
}

// REQUIRES: mutex_ is held.
void CacheCore::drop_flights_of(std::string_view key) {
  const auto at = flights_.find(std::string(key));
  if (at == flights_.end()) return;
  for (const FlightPtr& flight : at->second) flight->in_table = false;
  flights_.erase(at);
}

void CacheCore::invalidate(std::string_view key) {
  const std::lock_guard lock(mutex_);
  drop_flights_of(key);
  store_.remove(key);
}

void CacheCore::clear() {
  const std::lock_guard lock(mutex_);
  for (auto& [key, flights] : flights_) {
    for (const FlightPtr& flight : flights) flight->in_table = false;
  }
  flights_.clear();
  store_.clear();
}

void CacheCore::close() { closed_.store(true); }

void CacheCore::on_invalidated(std::string_view key) noexcept {
  invalidations_.fetch_add(1, std::memory_order_relaxed);
  invalidate(key);
}

void CacheCore::on_all_invalidated() noexcept { drop_all(); }

void CacheCore::on_restored(FeedSource, std::uint64_t) noexcept {}

// The epoch is over already, so nothing of it is served: this gives the memory back.
void CacheCore::on_lost(const Error&) noexcept { drop_all(); }

void CacheCore::drop_all() {
  drops_.fetch_add(1, std::memory_order_relaxed);
  clear();
  publish_metrics();
}

void CacheCore::on_heartbeat() noexcept { publish_metrics(); }

std::uint64_t CacheCore::hits() const noexcept {
  std::uint64_t sum = 0;
  for (const Stripe& stripe : stripes_) sum += stripe.hits.load(std::memory_order_relaxed);
  return sum;
}

ClientCacheStats CacheCore::stats() const {
  const auto read = [](const std::atomic<std::uint64_t>& value) { return value.load(std::memory_order_relaxed); };
  return {.hits = hits(),
          .misses = read(misses_),
          .joined = read(joined_),
          .invalidations = read(invalidations_),
          .not_kept = read(not_kept_),
          .drops = read(drops_),
          .lease_expiries = read(lease_expiries_),
          .entries = store_.entries(),
          .bytes = store_.bytes()};
}

void CacheCore::publish_metrics() {
  const std::lock_guard lock(publishing_);
  published_.publish(stats());
}

CacheCore::Published::Published(MetricsRegistry& metrics)
    : hits(counter(metrics, "envoyou_redis_client_cache_hits_total", "reads answered in this process")),
      misses(counter(metrics, "envoyou_redis_client_cache_misses_total", "reads that Redis was asked for")),
      invalidations(
          counter(metrics, "envoyou_redis_client_cache_invalidations_total", "keys that were told to have changed")),
      not_kept(counter(metrics, "envoyou_redis_client_cache_not_kept_total",
                       "replies that were invalidated before they came")),
      drops(counter(metrics, "envoyou_redis_client_cache_drops_total",
                    "times that all was dropped: a lost link, FLUSHALL")),
      lease_expiries(counter(metrics, "envoyou_redis_client_cache_lease_expiries_total",
                             "values not served since their link was silent")),
      entries(gauge(metrics, "envoyou_redis_client_cache_entries", "keys that are kept")),
      bytes(gauge(metrics, "envoyou_redis_client_cache_bytes", "what they cost")) {}

void CacheCore::Published::publish(const ClientCacheStats& now) {
  hits.add(now.hits - before.hits);
  misses.add(now.misses - before.misses);
  invalidations.add(now.invalidations - before.invalidations);
  not_kept.add(now.not_kept - before.not_kept);
  drops.add(now.drops - before.drops);
  lease_expiries.add(now.lease_expiries - before.lease_expiries);
  entries.set(static_cast<std::int64_t>(now.entries));
  bytes.set(static_cast<std::int64_t>(now.bytes));
  before = now;
}

}  // namespace envoyou::redis
