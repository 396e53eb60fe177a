#include "limiter/stand_in.hpp"

#include "limiter/memory_backend.hpp"

#include <algorithm>
#include <span>

namespace envoyou::limiter {

namespace {

bool is_worth_keeping(const Request& request, const Answer& answer) {
  const std::span logs(answer.logs.data(), request.log_count);
  return std::ranges::any_of(logs, [](const LogAnswer& log) { return log.used > 0; });
}

void owe_all_of(KeyLog& log, Ms now) {
  std::vector<OwedEntry> entries;
  log.log.for_each_own(log.log.look(now), [&](Ms at, std::int64_t cost) { entries.push_back({at, cost}); });
  if (entries.empty()) return;
  if (log.owed == nullptr) log.owed = std::make_unique<Owed>();
  log.owed->replace(std::move(entries));
}

}  // namespace

void StandIn::mirror(const Request& request, Verb verb, const Answer& answer) {
  const Ms now = *request.now;
  const bool took = verb == Verb::kTake && answer.allowed && request.cost > 0;
  auto visit = store_.visit(request.key);
  KeyRecord* found = visit.find();
  if (found == nullptr && !is_worth_keeping(request, answer)) return;
  KeyRecord& record = found != nullptr ? *found : visit.get(request.windows[0]);
  for (std::size_t i = 0; i < request.log_count; ++i) {
    KeyLog& each = record.get(request.windows[i], {request.windows.data(), request.log_count});
    const auto look = each.log.look(now);
    if (took) each.log.admit(look, request.cost);
    const std::int64_t unknown = each.owed ? each.owed->cost_after(look.at - request.windows[i]) : 0;
    each.log.hear(now, answer.logs[i].used, answer.logs[i].reset_after, unknown);
  }
  record.important_until = now + blocked_for(request, answer);
  visit.changed(record, now);
}

void StandIn::collect(KeyRecord& record, KeyLog& log, Ms now, std::vector<Merge>& to) {
  if (log.owed == nullptr) return;
  log.owed->prune(now - log.log.window());
  if (log.owed->empty()) {
    log.owed.reset();
    return;
  }
  for (Merge& made : log.owed->freeze([this] { return tokens_.next(); })) {
    made.key = record.key;
    made.window = log.log.window();
    to.push_back(std::move(made));
  }
}

std::vector<Merge> StandIn::owed_by(const Request& request) {
  std::vector<Merge> merges;
  auto visit = store_.visit(request.key);
  KeyRecord* record = visit.find();
  if (record == nullptr || !record->in_owed_chain) return merges;
  for (std::size_t i = 0; i < request.log_count; ++i) {
    if (KeyLog* log = record->find(request.windows[i])) collect(*record, *log, *request.now, merges);
  }
  visit.touched(*record, *request.now);
  return merges;
}

std::vector<Merge> StandIn::owed_by_shard(std::size_t index, std::size_t at_most, Ms now) {
  std::vector<Merge> merges;
  auto visit = store_.visit_shard(index);
  visit.for_each_owing(at_most, [&](KeyRecord& record) {
    record.for_each_log([&](KeyLog& log) { collect(record, log, now, merges); });
    visit.touched(record, now);
  });
  return merges;
}

std::size_t StandIn::settle(const Merge& merge, Ms now) {
  auto visit = store_.visit(merge.key);
  KeyRecord* record = visit.find();
  KeyLog* log = record != nullptr ? record->find(merge.window) : nullptr;
  if (log == nullptr || log->owed == nullptr) return 0;
  const std::size_t count = log->owed->settle(merge.token).value_or(0);
  if (log->owed->empty()) log->owed.reset();
  visit.changed(*record, now);
  return count;
}

void StandIn::put_off(const Merge& merge, bool may_have_arrived) {
  auto visit = store_.visit(merge.key);
  KeyRecord* record = visit.find();
  if (record == nullptr) return;
  visit.put_off(*record);
  KeyLog* log = record->find(merge.window);
  if (!may_have_arrived && log != nullptr && log->owed != nullptr) log->owed->release(merge.token);
}

void StandIn::owe_everything(Ms now) {
  for (std::size_t shard = 0; shard < store_.shard_count(); ++shard) {
    auto visit = store_.visit_shard(shard);
    visit.for_each([&](KeyRecord& record) {
      record.for_each_log([&](KeyLog& log) { owe_all_of(log, now); });
      visit.touched(record, now);
    });
  }
}

}  // namespace envoyou::limiter
