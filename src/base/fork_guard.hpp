// Notices that the process is a fork of the one that made this object, without a system call and without a global: one
// page that the kernel hands to a child as zeros (madvise(2), MADV_WIPEONFORK, Linux 4.14).
//
// Thread-safe.
#pragma once

namespace envoyou::base {

class ForkGuard {
 public:
  ForkGuard() noexcept;
  ~ForkGuard();
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

  bool forked() const noexcept;

 private:
  volatile unsigned char* page_ = nullptr;  // null where the kernel can not do it: compares process ids instead
  int pid_ = 0;
};

}  // namespace envoyou::base
