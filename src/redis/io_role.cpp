#include "redis/io_role.hpp"

namespace envoyou::redis {

void IoRole::take() {
  if (!mutex_.try_lock()) {
    wanted_.store(true, std::memory_order_relaxed);
    recall_->signal();
    mutex_.lock();
    recall_->drain();
    wanted_.store(false, std::memory_order_relaxed);
  }
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
}

void IoRole::give() noexcept {
  owner_.store(std::thread::id(), std::memory_order_relaxed);
  mutex_.unlock();
}

// The first look spares the lock who could not have it; the second, with the lock, decides.
bool IoRole::try_borrow() noexcept {
  if (!offered_.load(std::memory_order_relaxed) || wanted_.load(std::memory_order_relaxed)) return false;
  if (!mutex_.try_lock()) return false;
  if (!offered_.load(std::memory_order_relaxed)) {
    mutex_.unlock();
    return false;
  }
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  return true;
}

}  // namespace envoyou::redis
