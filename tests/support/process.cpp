#include "support/process.hpp"

#include "support/wait_for.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>

namespace envoyou::testing {
namespace {

constexpr int kExecFailed = 127;

std::string_view name_of(std::string_view assignment) { return assignment.substr(0, assignment.find('=')); }

bool is_replaced(const SpawnOptions& options, std::string_view name) {
  for (const auto& entry : options.env) {
    if (name_of(entry) == name) return true;
  }
  for (const auto& entry : options.unset) {
    if (entry == name) return true;
  }
  return false;
}

std::vector<std::string> environment_for(const SpawnOptions& options) {
  std::vector<std::string> result;
  if (options.inherit_environment) {
    for (char** entry = environ; *entry != nullptr; ++entry) {
      if (!is_replaced(options, name_of(*entry))) result.emplace_back(*entry);
    }
  }
  result.insert(result.end(), options.env.begin(), options.env.end());
  return result;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (auto& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

// All that the child needs, made before fork(): between fork and exec a child of a process with threads may neither
// allocate nor take a lock.
struct ChildPlan {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::string directory;
  int output = -1;
  int report = -1;  // where errno goes if the program cannot be run; closes by itself if it can
  pid_t parent = 0;
};

[[noreturn]] void become(const ChildPlan& plan) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) ::_exit(kExecFailed);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int input = ::open("/dev/null", O_RDONLY);
  ::dup2(input, STDIN_FILENO);
  ::dup2(plan.output, STDOUT_FILENO);
  ::dup2(plan.output, STDERR_FILENO);
  if (!plan.directory.empty() && ::chdir(plan.directory.c_str()) != 0) ::_exit(kExecFailed);
  ::execvpe(plan.argv[0], plan.argv.data(), plan.envp.data());
  const int reason = errno;
  [[maybe_unused]] const ssize_t written = ::write(plan.report, &reason, sizeof(reason));
  ::_exit(kExecFailed);
}

// Until the child has either become its program or said why not: from then on it dies with us.
void wait_for_exec(const Fd& report, const std::string& program) {
  int reason = 0;
  ssize_t got = 0;
  do {
    got = ::read(report.get(), &reason, sizeof(reason));
  } while (got < 0 && errno == EINTR);
  if (got > 0) throw std::runtime_error("cannot run " + program + ": " + std::strerror(reason));
}

Fd open_output(const SpawnOptions& options) {
  const std::string path = options.output_file.empty() ? "/dev/null" : options.output_file.string();
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) throw std::runtime_error("cannot write to " + path + ": " + std::strerror(errno));
  return file;
}

std::pair<Fd, Fd> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe: " + std::string(std::strerror(errno)));
  return {Fd(ends[0]), Fd(ends[1])};
}

int to_exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

Process Process::spawn(const SpawnOptions& options) {
  if (options.argv.empty()) throw std::runtime_error("spawn: argv is empty");
  Process process;
  Fd child_output;
  if (options.pipe_output) {
    std::tie(process.output_, child_output) = make_pipe();
  } else {
    child_output = open_output(options);
  }
  ChildPlan plan;
  plan.arguments = options.argv;
  plan.environment = environment_for(options);
  plan.argv = pointers_to(plan.arguments);
  plan.envp = pointers_to(plan.environment);
  plan.directory = options.working_directory.string();
  plan.output = child_output.get();
  auto [report, child_report] = make_pipe();
  plan.report = child_report.get();
  plan.parent = ::getpid();
  process.pid_ = ::fork();
  if (process.pid_ == 0) become(plan);
  if (process.pid_ < 0) throw std::runtime_error("fork: " + std::string(std::strerror(errno)));
  child_report.reset();
  wait_for_exec(report, options.argv.front());
  return process;
}

Process::~Process() { kill9(); }

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      status_(std::exchange(other.status_, std::nullopt)),
      output_(std::move(other.output_)) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    kill9();
    pid_ = std::exchange(other.pid_, 0);
    status_ = std::exchange(other.status_, std::nullopt);
    output_ = std::move(other.output_);
  }
  return *this;
}

bool Process::running() { return pid_ != 0 && !wait(std::chrono::milliseconds(0)); }

void Process::signal(int number) const noexcept {
  if (pid_ > 0) ::kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::milliseconds timeout) {
  eventually(
      [this] {
        int status = 0;
        if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
          status_ = to_exit_code(status);
          pid_ = 0;
        }
        return pid_ == 0;
      },
      timeout, std::chrono::milliseconds(2));
  return status_;
}

void Process::kill9() noexcept {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  status_ = to_exit_code(status);
  pid_ = 0;
}

std::string Process::read_output(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  std::string text;
  char chunk[4096];
  while (output_ && wait_readable(output_, until)) {
    const ssize_t got = ::read(output_.get(), chunk, sizeof(chunk));
    if (got <= 0) break;
    text.append(chunk, static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace envoyou::testing
