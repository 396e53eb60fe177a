#include "limiter/memory_backend.hpp"

#include <algorithm>
#include <array>

namespace envoyou::limiter {

namespace {

using Looks = std::array<SlidingLog::Look, kMaxRulesPerCheck>;

std::span<const Ms> windows_of(const Request& request) { return {request.windows.data(), request.log_count}; }

// Answers without changing anything. `looks` is filled for what may follow.
Answer judge(const Request& request, Ms now, KeyRecord* record, Looks& looks) {
  Answer answer;
  std::array<const SlidingLog*, kMaxRulesPerCheck> logs;
  for (std::size_t i = 0; i < request.log_count; ++i) {
    const KeyLog* found = record != nullptr ? record->find(request.windows[i]) : nullptr;
    logs[i] = found != nullptr ? &found->log : nullptr;
    looks[i] = found != nullptr ? found->log.look(now) : SlidingLog::Look{.now = now, .at = now};
    answer.logs[i] = {looks[i].used, found != nullptr ? found->log.reset_after(looks[i]) : 0};
  }
  answer.allowed = true;
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    const std::size_t log = request.log_of_rule[i];
    const std::int64_t limit = request.rules[i].limit;
    const Ms if_new = request.cost > limit ? kNever : 0;
    answer.retry_after[i] = logs[log] != nullptr ? logs[log]->retry_after(looks[log], limit, request.cost) : if_new;
    answer.allowed = answer.allowed && answer.retry_after[i] == 0;
  }
  return answer;
}

void admit(const Request& request, Ms now, KeyRecord& record, const Looks& looks, Owe owe, Answer& answer) {
  for (std::size_t i = 0; i < request.log_count; ++i) {
    KeyLog& found = record.get(request.windows[i], windows_of(request));
    found.log.admit(looks[i], request.cost);
    if (owe == Owe::kRedis) {
      if (found.owed == nullptr) found.owed = std::make_unique<Owed>();
      found.owed->add(looks[i].at, request.cost, looks[i].at - request.windows[i]);
    }
    if (looks[i].afresh) ++answer.clock_resets;
    answer.logs[i].used += request.cost;
    answer.logs[i].reset_after = std::max(answer.logs[i].reset_after, looks[i].at + request.windows[i] - now);
  }
}

}  // namespace

Ms blocked_for(const Request& request, const Answer& answer) noexcept {
  Ms longest = 0;
  for (std::size_t i = 0; i < request.rules.size(); ++i) {
    const LogAnswer& log = answer.logs[request.log_of_rule[i]];
    if (log.used >= request.rules[i].limit) longest = std::max(longest, log.reset_after);
    longest = std::max(longest, answer.retry_after[i]);
  }
  return longest;
}

Answer MemoryBackend::take(const Request& request, Owe owe) {
  const Ms now = now_of(request);
  Looks looks;
  auto visit = store_.visit(request.key);
  KeyRecord* found = visit.find();
  Answer answer = judge(request, now, found, looks);
  if (answer.allowed && request.cost > 0) {
    KeyRecord& record = found != nullptr ? *found : visit.get(request.windows[0]);
    admit(request, now, record, looks, owe, answer);
    record.important_until = now + blocked_for(request, answer);
    visit.changed(record, now);
  } else if (!answer.allowed && found != nullptr && found->important_until <= now) {
    found->important_until = now + blocked_for(request, answer);
    visit.changed(*found, now);
  }
  return answer;
}

Answer MemoryBackend::peek(const Request& request) {
  Looks looks;
  auto visit = store_.visit(request.key);
  return judge(request, now_of(request), visit.find(), looks);
}

void MemoryBackend::reset(const Request& request, Owe owe) {
  const Ms now = now_of(request);
  auto visit = store_.visit(request.key);
  KeyRecord* record = visit.find();
  if (record == nullptr && owe == Owe::kNothing) return;
  if (record == nullptr) record = &visit.get(request.windows[0]);
  for (const Ms window : windows_of(request)) {
    KeyLog* log = owe == Owe::kRedis ? &record->get(window, windows_of(request)) : record->find(window);
    if (log == nullptr) continue;
    log->log.clear();
    if (owe == Owe::kNothing) {
      log->owed.reset();
      continue;
    }
    if (log->owed == nullptr) log->owed = std::make_unique<Owed>();
    log->owed->reset(now);
    record->keep_until = std::max(record->keep_until, now + window);
  }
  record->important_until = now;
  visit.changed(*record, now);
}

}  // namespace envoyou::limiter
