// A futex by hand, and not std::atomic::wait, which spins and yields before it sleeps: with more callers than cores
// each yield is a switch to another caller that has nothing to do yet.
#include "redis/sleepers.hpp"

#include <envoyou/redis/completion.hpp>

#include <utility>

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#endif

namespace envoyou::redis {

namespace {

constexpr std::uint32_t kAll = ~std::uint32_t{0};

#ifdef __linux__

// `groups`: a bit for each that is meant.
void sleep_while(std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint32_t groups = kAll) noexcept {
  static_assert(sizeof word == sizeof value);
  const int saved = errno;
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, value, nullptr, nullptr, groups);
  errno = saved;
}

// Whoever slept there may have seen the count and gone: then the kernel finds nobody at this address, or a stranger,
// who looks again at what he waits for and sleeps on.
void wake_all(std::atomic<std::uint32_t>* word, std::uint32_t groups = kAll) noexcept {
  const int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, nullptr, nullptr, groups);
  errno = saved;
}

#else

void sleep_while(std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint32_t = kAll) noexcept {
  word.wait(value);
}
void wake_all(std::atomic<std::uint32_t>* word, std::uint32_t = kAll) noexcept { word->notify_all(); }

#endif

// Stacks of threads lie a few MiB and a page apart, so that neighbours are in different groups.
std::uint32_t group_of(const void* on_stack) noexcept {
  constexpr unsigned kPageBits = 12;
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(on_stack) >> kPageBits) % Sleepers::kGroups;
}

}  // namespace

void Sleepers::sleep(std::uint32_t round, std::uint32_t group) noexcept { sleep_while(round_, round, 1u << group); }

void Sleepers::note(std::uint32_t group) noexcept {
  noted_ |= 1u << group;
  if (!gathering_) wake_noted();
}

void Sleepers::wake_noted() noexcept {
  round_.fetch_add(1, std::memory_order_release);
  wake_all(&round_, std::exchange(noted_, 0));
}

// The mark is cleared by nobody until all have arrived.
void WaitState::sleep() noexcept {
  const std::uint32_t mark = kSleeps | group_of(this) << kGroupShift;
  std::uint32_t seen = left_.fetch_or(mark, std::memory_order_acquire) | mark;
  while ((seen & kCount) != 0) {
    if (sleepers_ == nullptr) {
      sleep_while(left_, seen);
    } else {
      const std::uint32_t round = sleepers_->round();
      if ((left_.load(std::memory_order_acquire) & kCount) != 0) sleepers_->sleep(round, group_of(this));
    }
    seen = left_.load(std::memory_order_acquire);
  }
  left_.store(0, std::memory_order_relaxed);
}

void WaitState::wake(std::atomic<std::uint32_t>* left, Sleepers* sleepers, std::uint32_t group) noexcept {
  if (sleepers == nullptr) return wake_all(left);
  sleepers->note(group);
}

}  // namespace envoyou::redis
