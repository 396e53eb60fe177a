#include "limiter/stand_in.hpp"

#include "limiter/memory_backend.hpp"

#include <algorithm>
#include <span>

namespace envoyou::limiter {

namespace {

bool is_worth_keeping(const Request& request, const Answer& answer) {
  const std::span meters(answer.meters.data(), request.meter_count);
  return std::ranges::any_of(meters, [](const MeterAnswer& meter) { return meter.used > 0; });
}

Moment at_phase(const Request& request) { return {*request.now, request.phase}; }

void owe_all_of(KeyMeter& meter, Ms now) {
  const Look look = meter.state.look({now, 0}, std::max<std::int64_t>(1, meter.rate));
  if (const LeaseBook* book = meter.state.leases()) {
    book->for_each_own(look, [&](std::string_view id, const LeaseBook::Lease&) {
      if (meter.owed_leases == nullptr) meter.owed_leases = std::make_unique<OwedLeases>();
      meter.owed_leases->add(id);
    });
    return;
  }
  std::vector<OwedEntry> entries;
  meter.state.for_each_own(look, [&](Ms at, std::int64_t cost) { entries.push_back({at, cost}); });
  if (entries.empty()) return;
  if (meter.owed == nullptr) meter.owed = std::make_unique<Owed>();
  meter.owed->replace(std::move(entries));
}

// What we took and Redis told of: our own part exactly.
void mirror_own(const Request& request, Ask what, const Answer& answer, const Look& look, KeyMeter& meter) {
  const bool took = what == Ask::kTake && answer.allowed && !answer.repeated;
  if (LeaseBook* book = meter.state.leases()) {
    if (took && (request.cost > 0 || book->holds(look, request.lease)))
      book->acquire(look, request.lease, request.cost);
    if (what == Ask::kRelease) book->release(request.lease);
  } else if (request.cost > 0 && (took || (what == Ask::kForce && !answer.repeated))) {
    meter.state.force(look, request.cost);
  } else if (what == Ask::kRefund) {
    meter.state.refund(look, request.cost);
  }
}

// Units of ours that Redis has yet to hear of.
std::int64_t unknown_to_redis(const KeyMeter& meter, const Look& look) {
  if (meter.owed) return meter.owed->cost_after(meter.expired(look.at));
  if (!meter.owed_leases) return 0;
  std::int64_t units = 0;
  const auto& book = *meter.state.leases();
  book.for_each_own(look, [&](std::string_view id, const LeaseBook::Lease& lease) {
    meter.owed_leases->for_each([&](std::string_view owed, std::uint64_t) { units += owed == id ? lease.cost : 0; });
  });
  return units;
}

std::vector<OwedLease> states_of(const KeyMeter& meter, Ms now) {
  std::vector<OwedLease> leases;
  const LeaseBook& book = *meter.state.leases();
  const Look look = book.look({now, 0});
  meter.owed_leases->for_each([&](std::string_view id, std::uint64_t version) {
    const auto lease = book.find(look, id);
    leases.push_back({std::string(id), lease ? lease->until : now, lease ? lease->cost : 0, version});
  });
  return leases;
}

}  // namespace

void StandIn::mirror(const Request& request, Ask what, const Answer& answer) {
  const Moment moment = at_phase(request);
  auto visit = store_.visit(request.key);
  KeyRecord* found = visit.find();
  if (found == nullptr && !is_worth_keeping(request, answer)) return;
  KeyRecord& record = found != nullptr ? *found : visit.get(request.meters[0]);
  for (std::size_t i = 0; i < request.meter_count; ++i) {
    KeyMeter& each = record.get(request.meters[i], request.meter_ids());
    const Look look = each.state.look(moment, request.rates[i]);
    each.rate = request.rates[i];
    mirror_own(request, what, answer, look, each);
    each.state.hear(moment, answer.meters[i], unknown_to_redis(each, look));
  }
  if ((what == Ask::kTake && answer.allowed) || what == Ask::kForce) record.note_request(request, moment.now);
  if (what == Ask::kRefund) record.forget_request(request);
  record.important_until = moment.now + blocked_for(request, answer);
  visit.changed(record, moment.now);
}

void StandIn::collect_leases(KeyRecord& record, KeyMeter& meter, Ms now, std::vector<Merge>& to) {
  if (meter.owed_leases == nullptr) return;
  if (meter.owed_leases->empty()) return meter.owed_leases.reset();
  Merge made;
  made.key = record.key;
  made.meter = meter.id;
  made.reset_at = meter.owed_leases->reset_at();
  made.token = made.reset_at ? meter.owed_leases->token() : tokens_.next();
  made.leases = states_of(meter, now);
  to.push_back(std::move(made));
}

void StandIn::collect(KeyRecord& record, KeyMeter& meter, Ms now, std::vector<Merge>& to) {
  collect_leases(record, meter, now, to);
  if (meter.owed == nullptr) return;
  meter.owed->prune(meter.expired(now));
  if (meter.owed->empty()) {
    meter.owed.reset();
    return;
  }
  for (Merge& made : meter.owed->freeze([this] { return tokens_.next(); })) {
    made.key = record.key;
    made.meter = meter.id;
    made.rate = meter.rate;
    if (meter.id.algorithm == Algorithm::kGcra) made.ahead = meter.state.look({now, 0}, meter.rate).reset_after;
    to.push_back(std::move(made));
  }
}

std::vector<Merge> StandIn::owed_by(const Request& request) {
  std::vector<Merge> merges;
  auto visit = store_.visit(request.key);
  KeyRecord* record = visit.find();
  if (record == nullptr || !record->in_owed_chain) return merges;
  for (std::size_t i = 0; i < request.meter_count; ++i) {
    if (KeyMeter* meter = record->find(request.meters[i])) collect(*record, *meter, *request.now, merges);
  }
  visit.touched(*record, *request.now);
  return merges;
}

std::vector<Merge> StandIn::owed_by_shard(std::size_t index, std::size_t at_most, Ms now) {
  std::vector<Merge> merges;
  auto visit = store_.visit_shard(index);
  visit.for_each_owing(at_most, [&](KeyRecord& record) {
    record.for_each_meter([&](KeyMeter& meter) { collect(record, meter, now, merges); });
    visit.touched(record, now);
  });
  return merges;
}

std::size_t StandIn::settle(const Merge& merge, Ms now) {
  auto visit = store_.visit(merge.key);
  KeyRecord* record = visit.find();
  KeyMeter* meter = record != nullptr ? record->find(merge.meter) : nullptr;
  if (meter == nullptr || !meter->owes()) return 0;
  std::size_t count = 0;
  if (meter->owed) {
    count = meter->owed->settle(merge.token).value_or(0);
    if (meter->owed->empty()) meter->owed.reset();
  } else {
    count = meter->owed_leases->settle(merge);
    if (meter->owed_leases->empty()) meter->owed_leases.reset();
  }
  visit.changed(*record, now);
  return count;
}

void StandIn::put_off(const Merge& merge, bool may_have_arrived) {
  auto visit = store_.visit(merge.key);
  KeyRecord* record = visit.find();
  if (record == nullptr) return;
  visit.put_off(*record);
  KeyMeter* meter = record->find(merge.meter);
  if (!may_have_arrived && meter != nullptr && meter->owed != nullptr) meter->owed->release(merge.token);
}

void StandIn::owe_everything(Ms now) {
  for (std::size_t shard = 0; shard < store_.shard_count(); ++shard) {
    auto visit = store_.visit_shard(shard);
    visit.for_each([&](KeyRecord& record) {
      record.for_each_meter([&](KeyMeter& meter) { owe_all_of(meter, now); });
      visit.touched(record, now);
    });
  }
}

}  // namespace envoyou::limiter
