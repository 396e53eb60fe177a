// Drives one stream with a real loop, as the client does: advance, watch what it wants, wait. Gives up after five
// seconds.
#pragma once

#include "wire/decoder.hpp"
#include "wire/dialer.hpp"
#include "wire/encoder.hpp"
#include "wire/loop.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace envoyou::wire {

class StreamDriver {
 public:
  explicit StreamDriver(PeerSettings peer)
      : clock_(system_clock()),
        loop_(make_epoll_loop(clock_).value()),
        until_(clock_->now() + std::chrono::seconds(5)) {
    auto made = make_dialer(std::move(peer), [this] { loop_->wake(); });
    if (!made) {
      refused_ = made.error().message();
      return;
    }
    dialer_ = std::move(made).value();
    dial();
  }

  const std::string& refused() const { return refused_; }  // by make_dialer
  Stream& stream() { return *stream_; }
  std::string failure() const { return std::string(stream_->failure().message()); }
  void close() { stream_.reset(); }
  void dial() {
    forget();
    decoder_ = Decoder(DecoderLimits{});
    stream_ = dialer_->dial();
  }

  // kReady or kFailed, or what it still wants when the time is over.
  Progress connect() {
    Progress progress = stream_->advance();
    while ((progress == Progress::kWantRead || progress == Progress::kWantWrite) && in_time()) {
      wait_for({.read = progress == Progress::kWantRead, .write = progress == Progress::kWantWrite});
      progress = stream_->advance();
    }
    return progress;
  }

  IoResult::Kind write(std::string_view bytes) {
    while (!bytes.empty() && in_time()) {
      const IoResult moved = stream_->write(bytes);
      if (moved.kind == IoResult::Kind::kDone) {
        bytes.remove_prefix(moved.bytes);
      } else if (!wants(moved)) {
        return moved.kind;
      }
    }
    return bytes.empty() ? IoResult::Kind::kDone : IoResult::Kind::kWantWrite;
  }

  // Appends what comes, at least a byte.
  IoResult::Kind read(std::string& to) {
    std::array<char, 65536> buffer;
    while (in_time()) {
      const IoResult moved = stream_->read(buffer);
      if (moved.kind == IoResult::Kind::kDone) to.append(buffer.data(), moved.bytes);
      if (!wants(moved)) return moved.kind;
    }
    return IoResult::Kind::kWantRead;
  }

  // The text of a reply; in brackets what came instead.
  template <class... Words>
  std::string command(const Words&... words) {
    const redis::Words sent(words...);
    std::string bytes(most_encoded(sent), '?');
    bytes.resize(static_cast<std::size_t>(encode(sent, bytes.data()) - bytes.data()));
    if (write(bytes) != IoResult::Kind::kDone) return "(" + failure() + ")";
    while (in_time()) {
      const auto next = decoder_.next();
      if (!next) return "(" + std::string(next.error().message()) + ")";
      if (*next) return (*next)->is_integer() ? std::to_string((*next)->integer) : std::string((*next)->text);
      std::string received;
      if (read(received) != IoResult::Kind::kDone) return "(" + failure() + ")";
      decoder_.feed(received);
    }
    return "(no answer in time)";
  }

 private:
  bool in_time() const { return clock_->now() < until_; }

  bool wants(const IoResult& result) {
    if (result.kind != IoResult::Kind::kWantRead && result.kind != IoResult::Kind::kWantWrite) return false;
    wait_for({.read = result.kind == IoResult::Kind::kWantRead, .write = result.kind == IoResult::Kind::kWantWrite});
    return true;
  }

  void wait_for(Interest interest) {
    const int descriptor = stream_->descriptor();
    if (descriptor != watched_) {
      forget();
      if (descriptor >= 0 && loop_->watch(descriptor, 1, interest)) watched_ = descriptor;
    } else if (descriptor >= 0) {
      loop_->change(descriptor, 1, interest);
    }
    loop_->wait(until_);
  }

  void forget() {
    if (watched_ >= 0) loop_->forget(watched_);
    watched_ = -1;
  }

  std::shared_ptr<Clock> clock_;
  std::unique_ptr<Loop> loop_;
  TimePoint until_;
  std::string refused_;
  std::unique_ptr<Dialer> dialer_;
  std::unique_ptr<Stream> stream_;
  int watched_ = -1;
  Decoder decoder_{DecoderLimits{}};
};

}  // namespace envoyou::wire
