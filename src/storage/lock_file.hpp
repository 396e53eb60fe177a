// Keeps a second process, and a second user in this one, off a file: an flock(2) on "<path>.lock", which the kernel
// gives up when the process ends in whatever way. It is a file of its own because closing any descriptor of the
// database itself would take away SQLite's locks on it.
//
// Thread-compatible. A forked child shares the lock until it has closed it too, or has called exec.
#pragma once

#include <envoyou/result.hpp>

#include <memory>
#include <string>

namespace envoyou::storage {

class LockFile {
 public:
  // Does not wait. Errors: kStorage.
  static Result<std::unique_ptr<LockFile>> acquire(const std::string& path);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  explicit LockFile(int descriptor) noexcept : descriptor_(descriptor) {}
  int descriptor_;
};

// Makes an empty file of mode 0600 if there is none; takes rights of others away if there is one. Errors: kStorage.
Result<void> make_private_file(const std::string& path);

}  // namespace envoyou::storage
