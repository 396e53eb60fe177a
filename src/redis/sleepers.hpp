// The blocking callers of one client, who sleep in one place, so that those whose answers came together are woken
// together: one system call instead of one a caller, and on another processor one interruption instead of one a caller.
// (64 threads on 2 processors: a quarter less processor time an operation.)
//
//   caller                                    the I/O role
//   round = r                                 counts his answer down (WaitState)
//   is the answer there? then go on           notes his group
//   sleep, unless the round is over     <---  ends the round; wakes the groups that were noted
//
// A caller that saw no answer saw the round before it, so he either does not fall asleep or is woken. There are as many
// groups as a futex tells apart (futex(2), FUTEX_WAIT_BITSET); who shares one with somebody else is woken with him,
// looks, and sleeps on.
//
// Whoever is noted waits until the rest of what was read is decoded. So nothing that may run a stranger's code, which
// might wait for one of the noted, is called before they are woken: `Gathering`, and who uses it.
//
// Thread rule: `round` and `sleep` are anyone's, the rest the I/O role's.
#pragma once

#include <atomic>
#include <cstdint>

namespace envoyou::redis {

class Sleepers {
 public:
  static constexpr std::uint32_t kGroups = 32;

  Sleepers() = default;
  Sleepers(const Sleepers&) = delete;
  Sleepers& operator=(const Sleepers&) = delete;

  std::uint32_t round() const noexcept { return round_.load(std::memory_order_acquire); }
  // Until `round` is over and `group` was noted; it may return earlier. REQUIRES: group < kGroups.
  void sleep(std::uint32_t round, std::uint32_t group) noexcept;

  // Wakes at once, or at the end of the gathering.
  void note(std::uint32_t group) noexcept;
  void wake_noted() noexcept;

  // While it is there, who is noted sleeps on.
  class Gathering {
   public:
    // May be null: then it does nothing.
    explicit Gathering(Sleepers* sleepers) noexcept : sleepers_(sleepers) {
      if (sleepers_ != nullptr) sleepers_->gathering_ = true;
    }
    ~Gathering() {
      if (sleepers_ == nullptr) return;
      sleepers_->gathering_ = false;
      wake();
    }
    Gathering(const Gathering&) = delete;
    Gathering& operator=(const Gathering&) = delete;
    bool has_noted() const noexcept { return sleepers_ != nullptr && sleepers_->noted_ != 0; }
    // Those who were noted so far.
    void wake() noexcept {
      if (has_noted()) sleepers_->wake_noted();
    }

   private:
    Sleepers* const sleepers_;
  };

 private:
  std::atomic<std::uint32_t> round_{0};
  std::uint32_t noted_ = 0;  // a bit a group
  bool gathering_ = false;
};

}  // namespace envoyou::redis
