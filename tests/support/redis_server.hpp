// A real redis-server for one test: a free port, a directory of its own, nothing left behind.
//
// Listens in clear on 127.0.0.1 and ::1, and with `tls` on a second port as well, so that a test can look into the
// server whose TLS port it examines. Passwords go through a configuration file of mode 0600, not through argv.
//
// Does not: promise that its data survives kill9() unless `append_only` is set. Throws std::runtime_error where the
// server does not start. Thread rule: cli(), ports and URLs from any thread; all else from one at a time, and the
// thread that calls start() or restart() must outlive the server (process.hpp).
#pragma once

#include "support/certificates.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "testing/resp.hpp"

#include <signal.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace envoyou::testing {

struct RedisTls {
  CertificateFiles server{};
  std::filesystem::path ca{};  // for client certificates
  bool require_client_certificate = false;
};

struct RedisOptions {
  std::string password{};                // of the user "default"; empty: none
  std::vector<std::string> acl_users{};  // "name on >password ~* &* +@all"
  std::optional<RedisTls> tls{};
  bool unix_socket = false;
  bool append_only = false;                 // every write on disk before its reply
  std::vector<std::string> config_lines{};  // "maxmemory 10mb"
  std::uint16_t port = 0;                   // 0: a free one
};

// Everything but letters, digits and "-._~" as %XX, as a URL wants it.
std::string percent_encoded(std::string_view text);

// For tests that say what is missing rather than fail with a riddle.
bool redis_server_installed();

class RedisServer {
 public:
  using Options = RedisOptions;

  static RedisServer start(Options options = {});

  std::uint16_t port() const noexcept { return port_; }
  std::uint16_t tls_port() const noexcept { return tls_port_; }
  std::filesystem::path socket_path() const { return dir_ / "redis.sock"; }
  pid_t pid() const noexcept { return process_.pid(); }

  // "redis://:password@127.0.0.1:port/0"; the TLS one names "localhost".
  std::string url(int database = 0) const;
  std::string tls_url(int database = 0) const;
  std::string unix_url() const;

  // SIGSTOP: it accepts and never answers. SIGCONT.
  void freeze() const noexcept { process_.signal(SIGSTOP); }
  void thaw() const noexcept { process_.signal(SIGCONT); }
  void kill9() noexcept { process_.kill9(); }
  // As by an administrator: SIGTERM and wait.
  void stop();
  // The same server again: same ports, same directory. Returns when it answers. Kills first what still runs.
  void restart();

  // One command over a connection of its own, as the default user; the reply as RespValue::to_text() gives it. Errors
  // are replies. A server that does not answer within two seconds: "(no answer)".
  std::string cli(const Words& words) const;
  // How often `command` was executed since start or CONFIG RESETSTAT, by the server's own count.
  std::int64_t calls_of(std::string_view command) const;
  std::string log() const;

 private:
  explicit RedisServer(Options options);
  void write_config() const;
  bool launch();
  bool answers() const;

  Options options_;
  TempDir dir_{"redis"};
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  Process process_;
};

}  // namespace envoyou::testing
