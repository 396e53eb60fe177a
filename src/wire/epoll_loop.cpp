// The loop over epoll(7): level-triggered, so what a reader leaves is announced again.
#include "wire/loop.hpp"
#include "wire/socket.hpp"
#include "wire/wait_time.hpp"
#include "wire/wake_up.hpp"

#ifdef __linux__

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <utility>

namespace envoyou::wire {

namespace {

std::uint32_t to_epoll(Interest interest) noexcept {
  std::uint32_t events = 0;
  if (interest.read) events |= EPOLLIN | EPOLLRDHUP;
  if (interest.write) events |= EPOLLOUT;
  return events;
}

Event to_event(const epoll_event& event) noexcept {
  Event out;
  out.token = event.data.u64;
  out.readable = (event.events & (EPOLLIN | EPOLLRDHUP)) != 0;
  out.writable = (event.events & EPOLLOUT) != 0;
  out.failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
  return out;
}

class EpollLoop final : public Loop {
 public:
  EpollLoop(std::shared_ptr<Clock> clock, OwnedDescriptor epoll, std::unique_ptr<WakeUp> wake_up)
      : clock_(std::move(clock)), epoll_(std::move(epoll)), wake_up_(std::move(wake_up)) {}

  Result<void> watch(int descriptor, std::uint64_t token, Interest interest) override {
    if (control(EPOLL_CTL_ADD, descriptor, token, interest)) return {};
    return system_error(Errc::kUnavailable, "epoll_ctl", errno);
  }
  void change(int descriptor, std::uint64_t token, Interest interest) override {
    control(EPOLL_CTL_MOD, descriptor, token, interest);
  }
  void forget(int descriptor) override { control(EPOLL_CTL_DEL, descriptor, 0, {}); }

  std::span<const Event> wait(TimePoint until) override {
    const int count = wait_for_some(time_to_wait(clock_->now(), until));
    std::size_t kept = 0;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = raw_[static_cast<std::size_t>(i)];
      if (event.data.u64 == kReservedToken) {
        wake_up_->drain();
      } else {
        events_[kept++] = to_event(event);
      }
    }
    return {events_.data(), kept};
  }

  void wake() noexcept override { wake_up_->signal(); }

 private:
  static constexpr int kMaxRaw = static_cast<int>(kMaxEvents);

  bool control(int operation, int descriptor, std::uint64_t token, Interest interest) noexcept {
    epoll_event event{};
    event.events = to_epoll(interest);
    event.data.u64 = token;
    return epoll_ctl(epoll_.get(), operation, descriptor, &event) == 0;
  }

  int wait_for_some(std::chrono::nanoseconds time) noexcept {
#if defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 35)
    if (has_pwait2_) {  // to the nanosecond; Linux 5.11
      const timespec limit = to_timespec(time);
      const int count = epoll_pwait2(epoll_.get(), raw_.data(), kMaxRaw, &limit, nullptr);
      if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
      has_pwait2_ = false;
    }
#endif
#endif
    return epoll_wait(epoll_.get(), raw_.data(), kMaxRaw, to_milliseconds_rounded_up(time));
  }

  std::shared_ptr<Clock> clock_;
  OwnedDescriptor epoll_;
  std::unique_ptr<WakeUp> wake_up_;
  [[maybe_unused]] bool has_pwait2_ = true;
  std::array<epoll_event, kMaxEvents> raw_{};
  std::array<Event, kMaxEvents> events_{};
};

// A kernel that is not quite Linux, or a filter of system calls.
bool lacks_epoll(int code) { return code == ENOSYS || code == EPERM; }

}  // namespace

Result<std::unique_ptr<Loop>> make_epoll_loop(std::shared_ptr<Clock> clock) {
  OwnedDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return system_error(lacks_epoll(errno) ? Errc::kUnsupported : Errc::kUnavailable, "epoll_create1", errno);
  auto wake_up = WakeUp::by_eventfd();
  if (!wake_up) return wake_up.error();
  const int wake_descriptor = (*wake_up)->descriptor();
  std::unique_ptr<Loop> loop =
      std::make_unique<EpollLoop>(std::move(clock), std::move(epoll), std::move(wake_up).value());
  const auto watched = loop->watch(wake_descriptor, Loop::kReservedToken, {.read = true});
  if (!watched) return watched.error();
  return loop;
}

}  // namespace envoyou::wire

#else

namespace envoyou::wire {

Result<std::unique_ptr<Loop>> make_epoll_loop(std::shared_ptr<Clock> /*clock*/) {
  return Error(Errc::kUnsupported, "epoll: only on Linux");
}

}  // namespace envoyou::wire

#endif
