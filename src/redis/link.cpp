#include "redis/link.hpp"

#include <algorithm>
#include <utility>

namespace envoyou::redis {

namespace {

wire::DecoderLimits limits_of(const ReplyLimits& reply) {
  wire::DecoderLimits limits;
  limits.max_bytes = reply.max_bytes;
  limits.max_elements = reply.max_elements;
  limits.max_depth = reply.max_depth;
  return limits;
}

}  // namespace

Link::Link(const LinkEnvironment& environment, std::uint32_t index, std::atomic<int>& descriptor)
    : environment_(environment),
      index_(index),
      descriptor_(descriptor),
      handshake_(environment.options),
      core_(environment.options, environment.tally, environment.budget, environment.jitter, environment.sink,
            environment.redirects) {}

std::uint64_t Link::token() const noexcept {
  return (std::uint64_t{generation_} << kGenerationShift) | (std::uint64_t{environment_.engine} << kEngineShift) |
         index_;
}

News Link::dial(TimePoint now) {
  ++environment_.tally.connects;
  // The largest token is the loop's own.
  generation_ = (generation_ + 1) & 0x7fffffffu;
  dialled_at_ = now;
  phase_ = Phase::kDialling;
  identity_ = environment_.credentials->current();
  handshake_ = HandshakeFsm(environment_.options, identity_);
  decoder_.emplace(limits_of(environment_.options.reply));
  out_ = OutBuffer();
  first_error_.reset();
  stream_ = environment_.dialer.dial();
  return advance(now);
}

News Link::advance(TimePoint now) {
  switch (stream_->advance()) {
    case wire::Progress::kReady: return greet(now);
    case wire::Progress::kWantRead: return watch({.read = true});
    case wire::Progress::kWantWrite: return watch({.write = true});
    case wire::Progress::kFailed: break;
  }
  return end(News::Kind::kRefused, stream_->failure());
}

News Link::greet(TimePoint now) {
  phase_ = Phase::kGreeting;
  if (environment_.options.tls.enabled) {
    ++environment_.tally.tls_handshakes;
    if (stream_->resumed()) ++environment_.tally.tls_resumed;
  }
  out_.append(handshake_.start().words);
  return write_out(now);
}

// A name that is being resolved has no descriptor yet: the dialer wakes the loop.
News Link::watch(wire::Interest interest) {
  const int descriptor = stream_->descriptor();
  if (descriptor < 0) return {};
  if (!watched_) {
    descriptor_.store(descriptor, std::memory_order_relaxed);
    auto done = environment_.loop.watch(descriptor, token(), interest);
    if (!done) return end_ready_or_refuse(News::Kind::kLost, done.error());
    watched_ = true;
  } else if (!(interest == interest_)) {
    environment_.loop.change(descriptor, token(), interest);
  }
  interest_ = interest;
  return {};
}

News Link::watch_io() {
  return watch({.read = true, .write = (write_blocked_ && !write_needs_read_) || read_needs_write_});
}

News Link::on_event(const wire::Event& event, TimePoint now) {
  if (event.token != token() || phase_ == Phase::kDown) return {};
  if (phase_ == Phase::kDialling) return advance(now);
  if (write_blocked_ && (event.writable || write_needs_read_)) {
    write_blocked_ = false;
    core_.on_room_again(now);
    // `flush` goes on with commands, and here with the greeting.
    if (phase_ == Phase::kGreeting) {
      if (News news = write_out(now); news.kind != News::Kind::kNone) return news;
    }
  }
  const bool reads = event.readable || event.failed || read_needs_write_;
  return reads ? read_turn(now) : News();
}

News Link::on_turn(TimePoint asked, TimePoint now) {
  if (phase_ == Phase::kDown) return {};
  if (phase_ == Phase::kDialling && !watched_) {
    if (News news = advance(now); news.kind != News::Kind::kNone || phase_ == Phase::kDown) return news;
  }
  if (!doom_.empty()) return condemn(Error(Errc::kConnectionLost, std::string(doom_)));
  if (std::exchange(undecoded_, false)) {
    if (News news = take_replies(now); news.kind != News::Kind::kNone) return news;
  }
  if (more_to_read_) {
    if (News news = read_turn(now); news.kind != News::Kind::kNone) return news;
  }
  if (phase_ == Phase::kReady) {
    core_.expire(now);
    if (core_.is_retired()) return end(News::Kind::kLost, core_.why_retired());
    if (auto why = core_.judge_silence(asked)) return condemn(Error(Errc::kConnectionLost, *std::move(why)));
    if (stray_since_ && asked >= *stray_since_ + core_.stall_limit()) {
      return condemn(Error(Errc::kConnectionLost, "a part of a reply came that nobody asked for"));
    }
  } else if (asked >= dialled_at_ + environment_.options.connect_timeout) {
    const auto limit = std::to_string(environment_.options.connect_timeout.count());
    const std::string what(phase_ == Phase::kDialling ? "connect" : handshake_.asked());
    return end(News::Kind::kRefused, Error(Errc::kUnavailable, what + ": no answer within " + limit + " ms"));
  }
  return {};
}

TimePoint Link::due() const noexcept {
  switch (phase_) {
    case Phase::kDown: return TimePoint::max();
    case Phase::kDialling:
    case Phase::kGreeting: break;
    case Phase::kReady: return due_ready();
  }
  return more_to_read_ ? TimePoint::min() : dialled_at_ + environment_.options.connect_timeout;
}

TimePoint Link::due_ready() const noexcept {
  if (more_to_read_) return TimePoint::min();
  const TimePoint core = core_.due(!write_blocked_ && !stray_since_);
  return stray_since_ ? std::min(core, *stray_since_ + core_.stall_limit()) : core;
}

News Link::read_turn(TimePoint now) {
  more_to_read_ = false;
  read_needs_write_ = false;
  for (int reads = 0; reads < kMaxReads; ++reads) {
    const wire::IoResult got = stream_->read(environment_.read_buffer);
    switch (got.kind) {
      case wire::IoResult::Kind::kDone: break;
      case wire::IoResult::Kind::kWantRead: return {};
      case wire::IoResult::Kind::kWantWrite: read_needs_write_ = true; return watch_io();
      case wire::IoResult::Kind::kClosed:
      case wire::IoResult::Kind::kFailed: return end_ready_or_refuse(News::Kind::kLost, stream_->failure());
    }
    environment_.tally.bytes_received += got.bytes;
    core_.on_bytes(got.bytes, now);
    decoder_->feed({environment_.read_buffer.data(), got.bytes});
    if (News news = take_replies(now); news.kind != News::Kind::kNone) {
      more_to_read_ = phase_ != Phase::kDown;
      return news;
    }
    if (got.bytes < environment_.read_buffer.size() && !stream_->holds_more()) return {};
  }
  more_to_read_ = true;
  return {};
}

News Link::take_replies(TimePoint now) {
  if (phase_ != Phase::kReady) return take_greetings(now);
  Sleepers::Gathering gathering(environment_.sleepers);
  for (;;) {
    const auto next = decoder_->next();
    if (!next) {
      first_error_ = next.error();
      return condemn(next.error());
    }
    if (*next == nullptr) return {};
    if (gathering.has_noted() && may_call_strangers(**next)) gathering.wake();
    const LinkCore::Condemned why = core_.on_reply(**next, now);
    if (!why.empty()) return condemn(Error(Errc::kConnectionLost, std::string(why)));
  }
}

bool Link::may_call_strangers(const ReplyView& reply) const noexcept {
  return reply.type == ReplyType::kPush || !core_.next_is_asleep();
}

News Link::take_greetings(TimePoint now) {
  // One answer a read in the greeting: a second one was there before its question.
  greeting_answered_ = false;
  for (;;) {
    auto next = decoder_->next();
    if (next && *next == nullptr) break;
    if (!next) first_error_ = next.error();
    News news = next ? take_reply(**next, now) : condemn(next.error());
    if (news.kind == News::Kind::kNone) continue;
    // Nobody was told yet that it had become ready.
    news.kind = News::Kind::kRefused;
    return news;
  }
  if (phase_ == Phase::kGreeting) return write_out(now);
  return {News::Kind::kReady};
}

News Link::take_reply(const ReplyView& reply, TimePoint now) {
  if (phase_ == Phase::kGreeting) return take_greeting(reply, now);
  const LinkCore::Condemned condemned = core_.on_reply(reply, now);
  if (condemned.empty()) return {};
  return condemn(Error(Errc::kConnectionLost, std::string(condemned)));
}

News Link::take_greeting(const ReplyView& reply, TimePoint now) {
  if (reply.type == ReplyType::kPush) return {};
  if (std::exchange(greeting_answered_, true)) {
    return end(News::Kind::kRefused,
               Error(Errc::kForeignReply, std::string(handshake_.asked()) + ": a reply that nobody asked for"));
  }
  HandshakeFsm::Action action = handshake_.on_reply(reply, now);
  switch (action.kind) {
    case HandshakeFsm::Action::Kind::kSend: out_.append(action.words); return {};
    case HandshakeFsm::Action::Kind::kRefused: return end(News::Kind::kRefused, std::move(action.error));
    case HandshakeFsm::Action::Kind::kReady: break;
  }
  phase_ = Phase::kReady;
  core_.open(now, handshake_.round_trip());
  core_.use(identity_);
  return {};
}

void Link::accept(Pending&& pending, TimePoint now) {
  const bool may_encode = !write_blocked_ && !has_stray_bytes(now);
  if (may_encode && core_.encode_at_once(std::move(pending), out_, now)) return;
  core_.enqueue(std::move(pending));  // NOLINT(bugprone-use-after-move): if it was not taken, it is as it was
}

void Link::authenticate(std::shared_ptr<const Identity> identity, ReaderHandle reader) {
  identity_ = std::move(identity);
  core_.use(identity_);
  Words auth("AUTH");
  if (!identity_->username.empty()) auth.add(identity_->username);
  auth.add(identity_->password);
  core_.enqueue_own(std::move(auth), std::move(reader));
}

News Link::flush(TimePoint now) {
  if (phase_ != Phase::kReady || write_blocked_ || has_stray_bytes(now)) return {};
  core_.encode(out_, now);
  return out_.empty() ? News() : write_out(now);
}

// A part of a reply while nothing is in flight: a push in the making, or the beginning of a shift by one. Nothing is
// sent until it is known which.
bool Link::has_stray_bytes(TimePoint now) {
  if (!core_.is_idle() || decoder_->buffered() == 0) {
    stray_since_.reset();
  } else if (!stray_since_) {
    stray_since_ = now;
  }
  return stray_since_.has_value();
}

News Link::write_out(TimePoint now) {
  for (int writes = 0; writes < kMaxWrites && !out_.empty(); ++writes) {
    const wire::IoResult sent = stream_->write(out_.unwritten());
    ++environment_.tally.writes;
    if (sent.kind == wire::IoResult::Kind::kDone) {
      environment_.tally.bytes_sent += sent.bytes;
      out_.consume(sent.bytes);
      if (phase_ == Phase::kReady) {
        core_.on_written(out_.written());
        if (out_.empty()) core_.encode(out_, now);
      }
      continue;
    }
    const bool wants_read = sent.kind == wire::IoResult::Kind::kWantRead;
    if (!wants_read && sent.kind != wire::IoResult::Kind::kWantWrite) {
      return end_ready_or_refuse(News::Kind::kLost, stream_->failure());
    }
    write_blocked_ = true;
    write_needs_read_ = wants_read;
    return watch_io();
  }
  // What is left after so many writes goes on when the loop says that there is room, which it does at once.
  write_blocked_ = !out_.empty();
  write_needs_read_ = false;
  return watch_io();
}

News Link::condemn(Error error) { return end_ready_or_refuse(News::Kind::kCondemned, std::move(error)); }

// Before it was ready, a link that ends was refused.
News Link::end_ready_or_refuse(News::Kind kind, Error error) {
  if (phase_ == Phase::kReady) return end(kind, std::move(error));
  std::string text(phase_ == Phase::kGreeting ? handshake_.asked() : "connect");
  text += ": ";
  text += error.message();
  return end(News::Kind::kRefused, Error(error.code(), std::move(text)));
}

News Link::end(News::Kind kind, Error error) {
  close();
  return {kind, std::move(error)};
}

void Link::close() {
  if (stream_ && watched_) environment_.loop.forget(stream_->descriptor());
  descriptor_.store(-1, std::memory_order_relaxed);
  stream_.reset();
  watched_ = false;
  more_to_read_ = false;
  write_blocked_ = false;
  write_needs_read_ = false;
  read_needs_write_ = false;
  stray_since_.reset();
  muted_ = false;
  undecoded_ = false;
  doom_ = {};
  phase_ = Phase::kDown;
}

std::vector<Pending> Link::salvage(TimePoint now, const Error& lost) {
  return core_.salvage(out_.written(), now, lost, std::exchange(first_error_, std::nullopt));
}

}  // namespace envoyou::redis
