#include "redis/link_core.hpp"

#include "redis/error_reply.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace envoyou::redis {

namespace {

constexpr std::string_view kPingPrefix = "envoyou-fence-";
constexpr int kHex = 16;

std::string fence_word(std::uint64_t number) {
  char digits[2 * sizeof number];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, kHex).ptr;
  return std::string(kPingPrefix) + std::string(digits, end);
}

// Errors that any command may meet, so that a PING may, too. Others belong to another question.
bool may_answer_a_ping(Errc code) noexcept {
  switch (code) {
    case Errc::kServerError:
    case Errc::kPermission:
    case Errc::kAuthentication:
    case Errc::kLoading:
    case Errc::kMisconfigured: return true;
    default: return false;
  }
}

// With RESP2, a link that has subscriptions answers PING with an array.
bool is_pong_to_subscriber(const ReplyView& reply) noexcept {
  return reply.type == ReplyType::kArray && reply.elements.size() == 2 && reply.elements[0].text == "pong";
}

// The server does not have the script, or does not let this user call one by its digest: it was not executed.
bool wants_text(const Pending& pending, std::string_view error) noexcept {
  if (pending.script == nullptr || pending.with_text) return false;
  return error.starts_with("NOSCRIPT") || is_command_refused(error, "evalsha");
}

}  // namespace

LinkCore::LinkCore(const ClientOptions& options, Tally& tally, RetryBudget& budget, base::Jitter& jitter,
                   PushSink* sink, RedirectSink* redirects)
    : options_(options),
      tally_(tally),
      budget_(budget),
      jitter_(jitter),
      sink_(sink),
      redirects_(redirects),
      stall_limit_(options.stall_limit) {}

void LinkCore::open(TimePoint now, Microseconds round_trip) {
  show_life(now);
  opened_ = now;
  retiring_ = false;
  evalsha_is_refused_ = false;
  forget_parts();
  next_ping_ = now + options_.idle_ping;
  ping_in_flight_ = false;
  round_trip_ = Microseconds::max();
  measure(round_trip);
}

void LinkCore::measure(Microseconds round_trip) noexcept {
  round_trip_ = std::min(round_trip_, round_trip);
  const Milliseconds most = std::max(options_.stall_limit, options_.connect_timeout);
  stall_limit_ = std::clamp<std::chrono::nanoseconds>(kStallRoundTrips * round_trip_, options_.stall_limit, most);
  tally_.round_trip = round_trip_;
}

void LinkCore::show_life(TimePoint now) noexcept {
  life_ = now;
  life_bytes_ = 0;
}

void LinkCore::on_bytes(std::size_t bytes, TimePoint now) {
  life_bytes_ += bytes;
  if (life_bytes_ >= kLifeBytes) show_life(now);
}

bool LinkCore::window_is_open(const OutBuffer& out) const noexcept {
  return in_flight_.size() < options_.max_in_flight && !out.has_enough() && !retiring_;
}

void LinkCore::enqueue_own(Words words, ReaderHandle reader) {
  Pending pending;
  pending.words = std::move(words);
  pending.reader = std::move(reader);
  pending.is_own = true;
  again_.push_back(std::move(pending));
}

void LinkCore::encode(OutBuffer& out, TimePoint now) {
  // Silence counts from when there is something to answer.
  if (in_flight_.empty()) show_life(now);
  if (now >= next_ping_ && !retiring_) {
    next_ping_ = now + options_.idle_ping;
    if (!ping_in_flight_) ping(out, now);
  }
  encode_from(again_, out, now);
  encode_from(unsent_, out, now);
}

void LinkCore::encode_from(UnsentQueue& queue, OutBuffer& out, TimePoint now) {
  while (!queue.empty() && window_is_open(out)) {
    Pending pending = queue.pop_front();
    if (now >= pending.deadline) {
      expire_unsent(pending, tally_);
      continue;
    }
    fly(std::move(pending), out);
  }
}

void LinkCore::fly(Pending&& pending, OutBuffer& out) {
  if (evalsha_is_refused_ && pending.script != nullptr && !pending.with_text) give_text(pending);
  if (pending.route.asking) fly_asking(out);
  if (pending.is_own) ++own_in_flight_;
  out.append(pending.words);
  pending.end = out.encoded();
  pending.charge.sent();
  in_flight_.push(std::move(pending));
}

void LinkCore::fly_asking(OutBuffer& out) {
  out.append(Words("ASKING"));
  Pending asking;
  asking.is_asking = true;
  asking.end = out.encoded();
  in_flight_.push(std::move(asking));
}

bool LinkCore::encode_at_once(Pending&& pending, OutBuffer& out, TimePoint now) {
  if (!again_.empty() || !unsent_.empty() || !window_is_open(out)) return false;
  if (in_flight_.empty()) show_life(now);
  fly(std::move(pending), out);
  return true;
}

void LinkCore::ping(OutBuffer& out, TimePoint now) {
  ping_asked_ = now;
  ping_word_ = fence_word(jitter_.next());
  out.append(Words("PING", std::string_view(ping_word_)));
  Pending pending;
  pending.is_ping = true;
  pending.end = out.encoded();
  in_flight_.push(std::move(pending));
  ping_in_flight_ = true;
}

LinkCore::Condemned LinkCore::on_reply(const ReplyView& reply, TimePoint now) {
  if (is_push(reply)) return take_push(reply, now);
  if (in_flight_.empty() || !in_flight_.front_may_be_answered()) return "a reply came that nobody asked for";
  show_life(now);
  if (in_flight_.front().parts > 0) return deliver_part(in_flight_.front(), reply, now);
  return take_answer(reply, now);
}

bool LinkCore::is_push(const ReplyView& reply) const noexcept {
  return reply.type == ReplyType::kPush || (sink_ != nullptr && sink_->is_push(reply));
}

LinkCore::Condemned LinkCore::take_push(const ReplyView& push, TimePoint now) {
  if (!in_flight_.empty() && in_flight_.front_is_answered_by(push)) {
    show_life(now);
    return take_answer(push, now);
  }
  if (sink_ == nullptr || !sink_->on_push(push, now)) ++tally_.ignored_pushes;
  return {};
}

// The front is answered where it lies: what is called back may post commands, and those go to the inbox.
LinkCore::Condemned LinkCore::take_answer(const ReplyView& reply, TimePoint now) {
  Pending& front = in_flight_.front();
  const bool had_parts = front.parts_in_all > 0;
  Condemned condemned;
  if (front.is_ping) {
    condemned = check_fence(reply, now);
  } else if (front.is_asking) {
    // If it was refused, so is what stands behind it.
  } else if (!front.reader) {
    ++tally_.late_replies;
  } else {
    condemned = deliver(front, reply, now);
  }
  in_flight_.drop_front();
  if (had_parts) forget_parts();
  return condemned;
}

LinkCore::Condemned LinkCore::deliver(Pending& pending, const ReplyView& reply, TimePoint now) {
  if (pending.is_own) {
    --own_in_flight_;
  } else {
    if (reply.is_error()) return deliver_error(pending, reply, now);
    count_answer();
    if (!part_redirect_.empty()) {
      pending.fail(
          Error(Errc::kForeignReply, "transaction: executed by a server that had sent a part of it elsewhere"));
      return foreign();
    }
  }
  return pending.answer(reply) == Verdict::kMine ? Condemned() : foreign();
}

LinkCore::Condemned LinkCore::deliver_error(Pending& pending, const ReplyView& reply, TimePoint now) {
  if (wants_text(pending, reply.text)) {
    evalsha_is_refused_ = evalsha_is_refused_ || !reply.text.starts_with("NOSCRIPT");
    give_text(pending);
    pending.charge.queued_again();
    again_.push_back(std::move(pending));
    return {};
  }
  count_answer();
  const bool is_discarded = reply.text.starts_with("EXECABORT");
  const std::string_view text = is_discarded && !part_redirect_.empty() ? part_redirect_ : reply.text;
  if (redirects_ != nullptr && pending.route.is_set && !part_refused_ && (part_redirect_.empty() || is_discarded)) {
    pending.begin_again();
    if (redirects_->take(pending, text, now)) return {};
  }
  const Error error = error_from_reply(text, identity_ ? identity_->password : "");
  note_error(reply.text, now);
  pending.fail(error);
  return {};
}

void LinkCore::give_text(Pending& pending) {
  pending.words = pending.script->with_text(pending.words);
  pending.with_text = true;
}

LinkCore::Condemned LinkCore::deliver_part(Pending& pending, const ReplyView& part, TimePoint now) {
  --pending.parts;
  if (part.is_error()) note_error(part.text, now);
  if (goes_elsewhere(pending, part)) return {};
  if (!pending.reader || pending.reader->on_part(part) == Verdict::kMine) return {};
  return foreign();
}

// True: the caller is told nothing of this part, for all will be told anew. Where MULTI itself was refused, the
// commands may have been executed one by one: that is never sent again.
bool LinkCore::goes_elsewhere(const Pending& pending, const ReplyView& part) {
  if (!part_redirect_.empty()) return true;
  if (!part.is_error()) return false;
  const bool is_begun = pending.parts + 1 < pending.parts_in_all;
  const bool may_go = redirects_ != nullptr && pending.route.is_set && is_begun && !part_refused_;
  if (may_go && redirects_->is_redirect(part.text)) {
    part_redirect_ = part.text;
  } else {
    part_refused_ = true;
  }
  return !part_redirect_.empty();
}

void LinkCore::forget_parts() noexcept {
  part_redirect_.clear();
  part_refused_ = false;
}

LinkCore::Condemned LinkCore::foreign() {
  ++tally_.foreign_replies;
  return "a reply came that belongs to another question";
}

void LinkCore::note_error(std::string_view text, TimePoint now) noexcept {
  const bool is_replica = classify_error(text) == Errc::kReadOnly;
  const bool retires = (is_replica || text.starts_with("NOAUTH")) && now >= opened_ + kLeastLife;
  if (!retires || retiring_) return;
  retiring_ = true;
  retired_by_ = is_replica ? Errc::kReadOnly : Errc::kAuthentication;
}

Error LinkCore::why_retired() const {
  return Error(retired_by_, retired_by_ == Errc::kReadOnly ? "the server has become a replica"
                                                           : "the server does not know the user of the link any more");
}

// A proxy may answer PONG whatever the word; a server that has echoed once must go on to.
LinkCore::Condemned LinkCore::check_fence(const ReplyView& whole, TimePoint now) {
  ping_in_flight_ = false;
  measure(std::chrono::duration_cast<Microseconds>(now - ping_asked_));
  if (round_trip_ > options_.command_timeout) ++tally_.too_far;
  const ReplyView& reply = is_pong_to_subscriber(whole) ? whole.elements[1] : whole;
  const bool echoes = reply.is_string() && reply.text == ping_word_;
  server_echoes_ = server_echoes_ || echoes;
  const bool is_plain_pong = !server_echoes_ && reply.is_string() && reply.text == "PONG";
  if (reply.is_error()) note_error(reply.text, now);
  if (echoes || is_plain_pong || (reply.is_error() && may_answer_a_ping(classify_error(reply.text)))) {
    if (sink_ != nullptr) sink_->on_fence(ping_asked_, now);
    return {};
  }
  ++tally_.foreign_replies;
  return "a ping was answered with something else";
}

std::optional<std::string> LinkCore::judge_silence(TimePoint asked) const {
  if (asked < silent_until()) return std::nullopt;
  const auto limit = std::chrono::duration_cast<Milliseconds>(stall_limit_);
  return "silent for " + std::to_string(limit.count()) + " ms with work in flight";
}

TimePoint LinkCore::silent_until() const noexcept {
  if (in_flight_.empty() || in_flight_.front().may_be_silent()) return TimePoint::max();
  return life_ + stall_limit_;
}

void LinkCore::expire(TimePoint now) {
  again_.expire(now, tally_);
  unsent_.expire(now, tally_);
  in_flight_.expire(now, tally_);
}

TimePoint LinkCore::due(bool may_encode) const noexcept {
  const TimePoint ping = may_encode && !retiring_ ? next_ping_ : TimePoint::max();
  return std::min({silent_until(), ping, again_.earliest(), unsent_.earliest(), in_flight_.earliest()});
}

bool LinkCore::may_repeat(const Pending& pending, TimePoint now) {
  const bool may = pending.repeat == Repeat::kIsSafe && !pending.may_have_run && now < pending.deadline;
  if (!may) return false;
  if (budget_.take()) return true;
  ++tally_.repeats_refused;
  return false;
}

void LinkCore::take_unsent(std::vector<Pending>& into) {
  for (std::size_t left = again_.size(); left > 0; --left) {
    Pending pending = again_.pop_front();
    if (pending.is_own) {
      again_.push_back(std::move(pending));
    } else {
      into.push_back(std::move(pending));
    }
  }
  while (!unsent_.empty()) into.push_back(unsent_.pop_front());
}

std::vector<Pending> LinkCore::salvage(std::uint64_t written, TimePoint now, const Error& lost,
                                       const std::optional<Error>& first) {
  std::vector<Pending> kept;
  bool at_front = true;
  while (!in_flight_.empty()) {
    Pending pending = in_flight_.pop();
    const bool was_at_front = std::exchange(at_front, false);
    const bool gets_first = was_at_front && first.has_value();
    if (!pending.reader) continue;
    // A command of which a part was never written is not executed by any server.
    const bool was_sent = pending.end <= written;
    const bool knows_of_a_part = was_at_front && part_refused_;
    if (gets_first) {
      pending.fail(*first);
    } else if (pending.is_own || knows_of_a_part || (was_sent && !may_repeat(pending, now))) {
      pending.fail(lost);
    } else {
      if (was_sent) ++tally_.repeated;
      pending.may_have_run = pending.may_have_run || was_sent;
      pending.begin_again();
      pending.charge.queued_again();
      kept.push_back(std::move(pending));
    }
  }
  own_in_flight_ = 0;
  take_unsent(kept);
  while (!again_.empty()) again_.pop_front().fail(lost);
  ping_in_flight_ = false;
  next_ping_ = TimePoint::max();
  return kept;
}

}  // namespace envoyou::redis
