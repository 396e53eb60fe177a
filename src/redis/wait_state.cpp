// A futex by hand, and not std::atomic::wait, which spins and yields before it sleeps: with more callers than cores
// each yield is a switch to another caller that has nothing to do yet.
#include <envoyou/redis/completion.hpp>

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace envoyou::redis {

namespace {

#ifdef __linux__

void sleep_while(std::atomic<std::uint32_t>& word, std::uint32_t value) noexcept {
  static_assert(sizeof word == sizeof value);
  const int saved = errno;
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
  errno = saved;
}

// Whoever slept there may have seen the count and gone: then the kernel finds nobody at this address, or a stranger,
// who looks again at what he waits for and sleeps on.
void wake_one(std::atomic<std::uint32_t>* word) noexcept {
  const int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  errno = saved;
}

#else

void sleep_while(std::atomic<std::uint32_t>& word, std::uint32_t value) noexcept { word.wait(value); }
void wake_one(std::atomic<std::uint32_t>* word) noexcept { word->notify_one(); }

#endif

}  // namespace

// The bit is cleared by nobody: with it alone all have arrived.
void WaitState::sleep() noexcept {
  std::uint32_t seen = left_.fetch_or(kSleeps, std::memory_order_acquire) | kSleeps;
  for (; seen != kSleeps; seen = left_.load(std::memory_order_acquire)) sleep_while(left_, seen);
  left_.store(0, std::memory_order_relaxed);
}

void WaitState::wake(std::atomic<std::uint32_t>* left) noexcept { wake_one(left); }

}  // namespace envoyou::redis
