#include "support/redis_server.hpp"

#include "support/wait_for.hpp"

#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace envoyou::testing {
namespace {

constexpr int kMaxStarts = 5;
constexpr std::chrono::seconds kStartTimeout{15};
constexpr std::chrono::seconds kStopTimeout{5};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string config_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

std::string credentials(const RedisOptions& options) {
  return options.password.empty() ? "" : ":" + percent_encoded(options.password) + "@";
}

}  // namespace

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      result += c;
    } else {
      result.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return result;
}

bool redis_server_installed() {
  try {
    Process process = Process::spawn({.argv = {"redis-server", "--version"}});
    return process.wait(kStopTimeout) == 0;
  } catch (const std::runtime_error&) {
    return false;
  }
}

RedisServer::RedisServer(Options options) : options_(std::move(options)) {}

RedisServer RedisServer::start(Options options) {
  RedisServer server(std::move(options));
  // Another test may take a free port between our look and the server's bind.
  const int tries = server.options_.port == 0 ? kMaxStarts : 1;
  for (int attempt = 0; attempt < tries; ++attempt) {
    server.port_ = server.options_.port != 0 ? server.options_.port : free_port();
    server.tls_port_ = server.options_.tls ? free_port() : std::uint16_t{0};
    if (server.tls_port_ == server.port_) continue;
    server.write_config();
    if (server.launch()) return server;
  }
  throw std::runtime_error("redis-server does not start; its log:\n" + server.log());
}

void RedisServer::write_config() const {
  std::ofstream file(dir_ / "redis.conf");
  std::filesystem::permissions(dir_ / "redis.conf",
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  file << "bind 127.0.0.1 -::1\nport " << port_ << "\nsave \"\"\n"
       << "dir " << config_string(dir_.path().string()) << "\nlogfile redis.log\n"
       << "daemonize no\nshutdown-timeout 0\nenable-debug-command local\n"
       << (options_.append_only ? "appendonly yes\nappendfsync always\n" : "appendonly no\n");
  if (!options_.password.empty()) file << "requirepass " << config_string(options_.password) << '\n';
  for (const auto& user : options_.acl_users) file << "user " << user << '\n';
  if (options_.unix_socket) {
    file << "unixsocket " << config_string(socket_path().string()) << "\nunixsocketperm 700\n";
  }
  if (options_.tls) {
    file << "tls-port " << tls_port_ << "\ntls-cert-file " << options_.tls->server.certificate << "\ntls-key-file "
         << options_.tls->server.key << "\ntls-ca-cert-file " << options_.tls->ca << "\ntls-auth-clients "
         << (options_.tls->require_client_certificate ? "yes" : "no") << '\n';
  }
  for (const auto& line : options_.config_lines) file << line << '\n';
}

bool RedisServer::launch() {
  process_ = Process::spawn({.argv = {"redis-server", dir_ / "redis.conf"},
                             .output_file = dir_ / "redis.out",
                             .working_directory = dir_.path()});
  const bool decided = eventually([this] { return !process_.running() || answers(); }, kStartTimeout);
  return decided && process_.running();
}

// A server that asks for a password is up; one that still loads its file is not.
bool RedisServer::answers() const {
  RespConnection connection(port_, std::chrono::milliseconds(500));
  const auto reply = connection.command({"PING"});
  return reply && (reply->text == "PONG" || reply->text.starts_with("NOAUTH"));
}

std::string RedisServer::url(int database) const {
  return "redis://" + credentials(options_) + "127.0.0.1:" + std::to_string(port_) + "/" + std::to_string(database);
}

std::string RedisServer::tls_url(int database) const {
  return "rediss://" + credentials(options_) + "localhost:" + std::to_string(tls_port_) + "/" +
         std::to_string(database);
}

std::string RedisServer::unix_url() const { return "unix://" + credentials(options_) + socket_path().string(); }

void RedisServer::stop() {
  process_.signal(SIGTERM);
  if (!process_.wait(kStopTimeout)) process_.kill9();
}

void RedisServer::restart() {
  process_.kill9();
  if (!launch()) throw std::runtime_error("redis-server does not restart; its log:\n" + log());
}

std::string RedisServer::cli(const Words& words) const {
  RespConnection connection(port_);
  if (!options_.password.empty()) connection.command({"AUTH", options_.password});
  const auto reply = connection.command(words);
  return reply ? reply->to_text() : "(no answer)";
}

std::int64_t RedisServer::calls_of(std::string_view command) const {
  const std::string stats = cli({"INFO", "commandstats"});
  const std::string label = "cmdstat_" + std::string(command) + ":calls=";
  const std::size_t start = stats.find(label);
  std::int64_t calls = 0;
  if (start == std::string::npos) return calls;
  const char* digits = stats.data() + start + label.size();
  std::from_chars(digits, stats.data() + stats.size(), calls);
  return calls;
}

std::string RedisServer::log() const { return read_file(dir_ / "redis.log") + read_file(dir_ / "redis.out"); }

}  // namespace envoyou::testing
