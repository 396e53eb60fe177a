#include "limiter/policies/small_file.hpp"

#include "base/bytes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace envoyou::limiter::policies {

namespace {

class File {
 public:
  // Not blocking, which matters where the path is that of a pipe without a writer.
  explicit File(const std::string& path) noexcept : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

Error failed(const std::string& path, int error) {
  return invalid_argument(base::printable(path), "cannot be read: " + std::generic_category().message(error));
}

bool is_regular(int fd) noexcept {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

Result<std::string> read_small_file(const std::string& path, std::size_t max_bytes) {
  if (path.find('\0') != std::string::npos) return invalid_argument(base::printable(path), "holds a NUL byte");
  const File file(path);
  if (file.fd() < 0) return failed(path, errno);
  if (!is_regular(file.fd())) return invalid_argument(base::printable(path), "is no regular file");
  std::string text;
  std::array<char, 16384> chunk;
  while (text.size() <= max_bytes) {
    const ssize_t got = ::read(file.fd(), chunk.data(), chunk.size());
    if (got == 0) return text;
    if (got < 0 && errno != EINTR) return failed(path, errno);
    if (got > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return Error(Errc::kTooLarge, base::printable(path) + ": more than " + std::to_string(max_bytes) + " bytes");
}

}  // namespace envoyou::limiter::policies
