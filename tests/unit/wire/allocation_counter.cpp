#include "allocation_counter.hpp"

#include <cstdlib>
#include <new>

namespace {

thread_local envoyou::testing::Allocations so_far;

void* counted(std::size_t size) noexcept {
  ++so_far.count;
  so_far.bytes += size;
  return std::malloc(size);
}

}  // namespace

envoyou::testing::Allocations envoyou::testing::allocations() noexcept { return so_far; }

void* operator new(std::size_t size) {
  void* const made = counted(size);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
