// The loop over poll(2), for systems without epoll(7) and as a second opinion on the first in tests.
#include "wire/loop.hpp"
#include "wire/socket.hpp"
#include "wire/wait_time.hpp"
#include "wire/wake_up.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

namespace envoyou::wire {

namespace {

short to_poll(Interest interest) noexcept {
  int events = 0;
  if (interest.read) events |= POLLIN;
  if (interest.write) events |= POLLOUT;
  return static_cast<short>(events);
}

class PollLoop final : public Loop {
 public:
  PollLoop(std::shared_ptr<Clock> clock, std::unique_ptr<WakeUp> wake_up)
      : clock_(std::move(clock)), wake_up_(std::move(wake_up)) {
    add(wake_up_->descriptor(), kReservedToken, {.read = true});
  }

  Result<void> watch(int descriptor, std::uint64_t token, Interest interest) override {
    if (find(descriptor) != watched_.size()) {
      return Error(Errc::kInternal, "poll: descriptor is watched already");
    }
    add(descriptor, token, interest);
    return {};
  }

  void change(int descriptor, std::uint64_t token, Interest interest) override {
    const std::size_t index = find(descriptor);
    if (index == watched_.size()) return;
    watched_[index].events = to_poll(interest);
    tokens_[index] = token;
  }

  void forget(int descriptor) override {
    const std::size_t index = find(descriptor);
    if (index == watched_.size()) return;
    const auto offset = static_cast<std::ptrdiff_t>(index);
    watched_.erase(watched_.begin() + offset);
    tokens_.erase(tokens_.begin() + offset);
  }

  std::span<const Event> wait(TimePoint until) override {
    const int count = wait_for_some(time_to_wait(clock_->now(), until));
    return {events_.data(), count > 0 ? collect() : 0};
  }

  void wake() noexcept override { wake_up_->signal(); }

 private:
  void add(int descriptor, std::uint64_t token, Interest interest) {
    watched_.push_back({descriptor, to_poll(interest), 0});
    tokens_.push_back(token);
  }

  std::size_t find(int descriptor) const noexcept {
    const auto found =
        std::find_if(watched_.begin(), watched_.end(), [&](const pollfd& entry) { return entry.fd == descriptor; });
    return static_cast<std::size_t>(found - watched_.begin());
  }

  int wait_for_some(std::chrono::nanoseconds time) noexcept {
#ifdef __linux__
    const timespec limit = to_timespec(time);
    return ppoll(watched_.data(), watched_.size(), &limit, nullptr);
#else
    return poll(watched_.data(), static_cast<nfds_t>(watched_.size()), to_milliseconds_rounded_up(time));
#endif
  }

  // Begins where the last round ended, so that a full round does not starve the rest.
  std::size_t collect() noexcept {
    std::size_t kept = 0;
    const std::size_t size = watched_.size();
    const std::size_t first = next_ % size;
    for (std::size_t i = 0; i < size && kept < kMaxEvents; ++i) {
      const std::size_t index = (first + i) % size;
      next_ = index + 1;
      const int events = watched_[index].revents;
      if (events == 0) continue;
      if (tokens_[index] == kReservedToken) {
        wake_up_->drain();
        continue;
      }
      events_[kept++] = {.token = tokens_[index],
                         .readable = (events & POLLIN) != 0,
                         .writable = (events & POLLOUT) != 0,
                         .failed = (events & (POLLERR | POLLHUP | POLLNVAL)) != 0};
    }
    return kept;
  }

  std::shared_ptr<Clock> clock_;
  std::unique_ptr<WakeUp> wake_up_;
  std::vector<pollfd> watched_;  // and, at the same index:
  std::vector<std::uint64_t> tokens_;
  std::size_t next_ = 0;
  std::array<Event, kMaxEvents> events_{};
};

}  // namespace

Result<std::unique_ptr<Loop>> make_poll_loop(std::shared_ptr<Clock> clock) {
  auto wake_up = WakeUp::by_pipe();
  if (!wake_up) return wake_up.error();
  return std::unique_ptr<Loop>(std::make_unique<PollLoop>(std::move(clock), std::move(wake_up).value()));
}

}  // namespace envoyou::wire
