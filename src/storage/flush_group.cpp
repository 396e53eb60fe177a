#include "storage/flush_group.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace envoyou::storage {
namespace {

Error system_failure(const std::string& path, std::string_view doing) {
  return Error(Errc::kStorage,
               "database file '" + path + "': " + std::string(doing) + ": " + std::generic_category().message(errno));
}

}  // namespace

FlushGroup::~FlushGroup() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> FlushGroup::open(const std::string& path) {
  path_ = path;
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) return system_failure(path_, "can not be opened");
  return {};
}

void FlushGroup::wrote() {
  const std::lock_guard lock(mutex_);
  ++written_;
}

Result<void> FlushGroup::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = written_;
  while (flushed_ < wanted) {
    if (busy_) {
      done_.wait(lock);
    } else if (auto led = lead(lock); !led) {
      return led;
    }
  }
  return {};
}

Result<void> FlushGroup::lead(std::unique_lock<std::mutex>& lock) {
  busy_ = true;
  const std::uint64_t covers = written_;
  lock.unlock();
  Result<void> synced;
  if (::fdatasync(descriptor_) != 0) synced = system_failure(path_, "can not be written to the disk");
  lock.lock();
  busy_ = false;
  if (synced) flushed_ = covers;
  done_.notify_all();
  return synced;
}

}  // namespace envoyou::storage
