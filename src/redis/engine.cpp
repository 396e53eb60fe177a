#include "redis/engine.hpp"

#include "redis/error_reply.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

namespace envoyou::redis {

namespace {

Error unavailable(const ClientOptions& options, const Error& why) {
  return Error(Errc::kUnavailable, describe(options) + " is away: " + std::string(why.message()));
}

std::shared_ptr<CredentialSource> credentials_of(const ClientOptions& options, const Runtime& runtime,
                                                 EngineParts& parts) {
  if (parts.credentials) return std::move(parts.credentials);
  return CredentialSource::make(options, runtime, [&loop = parts.loop] { loop.wake(); });
}

}  // namespace

// Of an AUTH on a link that is up.
class Engine::AuthReader final : public ReplyReader {
 public:
  AuthReader(Engine& engine, std::uint64_t generation) : engine_(engine), generation_(generation) {}

  Verdict on_reply(const ReplyView& reply) noexcept override {
    const bool is_ok = reply.is_string() && reply.text == "OK";
    engine_.on_authenticated(generation_, reply.is_error() ? reply.text : std::string_view());
    return is_ok || reply.is_error() ? Verdict::kMine : Verdict::kForeign;
  }
  void on_error(Error) noexcept override { engine_.authenticating_ = false; }

 private:
  Engine& engine_;
  const std::uint64_t generation_;
};

Engine::Engine(const ClientOptions& options, const Runtime& runtime, NodeListener* listener, EngineParts parts,
               Inbox& inbox, Board& board)
    : options_(options),
      clock_(runtime.clock),
      dialer_(std::move(parts.dialer)),
      sink_(std::move(parts.sink)),
      credentials_(credentials_of(options, runtime, parts)),
      inbox_(inbox),
      board_(board),
      jitter_(parts.seed),
      node_(ReconnectPolicy(options.reconnect_first, options.reconnect_most, options.connections, jitter_),
            options.connections),
      reporter_(runtime, listener, options),
      prober_([this] { on_learnt(); }),
      read_buffer_(kReadBuffer),
      descriptors_(options.connections) {
  const LinkEnvironment environment{
      options_, parts.loop,  *dialer_,        read_buffer_,       tally_,        budget_, jitter_,
      parts.id, sink_.get(), parts.redirects, credentials_.get(), parts.sleepers};
  for (std::uint32_t i = 0; i < options.connections; ++i) {
    descriptors_[i].store(-1, std::memory_order_relaxed);
    links_.push_back(std::make_unique<Link>(environment, i, descriptors_[i]));
  }
  if (options.tls.enabled && options.tls.insecure_skip_verification) reporter_.insecure();
}

void Engine::on_event(const wire::Event& event, TimePoint now) {
  Link& link = *links_[Link::index_of(event.token)];
  apply(link, link.on_event(event, now), now);
}

void Engine::turn(TimePoint asked, TimePoint now) {
  if (sink_ != nullptr) sink_->on_turn(now);
  mind_credentials(now);
  take_posted(now);
  run_timers(asked, now);
  flush(now);
  publish();
}

TimePoint Engine::due() const {
  TimePoint earliest = std::min(credentials_->due(), waiting_.earliest());
  if (!waits_for_credentials_) earliest = std::min(earliest, node_.next_dial());
  if (sink_ != nullptr) earliest = std::min(earliest, sink_->due());
  for (const auto& link : links_) earliest = std::min(earliest, link->due());
  return earliest;
}

void Engine::take_posted(TimePoint now) {
  inbox_.take(taken_);
  watch_who_comes();
  for (Pending& pending : taken_) {
    if (pending.shortened) ++tally_.shortened;
    if (now >= pending.deadline) {
      expire_unsent(pending, tally_);
    } else {
      place(std::move(pending), now);
    }
  }
  taken_.clear();
  group_link_ = nullptr;
}

void Engine::run_timers(TimePoint asked, TimePoint now) {
  for (const auto& link : links_) apply(*link, link->on_turn(asked, now), now);
  waiting_.expire(now, tally_);
  dial_due(now);
}

void Engine::dial_due(TimePoint now) {
  for (const auto& link : links_) {
    if (link->phase() != Link::Phase::kDown || now < node_.next_dial()) continue;
    waits_for_credentials_ = credentials_->readiness(now) == CredentialSource::Readiness::kPending;
    if (waits_for_credentials_) return;
    dial(*link, now);
  }
}

void Engine::dial(Link& link, TimePoint now) {
  node_.on_dial(now);
  if (credentials_->readiness(now) == CredentialSource::Readiness::kFailed) {
    return on_refused(credentials_->failure(), now);
  }
  apply(link, link.dial(now), now);
  if (const auto complaint = dialer_->take_complaint()) reporter_.tls_files_unusable(*complaint);
}

// Links that are up authenticate one after the other, so that credentials that are wrong are tried once and not once a
// link. A refusal leaves the link what it was: the server goes on knowing it.
void Engine::mind_credentials(TimePoint now) {
  credentials_->on_turn(now);
  const std::uint64_t generation = credentials_->generation();
  if (generation != generation_) {
    const bool is_first = std::exchange(generation_, generation) == 0;
    links_are_behind_ = !is_first;
    node_.hold_until(TimePoint::min());
  }
  if (!links_are_behind_ || authenticating_) return;
  links_are_behind_ = false;
  for (const auto& link : links_) {
    if (link->phase() != Link::Phase::kReady || link->identity().generation == generation) continue;
    const auto identity = credentials_->current();
    // A link of RESP2 that has subscriptions takes no AUTH.
    if (identity->password.empty() || (sink_ != nullptr && link->handshake().server().protocol == 2)) continue;
    link->authenticate(identity, ReaderHandle(new AuthReader(*this, generation)));
    links_are_behind_ = authenticating_ = true;
    return;
  }
}

void Engine::on_authenticated(std::uint64_t generation, std::string_view refusal) {
  authenticating_ = false;
  if (refusal.empty()) return credentials_->on_accepted(generation);
  credentials_->on_refused(generation);
  links_are_behind_ = false;
  reporter_.credentials_refused(code_word(refusal));
}

void Engine::on_learnt() {
  board_.show_capabilities(prober_.found());
  reporter_.learnt(prober_.found());
}

void Engine::flush(TimePoint now) {
  for (const auto& link : links_) apply(*link, link->flush(now), now);
}

void Engine::publish() {
  const std::uint64_t answers = tally_.answered - std::exchange(answered_before_, tally_.answered);
  if (answers > 0) node_.on_answered(static_cast<std::int64_t>(answers));
  inbox_.quota().publish();
  board_.show_tally(tally_, in_flight(), static_cast<std::size_t>(budget_.left()));
  reporter_.publish(tally_, budget_.left());
}

std::size_t Engine::in_flight() const noexcept {
  std::size_t sum = 0;
  for (const auto& link : links_) sum += link->core().in_flight();
  return sum;
}

void Engine::apply(Link& link, const News& news, TimePoint now) {
  switch (news.kind) {
    case News::Kind::kNone: return;
    case News::Kind::kReady: return on_ready(link, now);
    case News::Kind::kRefused:
      if (news.error.code() == Errc::kAuthentication) {
        node_.hold_until(now + kAuthEvery);
        credentials_->on_refused(link.identity().generation);
      }
      return on_refused(news.error, now);
    case News::Kind::kLost:
    case News::Kind::kCondemned: return on_ended(link, news, now);
  }
}

void Engine::on_ready(Link& link, TimePoint now) {
  const Microseconds round_trip = link.handshake().round_trip();
  const bool first = node_.ready() == 0;
  node_.on_ready();
  const std::uint64_t generation = link.identity().generation;
  credentials_->on_accepted(generation);
  links_are_behind_ = links_are_behind_ || generation != generation_;
  prober_.on_greeting(link.handshake());
  board_.show_capabilities(prober_.found());
  if (first && sink_ == nullptr) {
    for (auto& question : prober_.questions(link.handshake(), now)) {
      link.core().enqueue_own(std::move(question.words), std::move(question.reader));
    }
  }
  board_.show_up(link.handshake().server());
  reporter_.ready(link.handshake().server(), round_trip, first, now);
  if (sink_ != nullptr) sink_->on_link_up(link.handshake().server(), now);
  place_waiting(now);
}

void Engine::on_refused(const Error& why, TimePoint now) {
  node_.on_failed();
  if (node_.reach() != Reach::kAway) return;
  away_ = unavailable(options_, why);
  board_.show_away(away_, why.code());
  reporter_.refused(why, now);
  refuse_waiting();
}

void Engine::on_ended(Link& link, const News& news, TimePoint now) {
  if (sink_ != nullptr) sink_->on_link_down(news.error, now);
  node_.on_lost(now);
  if (node_.reach() == Reach::kTrying) board_.show_trying();
  if (node_.reach() == Reach::kAway) {
    away_ = unavailable(options_, news.error);
    board_.show_away(away_, news.error.code());
  }
  if (news.kind == News::Kind::kCondemned) {
    ++tally_.condemned;
    reporter_.condemned(news.error, now);
  } else {
    reporter_.lost(news.error, now);
  }
  const Error lost(Errc::kConnectionLost, "the link was lost: " + std::string(news.error.message()));
  auto kept = link.salvage(now, lost);
  while (!kept.empty()) {
    waiting_.push_front(std::move(kept.back()));
    kept.pop_back();
  }
  place_waiting(now);
}

void Engine::place_waiting(TimePoint now) {
  group_link_ = nullptr;
  if (node_.reach() == Reach::kAway) return refuse_waiting();
  if (node_.reach() != Reach::kUp) return;
  for (std::size_t left = waiting_.size(); left > 0; --left) place(waiting_.pop_front(), now);
  group_link_ = nullptr;
}

void Engine::place(Pending&& pending, TimePoint now) {
  if (group_link_ == nullptr || group_link_->phase() != Link::Phase::kReady) group_link_ = choose_link();
  Link* const link = group_link_;
  if (!pending.more_follow) group_link_ = nullptr;
  if (link != nullptr) return link->accept(std::move(pending), now);
  if (node_.reach() == Reach::kAway) return pending.fail(away_);
  waiting_.push_back(std::move(pending));
}

// The least loaded; among equals each in its turn.
Link* Engine::choose_link() {
  if (links_.size() == 1) return links_[0]->phase() == Link::Phase::kReady ? links_[0].get() : nullptr;
  Link* best = nullptr;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    Link* const link = links_[(next_link_ + i) % links_.size()].get();
    if (link->phase() != Link::Phase::kReady) continue;
    if (best == nullptr || link->core().load() < best->core().load()) best = link;
  }
  next_link_ = (next_link_ + 1) % links_.size();
  return best;
}

void Engine::refuse_waiting() {
  const Error lost(Errc::kConnectionLost, "the link was lost, and " + std::string(away_.message()));
  waiting_.fail_all(away_, lost);
}

void Engine::drop_everything(const Error& reason) {
  const TimePoint now = clock_->now();
  for (const auto& link : links_) {
    const bool was_ready = link->phase() == Link::Phase::kReady;
    const bool was_dialling = !was_ready && link->phase() != Link::Phase::kDown;
    link->close();
    if (was_ready) node_.on_lost(now);
    if (was_ready && sink_ != nullptr) sink_->on_link_down(reason, now);
    if (was_dialling) node_.on_failed();
    for (Pending& pending : link->salvage(now, reason)) pending.fail(reason);
  }
  away_ = unavailable(options_, reason);
  if (node_.reach() == Reach::kAway) {
    board_.show_away(away_, reason.code());
  } else {
    board_.show_trying();
  }
  waiting_.fail_all(reason, reason);
  for (Pending& pending : taken_) {
    if (pending.reader) pending.fail(reason);
  }
  taken_.clear();
  publish();
}

void Engine::end(const Error& reason) {
  if (sink_ != nullptr) sink_->on_end(reason);
}

void Engine::take_unsent(std::vector<Pending>& into) {
  while (!waiting_.empty()) into.push_back(waiting_.pop_front());
  for (const auto& link : links_) link->core().take_unsent(into);
  inbox_.take(taken_);
  for (Pending& pending : taken_) into.push_back(std::move(pending));
  taken_.clear();
  publish();
}

void Engine::close_descriptors_in_child() noexcept {
  for (const auto& descriptor : descriptors_) {
    const int number = descriptor.load(std::memory_order_relaxed);
    if (number >= 0) ::close(number);
  }
}

}  // namespace envoyou::redis
