#include "storage/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace envoyou::storage {
namespace {

constexpr mode_t kPrivate = S_IRUSR | S_IWUSR;

Error system_failure(const std::string& path, std::string_view doing, int code) {
  return Error(Errc::kStorage,
               "database file '" + path + "': " + std::string(doing) + ": " + std::generic_category().message(code));
}

// The mode is given at creation: there is no moment at which others could open the file.
int open_private(const std::string& path) noexcept {
  return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, kPrivate);
}

Result<void> take_rights_of_others(int descriptor, const std::string& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return system_failure(path, "can not be examined", errno);
  if (!S_ISREG(status.st_mode)) return Error(Errc::kStorage, "database file '" + path + "': is not a regular file");
  const bool is_private = (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  if (!is_private && ::fchmod(descriptor, kPrivate) != 0)
    return system_failure(path, "is open to others, and its mode can not be changed", errno);
  return {};
}

}  // namespace

Result<std::unique_ptr<LockFile>> LockFile::acquire(const std::string& path) {
  const std::string lock_path = path + ".lock";
  const int descriptor = open_private(lock_path);
  if (descriptor < 0) return system_failure(lock_path, "can not be opened", errno);
  std::unique_ptr<LockFile> lock(new LockFile(descriptor));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return system_failure(lock_path, "can not be locked", errno);
  return Error(Errc::kStorage, "database file '" + path + "': is in use by another server (" + lock_path +
                                   " is locked); give each server a file of its own");
}

LockFile::~LockFile() { ::close(descriptor_); }

Result<void> make_private_file(const std::string& path) {
  const int descriptor = open_private(path);
  if (descriptor < 0) return system_failure(path, "can not be opened", errno);
  Result<void> made = take_rights_of_others(descriptor, path);
  ::close(descriptor);
  return made;
}

}  // namespace envoyou::storage
