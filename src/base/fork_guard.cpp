#include "base/fork_guard.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>

namespace envoyou::base {
namespace {

// The kernel's unit: any length within one page costs a page.
constexpr std::size_t kGuardBytes = 1;

}  // namespace

ForkGuard::ForkGuard() noexcept : pid_(::getpid()) {
  void* page = ::mmap(nullptr, kGuardBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return;
  const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (::madvise(page, page_bytes, MADV_WIPEONFORK) != 0) {
    ::munmap(page, kGuardBytes);
    return;
  }
  page_ = static_cast<volatile unsigned char*>(page);
  *page_ = 1;
}

ForkGuard::~ForkGuard() {
  if (page_ != nullptr) ::munmap(const_cast<unsigned char*>(page_), kGuardBytes);
}

bool ForkGuard::forked() const noexcept { return page_ != nullptr ? *page_ == 0 : ::getpid() != pid_; }

}  // namespace envoyou::base
