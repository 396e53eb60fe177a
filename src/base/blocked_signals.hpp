// Signals belong to the host's threads: a thread that is made under this takes none, since it inherits the mask of the
// one that makes it. Restored at the end of the scope.
#pragma once

#include <signal.h>

namespace envoyou::base {

class BlockedSignals {
 public:
  BlockedSignals() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace envoyou::base
