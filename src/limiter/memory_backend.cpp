#include "limiter/memory_backend.hpp"

#include <algorithm>
#include <array>

namespace envoyou::limiter {

namespace {

using Looks = std::array<Look, kMaxRulesPerCheck>;

// Answers without changing anything. `looks` is filled for what may follow.
Answer judge(const Request& request, Moment moment, KeyRecord* record, Looks& looks) {
  Answer answer;
  std::array<const MeterState*, kMaxRulesPerCheck> meters;
  for (std::size_t i = 0; i < request.meter_count; ++i) {
    const KeyMeter* found = record != nullptr ? record->find(request.meters[i]) : nullptr;
    meters[i] = found != nullptr ? &found->state : nullptr;
    if (found == nullptr) continue;
    looks[i] = found->state.look(moment, request.rates[i]);
    answer.meters[i] = {looks[i].used, looks[i].reset_after, 0};
  }
  answer.allowed = true;
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    const std::size_t at = request.meter_of_rule[i];
    const RateRule& rule = request.rules[i];
    const Ms if_new = request.cost > rule.capacity() ? kNever : 0;
    answer.retry_after[i] =
        meters[at] != nullptr ? meters[at]->retry_after(looks[at], rule, request.cost, request.lease) : if_new;
    answer.allowed = answer.allowed && answer.retry_after[i] == 0;
  }
  return answer;
}

// A key that was blocked waits that long at least.
void heed_block(const Request& request, Ms now, const KeyRecord* record, Answer& answer) {
  if (record == nullptr || record->blocked_until <= now) return;
  answer.allowed = false;
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    if (answer.retry_after[i] == kNever) continue;
    answer.retry_after[i] = std::max(answer.retry_after[i], record->blocked_until - now);
  }
}

// What a lease that is asked for costs now: nothing if it is live already.
std::int64_t lease_cost(const Request& request, const KeyMeter& meter, const Look& look) {
  return meter.state.leases()->holds(look, request.lease) ? 0 : request.cost;
}

void owe_lease(KeyMeter& meter, std::string_view lease) {
  if (meter.owed_leases == nullptr) meter.owed_leases = std::make_unique<OwedLeases>();
  meter.owed_leases->add(lease);
}

void owe_admission(const Request& request, const Look& look, KeyMeter& meter) {
  if (meter.owed == nullptr) meter.owed = std::make_unique<Owed>();
  meter.owed->add({look.at, request.cost, std::string(request.request_id)}, meter.expired(look.at));
}

// Enters the cost into each meter, and what it holds then into the answer.
void admit(const Request& request, Moment moment, KeyRecord& record, Owe owe, Answer& answer) {
  for (std::size_t i = 0; i < request.meter_count; ++i) {
    KeyMeter& meter = record.get(request.meters[i], request.meter_ids());
    const Look look = meter.state.look(moment, request.rates[i]);
    meter.rate = request.rates[i];
    if (look.afresh) ++answer.clock_resets;
    if (LeaseBook* book = meter.state.leases()) {
      if (lease_cost(request, meter, look) > 0 || book->holds(look, request.lease)) {
        book->acquire(look, request.lease, request.cost);
        if (owe == Owe::kRedis) owe_lease(meter, request.lease);
      }
    } else {
      meter.state.force(look, request.cost);
      if (owe == Owe::kRedis) owe_admission(request, look, meter);
    }
    const Look after = meter.state.look(moment, request.rates[i]);
    answer.meters[i] = {after.used, after.reset_after, 0};
  }
}

bool takes_something(const Request& request) { return request.cost > 0 || !request.lease.empty(); }

}  // namespace

Ms blocked_for(const Request& request, const Answer& answer) noexcept {
  Ms longest = 0;
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    const MeterAnswer& meter = answer.meters[request.meter_of_rule[i]];
    if (meter.used >= request.rules[i].capacity()) longest = std::max(longest, meter.reset_after);
    longest = std::max(longest, answer.retry_after[i]);
  }
  return longest;
}

Answer MemoryBackend::ask(const Request& request, Ask what, Owe owe) {
  switch (what) {
    case Ask::kPeek: return peek(request);
    case Ask::kTake: return take(request, owe);
    case Ask::kForce: return force(request, owe);
    case Ask::kRefund: return refund(request);
    case Ask::kRelease: break;
  }
  return release(request, owe);
}

Answer MemoryBackend::take(const Request& request, Owe owe) {
  const Moment moment = moment_of(request);
  Looks looks;
  auto visit = store_.visit(request.key);
  KeyRecord* found = visit.find();
  Answer answer = judge(request, moment, found, looks);
  if (found != nullptr && found->has_seen(request, moment.now)) {
    grant(answer);
    answer.repeated = true;
    return answer;
  }
  if (request.heeds_blocks) heed_block(request, moment.now, found, answer);
  if (answer.allowed && takes_something(request)) {
    KeyRecord& record = found != nullptr ? *found : visit.get(request.meters[0]);
    admit(request, moment, record, owe, answer);
    record.note_request(request, moment.now);
    record.important_until = moment.now + blocked_for(request, answer);
    visit.changed(record, moment.now);
  } else if (!answer.allowed && found != nullptr && found->important_until <= moment.now) {
    found->important_until = moment.now + blocked_for(request, answer);
    visit.changed(*found, moment.now);
  }
  return answer;
}

Answer MemoryBackend::peek(const Request& request) {
  const Moment moment = moment_of(request);
  Looks looks;
  auto visit = store_.visit(request.key);
  KeyRecord* found = visit.find();
  Answer answer = judge(request, moment, found, looks);
  if (request.heeds_blocks) heed_block(request, moment.now, found, answer);
  return answer;
}

void MemoryBackend::reset(const Request& request, Owe owe) {
  const Ms now = moment_of(request).now;
  auto visit = store_.visit(request.key);
  KeyRecord* record = visit.find();
  if (record == nullptr && owe == Owe::kNothing) return;
  if (record == nullptr) record = &visit.get(request.meters[0]);
  for (const MeterId& id : request.meter_ids()) {
    KeyMeter* meter = owe == Owe::kRedis ? &record->get(id, request.meter_ids()) : record->find(id);
    if (meter == nullptr) continue;
    meter->state.clear();
    if (owe == Owe::kNothing) {
      meter->owed.reset();
      meter->owed_leases.reset();
      continue;
    }
    if (meter->state.leases() != nullptr) {
      if (meter->owed_leases == nullptr) meter->owed_leases = std::make_unique<OwedLeases>();
      meter->owed_leases->reset(now, base::hash64(request.key, static_cast<std::uint64_t>(now)) | 1);
    } else {
      if (meter->owed == nullptr) meter->owed = std::make_unique<Owed>();
      meter->owed->reset(now);
    }
    record->keep_until = std::max(record->keep_until, now + id.window);
  }
  record->seen.reset();
  record->important_until = now;
  visit.changed(*record, now);
}

Answer MemoryBackend::release(const Request& request, Owe owe) {
  const Moment moment = moment_of(request);
  Looks looks;
  auto visit = store_.visit(request.key);
  KeyRecord* record = visit.find();
  if (record == nullptr && owe == Owe::kRedis) record = &visit.get(request.meters[0]);
  for (const MeterId& id : request.meter_ids()) {
    KeyMeter* meter = record == nullptr    ? nullptr
                      : owe == Owe::kRedis ? &record->get(id, request.meter_ids())
                                           : record->find(id);
    if (meter == nullptr) continue;
    meter->state.leases()->release(request.lease);
    if (owe == Owe::kRedis) {
      owe_lease(*meter, request.lease);
      record->keep_until = std::max(record->keep_until, moment.now + id.window);
    }
  }
  Answer answer = judge(request, moment, record, looks);
  grant(answer);
  if (record != nullptr) visit.changed(*record, moment.now);
  return answer;
}

Answer MemoryBackend::force(const Request& request, Owe owe) {
  const Moment moment = moment_of(request);
  auto visit = store_.visit(request.key);
  KeyRecord* found = visit.find();
  KeyRecord& record = found != nullptr ? *found : visit.get(request.meters[0]);
  Looks looks;
  Answer answer = judge(request, moment, &record, looks);
  grant(answer);
  answer.repeated = record.has_seen(request, moment.now);
  if (!answer.repeated) admit(request, moment, record, owe, answer);
  record.note_request(request, moment.now);
  record.important_until = moment.now + blocked_for(request, answer);
  visit.changed(record, moment.now);
  return answer;
}

Answer MemoryBackend::refund(const Request& request) {
  const Moment moment = moment_of(request);
  auto visit = store_.visit(request.key);
  KeyRecord* record = visit.find();
  Answer answer;
  grant(answer);
  if (record == nullptr) return answer;
  for (std::size_t i = 0; i < request.meter_count; ++i) {
    KeyMeter* meter = record->find(request.meters[i]);
    if (meter == nullptr) continue;
    meter->state.refund(meter->state.look(moment, request.rates[i]), request.cost);
    const Look after = meter->state.look(moment, request.rates[i]);
    answer.meters[i] = {after.used, after.reset_after, 0};
  }
  record->forget_request(request);
  record->important_until = moment.now + blocked_for(request, answer);
  visit.changed(*record, moment.now);
  return answer;
}

void MemoryBackend::block(const Request& request, Milliseconds duration) {
  const Ms now = moment_of(request).now;
  auto visit = store_.visit(request.key);
  KeyRecord* record = visit.find();
  if (record == nullptr && duration.count() == 0) return;
  if (record == nullptr) record = &visit.get(request.meters[0]);
  record->blocked_until = now + duration.count();
  record->important_until = std::max(record->important_until, record->blocked_until);
  visit.changed(*record, now);
}

}  // namespace envoyou::limiter
