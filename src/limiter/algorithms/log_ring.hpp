// The storage of one sliding log in process: admissions in the order of their times, in a ring that grows by doubling.
//
// An admission is kept as the running total after it, so that the cost of any stretch is one subtraction. Confined to
// one thread.
#pragma once

#include "limiter/algorithms/meter.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace envoyou::limiter {

struct Admission {
  Ms at = 0;
  std::int64_t total = 0;  // of all admissions up to and with this one
};

class LogRing {
 public:
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t capacity_bytes() const noexcept { return capacity_ * sizeof(Admission); }

  // REQUIRES: index < size(). 0 is the oldest.
  Admission& operator[](std::size_t index) noexcept { return entries_[(head_ + index) & (capacity_ - 1)]; }
  const Admission& operator[](std::size_t index) const noexcept { return entries_[(head_ + index) & (capacity_ - 1)]; }
  Admission& back() noexcept { return (*this)[size_ - 1]; }
  const Admission& back() const noexcept { return (*this)[size_ - 1]; }

  void push_back(Admission admission) {
    if (size_ == capacity_) grow();
    ++size_;
    back() = admission;
  }
  // REQUIRES: count <= size()
  void drop_front(std::size_t count) noexcept {
    head_ = static_cast<std::uint32_t>((head_ + count) & (capacity_ - 1));
    size_ -= static_cast<std::uint32_t>(count);
  }
  // REQUIRES: count <= size()
  void drop_back(std::size_t count) noexcept { size_ -= static_cast<std::uint32_t>(count); }
  void clear() noexcept { size_ = 0; }

 private:
  static constexpr std::uint32_t kFirstCapacity = 4;

  void grow() {
    const std::uint32_t wider = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
    auto entries = std::make_unique<Admission[]>(wider);
    for (std::size_t i = 0; i < size_; ++i) entries[i] = (*this)[i];
    entries_ = std::move(entries);
    capacity_ = wider;
    head_ = 0;
  }

  std::unique_ptr<Admission[]> entries_;
  std::uint32_t capacity_ = 0;  // zero or a power of two
  std::uint32_t head_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace envoyou::limiter
