// A child process that does not outlive the test.
//
// The child gets SIGKILL when its Process is destroyed, and from the kernel when the *thread that spawned it* ends,
// however that happens: so spawn from a thread that lives as long as the child is wanted (a test's main thread).
//
// Does not: run a shell; feed stdin (it is /dev/null). A program that cannot be run, or a pipe or file that cannot be
// had, throws std::runtime_error. The child starts with no signal blocked and SIGPIPE at its default.
// Thread rule: `pid`, `signal` from any thread; all else from one at a time.
#pragma once

#include "testing/sockets.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace envoyou::testing {

struct SpawnOptions {
  std::vector<std::string> argv{};   // argv[0]: a path, or a name looked up in PATH
  std::vector<std::string> env{};    // "NAME=value", over the inherited environment
  std::vector<std::string> unset{};  // names taken out of the inherited environment
  bool inherit_environment = true;
  std::filesystem::path output_file{};        // stdout and stderr are appended here
  bool pipe_output = false;                   // stdout and stderr go to read_output() instead
  std::filesystem::path working_directory{};  // empty: the test's own
};

class Process {
 public:
  Process() = default;
  // Returns when the program runs.
  static Process spawn(const SpawnOptions& options);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // 0 after the child was waited for, and for a default-made Process.
  pid_t pid() const noexcept { return pid_; }
  bool running();
  void signal(int number) const noexcept;

  // The exit code, or 128 + the signal that ended it; nothing while it runs on after `timeout`.
  std::optional<int> wait(std::chrono::milliseconds timeout);
  // SIGKILL, and waits until the kernel has buried it: its ports and locks are free then.
  void kill9() noexcept;

  // With pipe_output: everything up to the end of output, or what came in `timeout`.
  std::string read_output(std::chrono::milliseconds timeout);

 private:
  pid_t pid_ = 0;
  std::optional<int> status_;
  Fd output_;
};

}  // namespace envoyou::testing
