#include "session/naming.hpp"
#include "session/stand_in.hpp"

#include <cstdlib>
#include <utility>

namespace envoyou::session {
namespace {

constexpr std::size_t kMaxCarryBatch = 256;
// A batch that is not answered by then is tried again in the next pass.
constexpr Milliseconds kBatchBudget{1'000};
// An entry that Redis refuses so often, while it takes others, would keep the switch from ever returning.
constexpr int kMaxRefusals = 200;
// So long the users of a node that did not answer are passed over: to look for them costs all of the journal.
constexpr Milliseconds kHeldFor{1'000};
// Smaller differences of the clocks are not worth a write.
constexpr std::int64_t kOffsetWorthKeepingMs = 1'000;

}  // namespace

Result<void> StandIn::carry_over(Deadline deadline) {
  const Clock& clock = time_->clock();
  if (auto measured = remote_->measure(deadline.share(clock.now(), kBatchBudget)); !measured) return measured;
  if (auto kept = remember_offset(); !kept) return kept;
  // What arrives while this runs is the next pass': on a busy server there would be no end.
  const std::size_t waiting = journal_->pending();
  if (clock.now() >= held_until_) held_.clear();
  Result<void> outcome;
  for (std::size_t done = 0; done < waiting && !deadline.expired(clock.now());) {
    if (closing_.load(std::memory_order_relaxed)) return Error(Errc::kClosed, "session store: is being closed");
    const auto batch = journal_->next_batch(kMaxCarryBatch, held_);
    if (!batch) return batch.error();
    if (batch->size() == 0) break;
    done += batch->size();
    const auto ticket = copies_.ticket();
    const Carried carried = remote_->carry(*batch, deadline.share(clock.now(), kBatchBudget));
    if (auto absorbed = absorb(carried, ticket); !absorbed) return absorbed;
    if (!carried.failure && carried.held.empty()) return carried.failure;
    if (!carried.failure && outcome) outcome = carried.failure;
    hold(carried.held);
  }
  if (!outcome) return outcome;
  refusals_.clear();
  observer_->pending(journal_->pending());
  observer_->copies(copies_.size());
  return {};
}

// One node of a cluster that does not answer holds up its own users only.
void StandIn::hold(const Tags& tags) {
  if (tags.empty()) return;
  if (held_.empty()) held_until_ = time_->clock().now() + kHeldFor;
  held_.insert(tags.begin(), tags.end());
}

Result<void> StandIn::absorb(const Carried& carried, Copies::Ticket ticket) {
  for (const SettledRow& it : carried.rows) {
    // Another version: what was changed here met what was changed elsewhere.
    if (it.version != it.row.record.version) {
      copies_.drop(it.row.record.address.name);
      continue;
    }
    Record record = it.row.record;
    record.epoch = it.epoch;
    record.source = Source::kRedis;
    copies_.put(record, time_->now_ms(record.address.tag), ticket);
  }
  for (const SettledRow& it : carried.outdone) copies_.drop(it.row.record.address.name);
  for (const Row& it : carried.ended) copies_.end(it.record.address.name);
  std::vector<SettledRow> settled = carried.rows;
  settled.insert(settled.end(), carried.outdone.begin(), carried.outdone.end());
  if (auto done = journal_->settle(carried.tombstones, carried.revocations, settled); !done) return done;
  if (auto done = journal_->forget(carried.ended); !done) return done;
  observer_->carried(carried.rows.size() + carried.tombstones.size() + carried.revocations.size(), carried.ended.size(),
                     carried.outdone.size());
  return give_up_hopeless(carried);
}

Result<void> StandIn::give_up_hopeless(const Carried& carried) {
  std::vector<Row> hopeless;
  for (const Row& row : carried.refused)
    if (++refusals_[row.record.address.name] >= kMaxRefusals) hopeless.push_back(row);
  for (const Row& row : hopeless) {
    refusals_.erase(row.record.address.name);
    observer_->lost(handle_of(row.record.address.name), carried.failure.error());
  }
  return hopeless.empty() ? Result<void>() : journal_->forget(hopeless);
}

Result<void> StandIn::remember_offset() {
  const std::int64_t offset_ms = time_->offset_ms();
  if (std::llabs(offset_ms - remembered_offset_ms_) < kOffsetWorthKeepingMs) return {};
  observer_->clock_differs(offset_ms);
  remembered_offset_ms_ = offset_ms;
  return journal_->remember_offset(offset_ms);
}

}  // namespace envoyou::session
