#include "session/merge_gate.hpp"

#include "base/hash.hpp"

namespace envoyou::session {

MergeGate::Pass::~Pass() {
  if (gate_ == nullptr) return;
  {
    const std::lock_guard lock(gate_->mutex);
    gate_->taken = false;
  }
  gate_->free.notify_one();
}

std::optional<MergeGate::Pass> MergeGate::enter(std::string_view name, Clock& clock, Deadline deadline) {
  Gate& gate = gates_[base::hash64(name) % kGates];
  std::unique_lock lock(gate.mutex);
  while (gate.taken) {
    if (deadline.expired(clock.now())) {
      // A wake-up that came together with the deadline is somebody else's.
      lock.unlock();
      gate.free.notify_one();
      return std::nullopt;
    }
    clock.wait_until(lock, gate.free, deadline.time());
  }
  gate.taken = true;
  return Pass(gate);
}

}  // namespace envoyou::session
