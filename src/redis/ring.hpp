// A queue in one piece of memory that grows by doubling and is reused for ever: std::deque would allocate and free a
// chunk for every few commands.
//
// Does not shrink; who bounds what is pushed bounds the memory. Thread-compatible. REQUIRES: T can be made empty and
// moved.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace envoyou::redis {

template <class T>
class Ring {
 public:
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  // REQUIRES: index < size().
  T& operator[](std::size_t index) noexcept { return cells_[(first_ + index) & mask_]; }
  const T& operator[](std::size_t index) const noexcept { return cells_[(first_ + index) & mask_]; }
  T& front() noexcept { return (*this)[0]; }
  T& back() noexcept { return (*this)[size_ - 1]; }

  void push_back(T&& value) {
    if (is_full()) make_room();
    ++size_;
    back() = std::move(value);
  }
  void push_front(T&& value) {
    if (is_full()) make_room();
    first_ = (first_ - 1) & mask_;
    ++size_;
    front() = std::move(value);
  }
  // REQUIRES: !empty().
  T pop_front() {
    T value = std::move(front());
    drop_front();
    return value;
  }
  // What lies at the front stays as it is until the cell is used again: who drops a value has emptied it.
  // REQUIRES: !empty().
  void drop_front() noexcept {
    first_ = (first_ + 1) & mask_;
    --size_;
  }

 private:
  static constexpr std::size_t kFirstCapacity = 16;

  std::size_t capacity() const noexcept { return cells_ ? mask_ + 1 : 0; }
  bool is_full() const noexcept { return size_ == capacity(); }

  void make_room() {
    const std::size_t capacity = this->capacity();
    const std::size_t wanted = capacity == 0 ? kFirstCapacity : 2 * capacity;
    auto cells = std::make_unique<T[]>(wanted);
    for (std::size_t i = 0; i < size_; ++i) cells[i] = std::move((*this)[i]);
    cells_ = std::move(cells);
    mask_ = wanted - 1;
    first_ = 0;
  }

  std::unique_ptr<T[]> cells_;
  std::size_t mask_ = 0;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace envoyou::redis
