// The example API server as a child process, driven through its contract alone: environment variables, routes, signals.
//
// Each server has a directory of its own for its log and, unless SESSION_DATABASE is given, its session database; both
// outlive kill9() and restart(), and go with the object. It is started with the process' environment less everything
// that would configure it (REDIS_…, API_…, SESSION_…, ENVOYOU_…), plus what is given.
//
// Throws std::runtime_error where the program is not there or does not answer. Thread rule: port() from any thread; all
// else from one at a time that outlives the server (process.hpp).
#pragma once

#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace envoyou::testing {

struct ApiServerOptions {
  std::filesystem::path program{};  // build/<preset>/bin/api_server
  std::string redis_url{};          // empty: all in process
  std::vector<std::string> env{};   // "API_RATE_LIMIT=30"
};

class ApiServer {
 public:
  using Options = ApiServerOptions;

  // Returns when GET /live answers.
  static ApiServer start(Options options);

  std::uint16_t port() const noexcept { return port_; }
  Process& process() noexcept { return process_; }
  void kill9() noexcept { process_.kill9(); }
  // The same server again: same port, same database. Kills first what still runs.
  void restart();
  std::string log() const;

 private:
  explicit ApiServer(Options options);
  bool launch();
  bool answers() const;

  Options options_;
  TempDir dir_{"api"};
  std::uint16_t port_ = 0;
  Process process_;
};

}  // namespace envoyou::testing
