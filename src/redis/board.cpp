#include "redis/board.hpp"

#include <utility>

namespace envoyou::redis {

namespace {

void put(std::atomic<std::uint64_t>& at, std::uint64_t value) noexcept { at.store(value, std::memory_order_relaxed); }

std::uint64_t get(const std::atomic<std::uint64_t>& at) noexcept { return at.load(std::memory_order_relaxed); }

}  // namespace

void Board::show(State state) {
  state_.store(state, std::memory_order_release);
  changed_.notify_all();
}

void Board::show_up(ServerInfo server) {
  const std::lock_guard lock(mutex_);
  server_ = std::move(server);
  show(State::kUp);
}

void Board::show_capabilities(const Capabilities& capabilities) {
  const std::lock_guard lock(mutex_);
  capabilities_ = capabilities;
}

void Board::show_trying() {
  const std::lock_guard lock(mutex_);
  show(State::kTrying);
}

void Board::show_away(Error why, Errc cause) {
  const std::lock_guard lock(mutex_);
  why_away_ = std::move(why);
  cause_away_ = cause;
  show(State::kAway);
}

void Board::show_closed() {
  const std::lock_guard lock(mutex_);
  show(State::kClosed);
}

Error Board::why_away() const {
  const std::lock_guard lock(mutex_);
  return why_away_;
}

Errc Board::cause_away() const {
  const std::lock_guard lock(mutex_);
  return cause_away_;
}

ServerInfo Board::server() const {
  const std::lock_guard lock(mutex_);
  return server_;
}

Capabilities Board::capabilities() const {
  const std::lock_guard lock(mutex_);
  return capabilities_;
}

bool Board::wait_until_up(Deadline deadline) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const State state = state_.load(std::memory_order_relaxed);
    if (state == State::kUp) return true;
    if (state == State::kClosed || deadline.expired(clock_->now())) return false;
    clock_->wait_until(lock, changed_, deadline.time());
  }
}

void Board::show_traffic(const Tally& tally) noexcept {
  put(direct_, tally.direct);
  put(answered_, tally.answered);
  put(writes_, tally.writes);
  put(bytes_sent_, tally.bytes_sent);
  put(bytes_received_, tally.bytes_received);
}

void Board::show_tally(const Tally& tally, std::size_t in_flight, std::size_t repeat_budget) noexcept {
  show_traffic(tally);
  put(timed_out_, tally.timed_out);
  put(expired_unsent_, tally.expired_unsent);
  put(repeated_, tally.repeated);
  put(late_replies_, tally.late_replies);
  put(foreign_replies_, tally.foreign_replies);
  put(connects_, tally.connects);
  put(condemned_, tally.condemned);
  put(in_flight_, in_flight);
  put(shortened_, tally.shortened);
  put(repeats_refused_, tally.repeats_refused);
  put(repeat_budget_, repeat_budget);
  put(tls_handshakes_, tally.tls_handshakes);
  put(tls_resumed_, tally.tls_resumed);
  put(round_trip_us_, static_cast<std::uint64_t>(tally.round_trip.count()));
}

void Board::read_tally(ClientStats& stats) const noexcept {
  stats.direct = get(direct_);
  stats.answered = get(answered_);
  stats.timed_out = get(timed_out_);
  stats.expired_unsent = get(expired_unsent_);
  stats.repeated = get(repeated_);
  stats.late_replies = get(late_replies_);
  stats.foreign_replies = get(foreign_replies_);
  stats.connects = get(connects_);
  stats.condemned = get(condemned_);
  stats.writes = get(writes_);
  stats.bytes_sent = get(bytes_sent_);
  stats.bytes_received = get(bytes_received_);
  stats.in_flight = static_cast<std::size_t>(get(in_flight_));
  stats.shortened = get(shortened_);
  stats.repeats_refused = get(repeats_refused_);
  stats.repeat_budget = static_cast<std::size_t>(get(repeat_budget_));
  stats.tls_handshakes = get(tls_handshakes_);
  stats.tls_resumed = get(tls_resumed_);
  stats.round_trip = Microseconds(static_cast<Microseconds::rep>(get(round_trip_us_)));
}

}  // namespace envoyou::redis
