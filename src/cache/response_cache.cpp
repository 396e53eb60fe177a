// The public face of the response cache: plans a request (rule, key, tags), asks the place that answers now, and keeps
// what was invalidated here from being answered by anyone who does not know it yet.
#include "base/bytes.hpp"
#include "cache/birth.hpp"
#include "cache/http_policy.hpp"
#include "cache/pending_purges.hpp"
#include "cache/places.hpp"
#include "cache/request_key.hpp"
#include "cache/response_codec.hpp"
#include "cache/rules.hpp"
#include "cache/single_flight.hpp"

#include <envoyou/cache.hpp>

#include <unordered_map>
#include <utility>

namespace envoyou {
namespace {

using cache::Identity;
using cache::Payload;
using cache::Stamps;

constexpr std::size_t kPurgesPerTrip = 128;

// A request, as the cache sees it.
struct Plan {
  std::string_view bypass{};  // why it is not looked up; empty if it is
  const EndpointRule* rule = nullptr;
  std::string canonical{};
  Identity identity{};
};

// Whose misses may share one answer: those of one entry between two invalidations, in one mode.
std::string flight_key(const CacheBirth& birth) {
  std::string key(birth.identity.entry.bytes());
  const Stamps& stamps = birth.in_redis ? *birth.in_redis : birth.here;
  key += birth.in_redis ? 'r' : 'l';
  base::append_u64(key, birth.era);
  base::append_u64(key, stamps.own);
  for (const std::uint64_t tag : stamps.tags) base::append_u64(key, tag);
  return key;
}

}  // namespace

struct ResponseCache::Impl final : CarryOver {
  using Flights = cache::SingleFlight<HttpResponse>;

  Impl(const ResponseCacheOptions& options, cache::Rules checked_rules, const Backing& backing)
      : places(options.cache, "response", backing),
        rules(std::move(checked_rules)),
        everything(places.names->everything_tag()),
        pending_purges(options.cache.max_pending, places.names->all_everything_tags()) {
    for (const EndpointRule* rule : rules.all()) endpoints.emplace(rule, places.names->endpoint_tag(rule->pattern));
    places.fallback->add(this);
  }
  ~Impl() override { places.fallback->remove(this); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // CarryOver
  std::string_view name() const noexcept override { return "response cache"; }
  std::size_t pending() const noexcept override { return pending_purges.size() + (places.has_leftovers() ? 1 : 0); }
  Result<void> carry_over(Deadline deadline) override;

  Plan plan(const HttpRequest& request) const;
  CacheLookup look_up(const HttpRequest& request, const Plan& plan, Deadline deadline);
  void ask(const HttpRequest& request, CacheLookup& lookup, CacheBirth& birth, Deadline deadline);
  bool store(const HttpRequest& request, const HttpResponse& response, const Plan& plan, const CacheLookup& miss,
             const StoreOptions& options);
  bool may_still_be_kept(const CacheBirth& birth) const;
  Fetched fetch(const HttpRequest& request, const Handler& handler, Deadline deadline);
  Fetched lead(const HttpRequest& request, const Handler& handler, const Plan& plan, CacheLookup lookup,
               Flights::Lead& lead);
  Fetched alone(const HttpRequest& request, const Handler& handler, const Plan& plan, CacheLookup lookup);
  Result<void> purge(const cache::Purge& purge, Deadline deadline);
  static Fetched hit(CacheLookup lookup);
  CacheLookup counted(CacheLookup lookup, const Plan& plan) const;

  cache::Places places;
  const cache::Rules rules;
  const cache::Name everything;
  std::unordered_map<const EndpointRule*, cache::Name> endpoints;
  cache::PendingPurges pending_purges;
  Flights flights;
};

Plan ResponseCache::Impl::plan(const HttpRequest& request) const {
  Plan plan{.rule = rules.find(request.path)};
  plan.bypass = places.forked() ? "forked" : cache::bypass_reason(request, plan.rule);
  if (!plan.bypass.empty()) return plan;
  plan.canonical = cache::canonical_request(request, *plan.rule);
  plan.identity.entry = places.names->response(plan.canonical);
  plan.identity.own = places.names->own_tag(plan.identity.entry);
  const std::string resource = cache::canonical_resource(request.host, request.path);
  plan.identity.tags = {{places.names->resource_tag(resource), plan.rule->ttl + cache::kOwnTagLives},
                        {endpoints.at(plan.rule), cache::kSharedTagLives},
                        {everything, cache::kSharedTagLives}};
  return plan;
}

CacheLookup ResponseCache::Impl::look_up(const HttpRequest& request, const Plan& plan, Deadline deadline) {
  CacheLookup lookup;
  lookup.source = places.source();
  lookup.reason = plan.bypass;
  if (!plan.bypass.empty()) return lookup;
  auto birth = std::make_shared<CacheBirth>();
  birth->identity = plan.identity;
  birth->era = places.fallback->era();
  birth->here = places.memory.stamps(plan.identity);
  birth->at = places.runtime.clock->now();
  lookup.outcome = CacheOutcome::kMiss;
  lookup.reason = "uri-miss";
  ask(request, lookup, *birth, deadline);
  lookup.birth = std::move(birth);
  return lookup;
}

void ResponseCache::Impl::ask(const HttpRequest& request, CacheLookup& lookup, CacheBirth& birth, Deadline deadline) {
  const bool in_redis = places.uses_redis();
  if (in_redis && pending_purges.covers(birth.identity)) {
    lookup.source = Source::kLocal;
    lookup.reason = "purged";
    return;
  }
  cache::Backend& backend = in_redis ? static_cast<cache::Backend&>(*places.redis) : places.memory;
  auto found = backend.look_up(birth.identity, places.share(deadline));
  lookup.source = found ? backend.source() : Source::kLocal;
  if (!found) {
    lookup.reason = "unavailable";
    return;
  }
  if (in_redis) birth.in_redis = std::move(found->stamps);
  if (!found->held) return;
  auto response = cache::decode_response(*found->held->payload);
  if (!response) {
    places.metrics->incoherent.add();
    return;
  }
  lookup.outcome = CacheOutcome::kHit;
  lookup.reason = {};
  lookup.response = std::move(*response);
  if (request.method == "HEAD") lookup.response.body.clear();
  lookup.ttl_left = found->held->ttl_left;
  lookup.age = found->held->ttl - found->held->ttl_left;
}

CacheLookup ResponseCache::Impl::counted(CacheLookup lookup, const Plan& plan) const {
  switch (lookup.outcome) {
    case CacheOutcome::kHit: places.metrics->hits.add(); break;
    case CacheOutcome::kMiss: places.metrics->misses.add(); break;
    case CacheOutcome::kBypass: places.metrics->bypasses.add(); return lookup;
  }
  places.log(lookup ? "hit" : "miss", plan.identity.entry, lookup.source);
  return lookup;
}

bool ResponseCache::Impl::may_still_be_kept(const CacheBirth& birth) const {
  const bool in_time = places.runtime.clock->now() - birth.at <= cache::kMaxBirthAge;
  return in_time && birth.era == places.fallback->era() &&
         cache::still_good(birth.here, places.memory.stamps(birth.identity));
}

bool ResponseCache::Impl::store(const HttpRequest& request, const HttpResponse& response, const Plan& plan,
                                const CacheLookup& miss, const StoreOptions& options) {
  if (!plan.bypass.empty() || miss.birth == nullptr || miss.birth->identity.entry != plan.identity.entry) return false;
  const auto ttl = cache::keep_for(request, response, *plan.rule, options.ttl.value_or(plan.rule->ttl));
  if (!ttl || !may_still_be_kept(*miss.birth)) return false;
  const HttpResponse kept{response.status, cache::kept_headers(response.headers), response.body};
  if (kept.headers.size() > cache::kMaxStoredHeaders) return false;
  const auto payload = std::make_shared<const std::string>(cache::encode_response(kept));
  if (payload->size() > places.options.max_value_bytes) return false;

  const CacheBirth& birth = *miss.birth;
  bool stored = false;
  if (!places.uses_redis()) {
    stored = places.memory.keep(birth.identity, birth.here, payload, *ttl);
  } else if (birth.in_redis && !pending_purges.covers(birth.identity)) {
    stored = places.redis->keep(birth.identity, *birth.in_redis, payload, *ttl);
  }
  if (stored) places.metrics->stores.add();
  return stored;
}

ResponseCache::Fetched ResponseCache::Impl::fetch(const HttpRequest& request, const Handler& handler,
                                                  Deadline deadline) {
  const Plan planned = plan(request);
  const std::string_view entry = planned.identity.entry.bytes();
  // Every turn but the last waited for a leader who failed.
  for (;;) {
    const std::uint64_t landings = flights.landings(entry);
    CacheLookup lookup = counted(look_up(request, planned, deadline), planned);
    if (lookup) return hit(std::move(lookup));
    if (lookup.birth == nullptr || request.method != "GET") return alone(request, handler, planned, std::move(lookup));
    auto joined = flights.join(flight_key(*lookup.birth));
    if (joined.lead != nullptr) {
      // Somebody has landed since the look-up, perhaps this very answer: looking again is cheaper than making it again.
      if (flights.landings(entry) != landings) lookup = look_up(request, planned, deadline);
      return lead(request, handler, planned, std::move(lookup), *joined.lead);
    }
    auto awaited = joined.flight->wait(deadline, *places.runtime.clock);
    if (awaited.outcome == Flights::Outcome::kFailed) continue;
    if (awaited.outcome != Flights::Outcome::kLanded) return alone(request, handler, planned, std::move(lookup));
    places.metrics->coalesced.add();
    lookup.collapsed = true;
    return {*awaited.value, std::move(lookup), true};
  }
}

ResponseCache::Fetched ResponseCache::Impl::hit(CacheLookup lookup) {
  HttpResponse response = lookup.response;
  return {std::move(response), std::move(lookup), false};
}

ResponseCache::Fetched ResponseCache::Impl::alone(const HttpRequest& request, const Handler& handler, const Plan& plan,
                                                  CacheLookup lookup) {
  HttpResponse response = handler(request);
  lookup.stored = store(request, response, plan, lookup, {});
  return {std::move(response), std::move(lookup), false};
}

ResponseCache::Fetched ResponseCache::Impl::lead(const HttpRequest& request, const Handler& handler, const Plan& plan,
                                                 CacheLookup lookup, Flights::Lead& lead) {
  if (lookup) {
    lead.land(std::make_shared<const HttpResponse>(lookup.response));
    return hit(std::move(lookup));
  }
  Fetched made = alone(request, handler, plan, std::move(lookup));
  // What may not be kept for others may not be given to those who wait, either.
  if (cache::keep_for(request, made.response, *plan.rule, plan.rule->ttl)) {
    lead.land(std::make_shared<const HttpResponse>(made.response));
  } else {
    lead.keep();
  }
  return made;
}

Result<void> ResponseCache::Impl::purge(const cache::Purge& purge, Deadline deadline) {
  if (places.forked()) return Error(Errc::kForked);
  (void)places.memory.purge(purge, deadline);
  if (!places.has_redis()) return {};
  if (places.uses_redis() && places.redis->purge(purge, deadline)) return {};
  // Nobody here reads from Redis what this covers until Redis has learned of it.
  pending_purges.put(purge);
  places.metrics->pending.set(static_cast<std::int64_t>(pending_purges.size()));
  return {};
}

Result<void> ResponseCache::Impl::carry_over(Deadline deadline) {
  if (places.has_leftovers()) places.memory.clear();
  while (pending_purges.size() > 0 && !deadline.expired(places.runtime.clock->now())) {
    const auto batch = pending_purges.batch(kPurgesPerTrip);
    const auto told = places.redis->purge(batch.purge, deadline);
    if (!told && !cache::is_refusal(told.error())) return told.error();
    if (!told) {
      // Others must not wait for what this server will never allow; what the purges cover stays unread.
      places.runtime.logger.warning("cache", "redis refuses invalidations", {{"error", told.error().message()}});
      return {};
    }
    pending_purges.done(batch);
    places.metrics->pending.set(static_cast<std::int64_t>(pending_purges.size()));
  }
  return {};
}

ResponseCache::ResponseCache(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ResponseCache::~ResponseCache() = default;

Result<std::unique_ptr<ResponseCache>> ResponseCache::open(const ResponseCacheOptions& options,
                                                           const Backing& backing) {
  base::Problems problems;
  cache::check_options(options.cache, problems);
  auto rules = cache::Rules::from(options);
  if (!rules) problems.add(Result<void>(rules.error()));
  if (!problems.empty()) return problems.result().error();
  auto impl = std::make_unique<Impl>(options, std::move(*rules), backing);
  return std::unique_ptr<ResponseCache>(new ResponseCache(std::move(impl)));
}

CacheLookup ResponseCache::get(const HttpRequest& request, CacheCall call) {
  const Plan plan = impl_->plan(request);
  return impl_->counted(impl_->look_up(request, plan, impl_->places.deadline(call)), plan);
}

bool ResponseCache::set(const HttpRequest& request, const HttpResponse& response, const CacheLookup& miss,
                        StoreOptions options) {
  return impl_->store(request, response, impl_->plan(request), miss, options);
}

bool ResponseCache::set(const HttpRequest& request, const HttpResponse& response, StoreOptions options) {
  const Plan plan = impl_->plan(request);
  const CacheLookup now = impl_->look_up(request, plan, impl_->places.deadline({}));
  return impl_->store(request, response, plan, now, options);
}

ResponseCache::Fetched ResponseCache::fetch(const HttpRequest& request, const Handler& handler, CacheCall call) {
  return impl_->fetch(request, handler, impl_->places.deadline(call));
}

Result<void> ResponseCache::invalidate(const HttpRequest& request, CacheCall call) {
  HttpRequest as_get = request;
  as_get.method = "GET";
  const Plan plan = impl_->plan(as_get);
  if (plan.bypass == "forked") return Error(Errc::kForked);
  const bool is_stored_never = plan.bypass == "no-rule" || plan.bypass == "credentials";
  const std::string_view problem = is_stored_never ? cache::problem_of_target(as_get) : plan.bypass;
  if (!problem.empty()) return invalid_argument("request." + std::string(problem), "can not be in a cache's key");
  if (is_stored_never) return {};
  return impl_->purge({.entries = impl_->places.names->all_responses(plan.canonical)}, impl_->places.deadline(call));
}

Result<void> ResponseCache::invalidate_endpoint(std::string_view pattern, CacheCall call) {
  if (!impl_->rules.has_pattern(pattern)) {
    return invalid_argument("pattern", "must be that of a rule, got " + base::printable(pattern));
  }
  return impl_->purge({.tags = impl_->places.names->all_endpoint_tags(pattern)}, impl_->places.deadline(call));
}

Result<void> ResponseCache::on_unsafe_request(const HttpRequest& request, int response_status, CacheCall call) {
  if (!cache::makes_stale(request.method, response_status)) return {};
  const bool is_path =
      !request.path.empty() && request.path.front() == '/' && request.path.size() <= cache::kMaxTargetBytes;
  if (!is_path || request.host.size() > cache::kMaxHostBytes) {
    return invalid_argument(is_path ? "request.host" : "request.path", "is not one that could be cached");
  }
  const std::string resource = cache::canonical_resource(request.host, request.path);
  return impl_->purge({.tags = impl_->places.names->all_resource_tags(resource)}, impl_->places.deadline(call));
}

Source ResponseCache::source() const noexcept { return impl_->places.source(); }

}  // namespace envoyou
