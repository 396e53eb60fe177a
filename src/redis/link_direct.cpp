// The part of a link that a caller works on himself. See direct_call.hpp.
#include "redis/link.hpp"

#include <utility>

namespace envoyou::redis {

namespace {

constexpr Microseconds kNear{500};
constexpr Milliseconds kMostWaited{20};  // two ticks of a kernel that has a hundred a second

}  // namespace

void Link::mute() {
  if (phase_ != Phase::kReady || !is_calm()) return;
  environment_.loop.change(stream_->descriptor(), token(), {});
  interest_ = {};
  muted_ = true;
}

// What the stream holds is not announced by the socket: it is looked for.
void Link::unmute() {
  if (!std::exchange(muted_, false)) return;
  more_to_read_ = more_to_read_ || stream_->holds_more();
  environment_.loop.change(stream_->descriptor(), token(), {.read = true});
  interest_ = {.read = true};
}

bool Link::is_calm() const noexcept {
  const bool in_doubt = more_to_read_ || undecoded_ || !doom_.empty() || stray_since_.has_value();
  return core_.load() == 0 && out_.empty() && !write_blocked_ && !read_needs_write_ && !in_doubt;
}

bool Link::look_before_direct(TimePoint now) {
  if (!muted_ || !is_calm() || !core_.window_is_open(out_) || decoder_->buffered() > 0) return false;
  const wire::IoResult got = stream_->read(environment_.read_buffer);
  if (got.kind == wire::IoResult::Kind::kWantRead) return true;
  more_to_read_ = true;
  if (got.kind == wire::IoResult::Kind::kDone) {
    environment_.tally.bytes_received += got.bytes;
    core_.on_bytes(got.bytes, now);
    decoder_->feed({environment_.read_buffer.data(), got.bytes});
    undecoded_ = true;
  }
  return false;
}

void Link::encode_directly(Pending&& pending, TimePoint now) { core_.encode_at_once(std::move(pending), out_, now); }

Direct Link::write_directly() {
  const wire::IoResult sent = stream_->write(out_.unwritten());
  ++environment_.tally.writes;
  if (sent.kind != wire::IoResult::Kind::kDone) return Direct::kLeft;
  environment_.tally.bytes_sent += sent.bytes;
  out_.consume(sent.bytes);
  core_.on_written(out_.written());
  return out_.empty() ? Direct::kGoesOn : Direct::kLeft;
}

Direct Link::read_directly(TimePoint now) { return take_directly(stream_->read(environment_.read_buffer), now); }

bool Link::may_wait_directly(TimePoint now) const noexcept {
  return core_.round_trip() < kNear && now + kMostWaited < due();
}

Direct Link::wait_directly(TimePoint now) {
  return take_directly(stream_->read_waiting(environment_.read_buffer), now);
}

Direct Link::take_directly(const wire::IoResult& got, TimePoint now) {
  if (got.kind == wire::IoResult::Kind::kWantRead) return Direct::kGoesOn;
  more_to_read_ = got.kind != wire::IoResult::Kind::kDone;
  if (more_to_read_) return Direct::kLeft;
  environment_.tally.bytes_received += got.bytes;
  core_.on_bytes(got.bytes, now);
  decoder_->feed({environment_.read_buffer.data(), got.bytes});
  for (;;) {
    const auto next = decoder_->next();
    undecoded_ = !next;  // the decoder says so again to who asks next
    if (undecoded_) return Direct::kLeft;
    if (*next == nullptr) break;
    if (const LinkCore::Condemned why = core_.on_reply(**next, now); !why.empty()) {
      doom(why);
      return Direct::kLeft;
    }
  }
  if (!core_.is_idle()) return Direct::kGoesOn;
  return core_.load() == 0 && !core_.is_retired() ? Direct::kDone : Direct::kLeft;
}

}  // namespace envoyou::redis
