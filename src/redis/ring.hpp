// A queue in one piece of memory that grows by doubling and is reused for ever: std::deque would allocate and free a
// chunk for every few commands.
//
// Does not shrink; who bounds what is pushed bounds the memory. Thread-compatible. REQUIRES: T can be moved without
// throwing.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace envoyou::redis {

template <class T>
class Ring {
  static_assert(std::is_nothrow_move_constructible_v<T>);

 public:
  Ring() = default;
  ~Ring() {
    while (!empty()) drop_front();
    std::allocator<T>().deallocate(cells_, capacity());
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  // REQUIRES: index < size().
  T& operator[](std::size_t index) noexcept { return cells_[(first_ + index) & mask_]; }
  const T& operator[](std::size_t index) const noexcept { return cells_[(first_ + index) & mask_]; }
  T& front() noexcept { return (*this)[0]; }
  T& back() noexcept { return (*this)[size_ - 1]; }

  void push_back(T&& value) {
    if (is_full()) make_room();
    std::construct_at(&(*this)[size_], std::move(value));
    ++size_;
  }
  void push_front(T&& value) {
    if (is_full()) make_room();
    first_ = (first_ - 1) & mask_;
    std::construct_at(&front(), std::move(value));
    ++size_;
  }
  // REQUIRES: !empty().
  T pop_front() {
    T value = std::move(front());
    drop_front();
    return value;
  }
  // REQUIRES: !empty().
  void drop_front() noexcept {
    std::destroy_at(&front());
    first_ = (first_ + 1) & mask_;
    --size_;
  }

 private:
  static constexpr std::size_t kFirstCapacity = 16;

  std::size_t capacity() const noexcept { return cells_ != nullptr ? mask_ + 1 : 0; }
  bool is_full() const noexcept { return size_ == capacity(); }

  void make_room() {
    const std::size_t capacity = this->capacity();
    const std::size_t wanted = capacity == 0 ? kFirstCapacity : 2 * capacity;
    T* const cells = std::allocator<T>().allocate(wanted);
    for (std::size_t i = 0; i < size_; ++i) {
      std::construct_at(cells + i, std::move((*this)[i]));
      std::destroy_at(&(*this)[i]);
    }
    std::allocator<T>().deallocate(cells_, capacity);
    cells_ = cells;
    mask_ = wanted - 1;
    first_ = 0;
  }

  T* cells_ = nullptr;  // of which the first `size_` from `first_` on, around the end, are made
  std::size_t mask_ = 0;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace envoyou::redis
