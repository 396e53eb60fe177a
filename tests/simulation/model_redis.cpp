#include "model_redis.hpp"

#include <charconv>

namespace envoyou::simulation {

using redis::bulk;
using redis::integer;

const redis::Script& the_script() {
  static const redis::Script kScript("redis.call('INCR', KEYS[1]) return {tonumber(ARGV[1]), KEYS[1]}");
  return kScript;
}

namespace {

constexpr std::string_view kOk = "+OK\r\n";

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool is_write(const Argv& argv) { return argv[0] != "GET" && argv[0] != "ECHO" && argv[0] != "PING"; }

bool is_handshake(const Argv& argv) {
  return argv[0] == "HELLO" || argv[0] == "AUTH" || argv[0] == "CLIENT" || argv[0] == "SELECT";
}

std::string null_of(const ModelPeer& peer) { return peer.speaks_resp3 ? "_\r\n" : "$-1\r\n"; }

}  // namespace

std::string ModelRedis::execute(ModelPeer& peer, const Argv& argv) {
  if (in_trouble(argv)) return "-" + trouble.error + "\r\n";
  if (auto answer = handshake(peer, argv)) return *std::move(answer);
  if (!password.empty() && !peer.authenticated) return "-NOAUTH Authentication required.\r\n";
  if (gate_) {
    if (auto answer = gate_(peer, argv)) return *std::move(answer);
  }
  const std::string& name = argv[0];
  if (name == "PING") return argv.size() == 1 ? "+PONG\r\n" : bulk(argv[1]);
  if (name == "GET") {
    const auto found = data_.find(argv[1]);
    return found == data_.end() ? null_of(peer) : bulk(found->second);
  }
  if (name == "EVALSHA") return knows_script_ ? run_script(argv, false) : "-NOSCRIPT No matching script.\r\n";
  if (name == "EVAL") return run_script(argv, true);
  if (name == "ECHO") {
    executed_(number_in(argv[1]));
    return bulk(argv[1]);
  }
  if (name == "SET") {
    executed_(number_in(argv[2]));
    data_[argv[1]] = argv[2];
    return std::string(kOk);
  }
  if (name == "INCRBY") {
    executed_(number_in(argv[2]));
    std::string& value = data_[argv[1]];
    value = std::to_string(number_in(value) + number_in(argv[2]));
    return integer(number_in(value));
  }
  return "-ERR unknown command\r\n";
}

bool ModelRedis::in_trouble(const Argv& argv) const {
  if (trouble.error.empty()) return false;
  if (trouble.writes_only && !is_write(argv)) return false;
  return !(is_handshake(argv) && (trouble.spares_handshake || trouble.writes_only));
}

std::optional<std::string> ModelRedis::handshake(ModelPeer& peer, const Argv& argv) {
  const std::string& name = argv[0];
  if (name == "HELLO") return knows_hello ? hello(peer, argv) : "-ERR unknown command 'HELLO'\r\n";
  if (name == "AUTH") {
    peer.authenticated = argv.back() == password;
    return peer.authenticated ? std::string(kOk) : "-WRONGPASS invalid username-password pair\r\n";
  }
  if (name == "CLIENT" || name == "SELECT") return std::string(kOk);
  return std::nullopt;
}

// HELLO 3 [AUTH user password] [SETNAME name]
std::string ModelRedis::hello(ModelPeer& peer, const Argv& argv) const {
  for (std::size_t i = 2; i + 2 < argv.size(); ++i) {
    if (argv[i] != "AUTH") continue;
    if (argv[i + 2] != password) return "-WRONGPASS invalid username-password pair\r\n";
    peer.authenticated = true;
  }
  if (!password.empty() && !peer.authenticated) return "-NOAUTH HELLO must be called with the client authenticated\r\n";
  peer.speaks_resp3 = true;
  return "%3\r\n" + bulk("version") + bulk("7.0.15") + bulk("proto") + ":3\r\n" + bulk("role") + bulk("master");
}

// EVALSHA sha 1 key id, EVAL text 1 key id
std::string ModelRedis::run_script(const Argv& argv, bool has_text) {
  if (has_text ? argv[1] != the_script().text() : argv[1] != script_sha_) return "-NOSCRIPT No matching script.\r\n";
  knows_script_ = true;
  executed_(number_in(argv[4]));
  std::string& value = data_[argv[3]];
  value = std::to_string(number_in(value) + 1);
  return "*2\r\n" + integer(number_in(argv[4])) + bulk(argv[3]);
}

}  // namespace envoyou::simulation
