// Sessions in Redis, and in this process while Redis does not answer. Decides, for each question, who is asked:
//
//   1. the journal, where it leads: what was made, changed or ended here and Redis has not yet been told. Also while
//   Redis is in
//      use, because what a timed-out call left behind follows a moment later.
//   2. Redis, while the switch says so
//   3. the copies of what Redis last said; from there a session enters the journal with its first change
//
// A call to Redis that fails for whatever reason but an answer goes on with the next. What came of it is not known
// where it was sent; the journal then says the same again with the same change id, which Redis recognises.
//
//               asks Redis               Redis does not answer
//   question ----------------> answer  ------------------------> journal or copy -> answer, or kUnknown
//        '-- the journal leads, or Redis is away ----------------------^
//
// Carrying over (CarryOver): batches of the journal to Redis, ends before sessions; what Redis acknowledged leaves the
// journal, unless it has changed since.
//
// Thread-safe.
#pragma once

#include "session/copies.hpp"
#include "session/local_backend.hpp"
#include "session/observer.hpp"
#include "session/remote.hpp"
#include "session/server_time.hpp"

#include <envoyou/fallback.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <string>

namespace envoyou::session {

struct StandInOptions {
  CopyLimits copies;
  std::int64_t touch_interval_ms = 30'000;
};

class StandIn final : public Backend, public CarryOver {
 public:
  StandIn(std::unique_ptr<Remote> remote, std::unique_ptr<LocalBackend> journal, StandInOptions options,
          std::shared_ptr<Switch> fallback, std::shared_ptr<ServerTime> time, std::shared_ptr<const Observer> observer);
  ~StandIn() override;
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  Result<Record> create(const Record& draft, Deadline deadline) override;
  Result<Record> read(const Address& address, Deadline deadline) override;
  Result<Record> write(const Address& address, const Write& write, Deadline deadline) override;
  Result<void> touch(const Address& address, Deadline deadline) override;
  void note_activity(const Record& read) override;
  Result<Record> rotate(const Address& from, const Address& to, const std::string& change, Deadline deadline) override;
  Result<bool> remove(const Address& address, Deadline deadline) override;
  Result<Listing> list(const UserKey& user, Deadline deadline) override;
  Result<std::size_t> revoke_all(const UserKey& user, const std::string& change, Deadline deadline) override;

  std::string_view name() const noexcept override { return "session"; }
  std::size_t pending() const noexcept override { return journal_->pending(); }
  Result<void> carry_over(Deadline deadline) override;

 private:
  bool may_ask() const noexcept { return fallback_->uses_redis(); }
  Result<bool> journal_leads(const Address& address);
  // An answer of Redis, held against what the journal knows of ends.
  Result<Record> still_lives(Record record);
  template <class Ask, class Here>
  auto first_redis(const Address& address, Ask ask, Here here) -> decltype(ask());
  template <class T>
  T stood_in(T answer) const;
  Result<Listing> list_here(const UserKey& user);
  Result<void> add_journal(const UserKey& user, Listing& listing);
  Result<std::size_t> revoke_here(const UserKey& user, const std::string& change);
  void hold(const Tags& tags);
  Result<void> absorb(const Carried& carried, Copies::Ticket ticket);
  Result<void> give_up_hopeless(const Carried& carried);
  Result<void> remember_offset();

  const std::unique_ptr<Remote> remote_;
  const std::unique_ptr<LocalBackend> journal_;
  const StandInOptions options_;
  const std::shared_ptr<Switch> fallback_;
  const std::shared_ptr<ServerTime> time_;
  const std::shared_ptr<const Observer> observer_;
  Copies copies_;
  std::atomic<bool> closing_{false};
  std::map<std::string, int> refusals_;  // the keeper's thread only
  Tags held_;                            // the keeper's, as the next one
  TimePoint held_until_ = TimePoint::min();
  std::int64_t remembered_offset_ms_ = 0;  // the keeper's thread only
};

}  // namespace envoyou::session
