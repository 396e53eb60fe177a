#include "wire/wake_up.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#ifdef __linux__
#include <sys/eventfd.h>
#endif

namespace envoyou::wire {

Result<std::unique_ptr<WakeUp>> WakeUp::by_eventfd() {
#ifdef __linux__
  std::unique_ptr<WakeUp> made(new WakeUp);
  made->read_end_ = OwnedDescriptor(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!made->read_end_) return system_error(Errc::kUnavailable, "eventfd", errno);
  return made;
#else
  return Error(Errc::kUnsupported, "eventfd: only on Linux");
#endif
}

Result<std::unique_ptr<WakeUp>> WakeUp::by_pipe() {
  std::unique_ptr<WakeUp> made(new WakeUp);
  int ends[2];
  if (pipe(ends) != 0) return system_error(Errc::kUnavailable, "pipe", errno);
  made->read_end_ = OwnedDescriptor(ends[0]);
  made->write_end_ = OwnedDescriptor(ends[1]);
  if (!set_nonblocking_cloexec(ends[0]) || !set_nonblocking_cloexec(ends[1])) {
    return system_error(Errc::kUnavailable, "fcntl of a pipe", errno);
  }
  return made;
}

Result<std::unique_ptr<WakeUp>> WakeUp::make() {
  auto made = by_eventfd();
  if (!made && made.error().code() == Errc::kUnsupported) made = by_pipe();
  return made;
}

// Eight bytes serve both kinds: an eventfd takes no fewer. A full pipe has woken the reader already.
void WakeUp::signal() noexcept {
  if (signalled_.exchange(true, std::memory_order_acq_rel)) return;
  const int saved = errno;
  const std::uint64_t one = 1;
  const int descriptor = write_end_ ? write_end_.get() : read_end_.get();
  while (::write(descriptor, &one, sizeof one) < 0 && errno == EINTR) {
  }
  errno = saved;
}

// First the bytes, then the flag: a signal between the two finds the flag set and writes nothing, and what it left is
// seen by the loop, which looks after this returns. The exchange, and not a store, makes it visible.
void WakeUp::drain() noexcept {
  std::uint64_t content[8];
  while (::read(read_end_.get(), content, sizeof content) < 0 && errno == EINTR) {
  }
  signalled_.exchange(false, std::memory_order_acq_rel);
}

}  // namespace envoyou::wire
