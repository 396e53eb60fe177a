// Memory for the nodes and texts of one reply: handed out by moving a pointer, given back all at once.
//
// `reset` keeps one block of at most kMaxKept bytes, so replies that fit into it never allocate. Returns null where
// there is no memory; never throws, since hiredis' C code calls it.
//
// Confined to one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace envoyou::wire {

class Arena {
 public:
  static constexpr std::size_t kFirstBlock = 8u << 10;
  static constexpr std::size_t kMaxKept = 256u << 10;

  void* allocate(std::size_t size, std::size_t alignment) noexcept {
    const std::size_t start = (used_ + alignment - 1) & ~(alignment - 1);
    if (current_ != nullptr && start <= size_ && size <= size_ - start) {
      used_ = start + size;
      return current_ + start;
    }
    return allocate_in_new_block(size);
  }

  template <class T>
  T* allocate_array(std::size_t count) noexcept {
    return static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
  }

  void reset() noexcept {
    if (blocks_.size() > 1 || size_ > kMaxKept) shrink();
    used_ = 0;
  }

 private:
  using Block = std::unique_ptr<std::byte[]>;

  // Blocks come from operator new[] and so are aligned for all that lies in them.
  void* allocate_in_new_block(std::size_t size) noexcept {
    const std::size_t room = std::max({size, 2 * std::min(size_, kMaxKept), kFirstBlock});
    Block block(new (std::nothrow) std::byte[room]);
    if (block == nullptr) return nullptr;
    try {
      blocks_.push_back(std::move(block));
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
    current_ = blocks_.back().get();
    size_ = room;
    used_ = size;
    return current_;
  }

  // The newest block is the largest but for those made for one large text.
  void shrink() noexcept {
    if (size_ <= kMaxKept) {
      std::swap(blocks_.front(), blocks_.back());
      blocks_.resize(1);
      return;
    }
    blocks_.clear();
    current_ = nullptr;
    size_ = 0;
  }

  std::vector<Block> blocks_;
  std::byte* current_ = nullptr;
  std::size_t size_ = 0;
  std::size_t used_ = 0;
};

}  // namespace envoyou::wire
