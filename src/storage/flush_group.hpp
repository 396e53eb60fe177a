// Group commit: those who want their writes on the disk at the same time wait for one fdatasync(2) together.
//
//   wrote()   wrote()        wrote()
//   flush() --------+ leader: fdatasync .......... done
//             flush() waits ...........................  leader: fdatasync ... done
//                      flush() waits ..................  shares it ........... done
//
// A flush that begins while another is under way must wait for the next: its own write may have come too late for that
// one.
//
// Thread-safe.
#pragma once

#include <envoyou/result.hpp>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

namespace envoyou::storage {

class FlushGroup {
 public:
  FlushGroup() = default;
  ~FlushGroup();
  FlushGroup(const FlushGroup&) = delete;
  FlushGroup& operator=(const FlushGroup&) = delete;

  // Before anything else. The file must be there. Errors: kStorage.
  Result<void> open(const std::string& path);

  // Something was written to the file.
  void wrote();
  // Waits until all that was written before this call is on the disk. Errors: kStorage.
  Result<void> flush();

 private:
  Result<void> lead(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable done_;
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t written_ = 0;
  std::uint64_t flushed_ = 0;
  bool busy_ = false;
};

}  // namespace envoyou::storage
