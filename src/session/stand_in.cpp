#include "session/stand_in.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace envoyou::session {
namespace {

const Known* pointer_to(const std::optional<Known>& known) noexcept { return known ? &*known : nullptr; }

}  // namespace

StandIn::StandIn(std::unique_ptr<Remote> remote, std::unique_ptr<LocalBackend> journal, StandInOptions options,
                 std::shared_ptr<Switch> fallback, std::shared_ptr<ServerTime> time,
                 std::shared_ptr<const Observer> observer)
    : remote_(std::move(remote)),
      journal_(std::move(journal)),
      options_(options),
      fallback_(std::move(fallback)),
      time_(std::move(time)),
      observer_(std::move(observer)),
      copies_(options.copies),
      remembered_offset_ms_(time_->offset_ms()) {
  fallback_->add(this);
}

StandIn::~StandIn() {
  closing_.store(true, std::memory_order_relaxed);
  fallback_->remove(this);
}

Result<bool> StandIn::journal_leads(const Address& address) {
  if (journal_->pending() == 0) return false;
  return journal_->leads(address);
}

Result<Record> StandIn::still_lives(Record record) {
  if (journal_->pending() == 0) return record;
  const auto ended = journal_->has_ended(record);
  if (!ended) return ended.error();
  if (*ended) return not_found();
  return record;
}

// Tells how much waits for Redis now.
template <class T>
T StandIn::stood_in(T answer) const {
  observer_->pending(journal_->pending());
  observer_->overflows(journal_->overflows());
  return answer;
}

template <class Ask, class Here>
auto StandIn::first_redis(const Address& address, Ask ask, Here here) -> decltype(ask()) {
  if (may_ask()) {
    const auto leads = journal_leads(address);
    if (!leads) return leads.error();
    if (!*leads) {
      auto answer = ask();
      if (!answer && answer.error().code() == Errc::kNotFound) copies_.drop(address.name);
      if (answer || !is_outage(answer.error())) return answer;
      observer_->unanswered(answer.error());
    }
  }
  const auto known = copies_.find(address.name);
  return stood_in(here(pointer_to(known)));
}

Result<Record> StandIn::create(const Record& draft, Deadline deadline) {
  // A login after "log out everywhere" must not reach Redis before it does.
  bool waits_its_turn = false;
  if (journal_->pending() > 0) {
    const auto awaits = journal_->awaits_revocation(draft.user_key());
    if (!awaits) return awaits.error();
    waits_its_turn = *awaits;
  }
  if (may_ask() && !waits_its_turn) {
    const auto ticket = copies_.ticket();
    auto made = remote_->create(draft, deadline);
    if (made) copies_.put(*made, time_->now_ms(draft.address.tag), ticket);
    if (made || !is_outage(made.error())) return made;
    observer_->unanswered(made.error());
  }
  return stood_in(journal_->create(draft, deadline));
}

Result<Record> StandIn::read(const Address& address, Deadline deadline) {
  const auto ask = [&]() -> Result<Record> {
    const auto ticket = copies_.ticket();
    auto found = remote_->read(address, deadline);
    if (!found) return found;
    copies_.put(*found, time_->now_ms(address.tag), ticket);
    return still_lives(std::move(*found));
  };
  return first_redis(address, ask, [&](const Known* known) -> Result<Record> {
    auto found = journal_->read(address, known);
    const bool nobody_knows = !found && found.error().code() == Errc::kUnknown;
    if (nobody_knows && copies_.has_ended(address.name)) return not_found();
    return found;
  });
}

Result<Record> StandIn::write(const Address& address, const Write& write, Deadline deadline) {
  const auto ask = [&]() -> Result<Record> {
    const auto ticket = copies_.ticket();
    auto written = remote_->write(address, write, deadline);
    if (!written) return written;
    copies_.put(*written, time_->now_ms(address.tag), ticket);
    return still_lives(std::move(*written));
  };
  return first_redis(address, ask, [&](const Known* known) { return journal_->write(address, write, known); });
}

Result<void> StandIn::touch(const Address& address, Deadline deadline) {
  const auto ask = [&] {
    auto touched = remote_->touch(address, deadline);
    if (touched) (void)copies_.claim_note(address.name, time_->now_ms(address.tag), 0);
    return touched;
  };
  return first_redis(address, ask, [&](const Known* known) { return journal_->touch(address, known); });
}

void StandIn::note_activity(const Record& read) {
  const std::int64_t interval_ms = read.touch_interval_ms(options_.touch_interval_ms);
  if (!copies_.claim_note(read.address.name, time_->now_ms(read.address.tag), interval_ms)) return;
  if (read.source == Source::kRedis && may_ask()) return remote_->note_activity(read);
  const auto known = copies_.find(read.address.name);
  // A touch that fails is made up by the next one.
  (void)journal_->touch(read.address, pointer_to(known));
}

Result<Record> StandIn::rotate(const Address& from, const Address& to, const std::string& change, Deadline deadline) {
  const auto ask = [&]() -> Result<Record> {
    const auto ticket = copies_.ticket();
    auto rotated = remote_->rotate(from, to, change, deadline);
    if (!rotated) return rotated;
    copies_.put(*rotated, time_->now_ms(to.tag), ticket);
    return still_lives(std::move(*rotated));
  };
  auto rotated = first_redis(from, ask, [&](const Known* known) { return journal_->rotate(from, to, change, known); });
  if (rotated) copies_.end(from.name);
  return rotated;
}

// An end that the journal leads goes to Redis at once as well, so that others see it; the tombstone stays until it is
// carried over, because a session that is being carried over just now could arrive after this.
Result<bool> StandIn::remove(const Address& address, Deadline deadline) {
  bool leads = false;
  if (may_ask()) {
    const auto led = journal_leads(address);
    if (!led) return led.error();
    leads = *led;
    if (!leads) {
      auto removed = remote_->remove(address, deadline);
      if (removed) copies_.end(address.name);
      if (removed || !is_outage(removed.error())) return removed;
      observer_->unanswered(removed.error());
    }
  }
  const auto known = copies_.find(address.name);
  auto removed = journal_->remove(address, pointer_to(known));
  if (removed) copies_.end(address.name);
  if (removed && leads && may_ask()) (void)remote_->remove(address, deadline);
  return stood_in(std::move(removed));
}

Result<Listing> StandIn::list(const UserKey& user, Deadline deadline) {
  if (may_ask()) {
    auto listing = remote_->list(user, deadline);
    if (!listing && !is_outage(listing.error())) return listing;
    if (listing) {
      if (auto added = add_journal(user, *listing); !added) return added.error();
      return listing;
    }
  }
  return list_here(user);
}

// What Redis does not know yet, over what it knows.
Result<void> StandIn::add_journal(const UserKey& user, Listing& listing) {
  if (journal_->pending() == 0) return {};
  auto rows = journal_->list(user, Deadline::never());
  if (!rows) return rows.error();
  std::vector<Record> kept = std::move(rows->records);
  const std::size_t led = kept.size();
  for (Record& record : listing.records) {
    const auto same = [&](const Record& other) { return other.address.name == record.address.name; };
    const auto end_of_led = kept.begin() + static_cast<std::ptrdiff_t>(led);
    if (std::any_of(kept.begin(), end_of_led, same)) continue;
    const auto ended = journal_->has_ended(record);
    if (!ended) return ended.error();
    if (!*ended) kept.push_back(std::move(record));
  }
  listing.records = std::move(kept);
  return {};
}

Result<Listing> StandIn::list_here(const UserKey& user) {
  Listing copies;
  for (Known& known : copies_.of_user(user)) {
    auto live = journal_->read(known.record.address, &known);
    if (live) copies.records.push_back(std::move(*live));
  }
  if (auto added = add_journal(user, copies); !added) return added.error();
  copies.complete = false;
  return copies;
}

Result<std::size_t> StandIn::revoke_all(const UserKey& user, const std::string& change, Deadline deadline) {
  const bool asks = may_ask();
  if (asks && journal_->pending() == 0) {
    auto revoked = remote_->revoke_all(user, change, deadline);
    if (revoked) copies_.end_user(user);
    if (revoked || !is_outage(revoked.error())) return revoked;
    observer_->unanswered(revoked.error());
    return stood_in(revoke_here(user, change));
  }
  auto here = stood_in(revoke_here(user, change));
  if (!here || !asks) return here;
  const auto there = remote_->revoke_all(user, change, deadline);
  if (!there) return here;
  if (auto settled = journal_->settle_revocation(user, change); !settled) return settled.error();
  return std::max(*here, *there);
}

Result<std::size_t> StandIn::revoke_here(const UserKey& user, const std::string& change) {
  const auto listing = list_here(user);
  if (!listing) return listing.error();
  const auto revoked = journal_->revoke_all(user, change, Deadline::never());
  if (!revoked) return revoked.error();
  copies_.end_user(user);
  return listing->records.size();
}

}  // namespace envoyou::session
