// What all callers' commands may hold together: a number not yet sent, and bytes. Taken by callers at submit, under
// the inbox' lock; given back by the I/O role, which adds up what it gives in plain numbers and publishes them once a
// step, so that a command costs no contended atomic of its own.
//
//   unsent  from submit until the command is encoded (again while it waits to be repeated)
//   bytes   from submit until the words are not needed any more: answered, given up, or sent and not to be repeated
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace envoyou::redis {

class Quota {
 public:
  Quota(std::size_t max_unsent, std::size_t max_bytes) : max_unsent_(max_unsent), max_bytes_(max_bytes) {}

  // REQUIRES: one caller at a time.
  bool take(std::size_t commands, std::size_t bytes) noexcept {
    if (unsent() + commands > max_unsent_ || this->bytes() + bytes > max_bytes_) return false;
    taken_unsent_.store(taken_unsent_.load(std::memory_order_relaxed) + commands, std::memory_order_relaxed);
    taken_bytes_.store(taken_bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
    return true;
  }

  // Any thread; as of the last publish().
  std::size_t unsent() const noexcept { return difference(taken_unsent_, given_unsent_); }
  std::size_t bytes() const noexcept { return difference(taken_bytes_, given_bytes_); }

  // The I/O role.
  void give_unsent() noexcept { ++giving_unsent_; }
  void take_unsent_again() noexcept { --giving_unsent_; }
  // As `take`, for what is submitted within a turn: callers see it when it is published.
  bool take_in_turn(std::size_t commands, std::size_t bytes) noexcept {
    if (left(taken_unsent_, giving_unsent_) + commands > max_unsent_) return false;
    if (left(taken_bytes_, giving_bytes_) + bytes > max_bytes_) return false;
    giving_unsent_ -= commands;
    giving_bytes_ -= bytes;
    return true;
  }
  void give_bytes(std::size_t bytes) noexcept { giving_bytes_ += bytes; }
  void publish() noexcept {
    given_unsent_.store(giving_unsent_, std::memory_order_relaxed);
    given_bytes_.store(giving_bytes_, std::memory_order_relaxed);
  }

 private:
  using Atomic = std::atomic<std::uint64_t>;
  // The two are read one after the other: a difference below zero means that more was given meanwhile.
  static std::size_t difference(const Atomic& taken, const Atomic& given) noexcept {
    return left(taken, given.load(std::memory_order_relaxed));
  }
  static std::size_t left(const Atomic& taken, std::uint64_t given) noexcept {
    const auto left = static_cast<std::int64_t>(taken.load(std::memory_order_relaxed) - given);
    return left > 0 ? static_cast<std::size_t>(left) : 0;
  }

  const std::size_t max_unsent_;
  const std::size_t max_bytes_;
  Atomic taken_unsent_{0};
  Atomic taken_bytes_{0};
  Atomic given_unsent_{0};
  Atomic given_bytes_{0};
  std::uint64_t giving_unsent_ = 0;
  std::uint64_t giving_bytes_ = 0;
};

// One command's share of the quota. Given back when it is destroyed at the latest. Confined to the I/O role once it
// holds something.
class Charge {
 public:
  Charge() = default;
  Charge(Quota& quota, std::size_t bytes) noexcept : quota_(&quota), bytes_(bytes) {}
  Charge(Charge&& other) noexcept
      : quota_(std::exchange(other.quota_, nullptr)), bytes_(other.bytes_), unsent_(other.unsent_) {}
  Charge& operator=(Charge&& other) noexcept {
    give_back();
    quota_ = std::exchange(other.quota_, nullptr);
    bytes_ = other.bytes_;
    unsent_ = other.unsent_;
    return *this;
  }
  ~Charge() { give_back(); }

  void sent() noexcept {
    if (quota_ == nullptr || !unsent_) return;
    quota_->give_unsent();
    unsent_ = false;
  }
  void queued_again() noexcept {
    if (quota_ == nullptr || unsent_) return;
    quota_->take_unsent_again();
    unsent_ = true;
  }
  // All of it, for good.
  void give_back() noexcept {
    if (quota_ == nullptr) return;
    sent();
    quota_->give_bytes(bytes_);
    quota_ = nullptr;
  }

 private:
  Quota* quota_ = nullptr;
  std::size_t bytes_ = 0;
  bool unsent_ = true;
};

}  // namespace envoyou::redis
