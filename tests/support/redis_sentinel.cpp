#include "support/redis_sentinel.hpp"

#include "support/wait_for.hpp"
#include "testing/resp.hpp"

#include <fstream>
#include <stdexcept>
#include <utility>

namespace envoyou::testing {
namespace {

constexpr std::chrono::seconds kSetTimeout{30};
constexpr int kQuorum = 2;

std::string tls_lines(const RedisTls& tls) {
  return "tls-cert-file " + tls.server.certificate.string() + "\ntls-key-file " + tls.server.key.string() +
         "\ntls-ca-cert-file " + tls.ca.string() + "\ntls-auth-clients no\n";
}

}  // namespace

RedisSentinelSet RedisSentinelSet::start(SentinelSetOptions options) {
  RedisSentinelSet set;
  auto& lines = options.servers.config_lines;
  lines.insert(lines.end(), {"repl-diskless-sync-delay 0", "repl-ping-replica-period 1"});
  if (!options.servers.password.empty()) lines.push_back("masterauth \"" + options.servers.password + "\"");
  if (options.servers.tls) lines.emplace_back("tls-replication yes");
  set.options_ = std::move(options);
  set.servers_.push_back(RedisServer::start(set.options_.servers));
  for (std::size_t i = 0; i < set.options_.replicas; ++i) set.start_replica();
  for (std::size_t i = 0; i < set.options_.sentinels; ++i) set.start_sentinel();
  if (!eventually([&] { return set.ready(); }, kSetTimeout)) {
    throw std::runtime_error("the sentinels do not learn of each other: " +
                             set.sentinel_cli(0, {"SENTINEL", "MASTER", kName}));
  }
  return set;
}

std::uint16_t RedisSentinelSet::data_port(const RedisServer& server) const {
  return options_.servers.tls ? server.tls_port() : server.port();
}

void RedisSentinelSet::start_replica() {
  RedisServer replica = RedisServer::start(options_.servers);
  replica.cli({"REPLICAOF", "127.0.0.1", std::to_string(data_port(servers_.front()))});
  const bool linked = eventually(
      [&] {
        return replica.cli({"INFO", "replication"}).find("master_link_status:up") != std::string::npos;
      },
      kSetTimeout);
  if (!linked) throw std::runtime_error("a replica does not get its data:\n" + replica.log());
  servers_.push_back(std::move(replica));
}

void RedisSentinelSet::start_sentinel() {
  Sentinel sentinel;
  sentinel.port = free_port();
  if (options_.sentinel_tls) sentinel.tls_port = free_port();
  const std::string name(kName);
  std::ofstream file(sentinel.dir / "sentinel.conf");
  file << "port " << sentinel.port << "\nbind 127.0.0.1\ndir " << sentinel.dir.path().string()
       << "\nlogfile sentinel.log\nsentinel monitor " << name << " 127.0.0.1 " << data_port(servers_.front()) << ' '
       << kQuorum << "\nsentinel down-after-milliseconds " << name << " 700\nsentinel failover-timeout " << name
       << " 3000\n";
  if (!options_.servers.password.empty()) {
    file << "sentinel auth-pass " << name << " \"" << options_.servers.password << "\"\n";
  }
  if (!options_.sentinel_password.empty()) {
    file << "requirepass \"" << options_.sentinel_password << "\"\nsentinel sentinel-pass \""
         << options_.sentinel_password << "\"\n";
  }
  if (options_.sentinel_tls) {
    file << "tls-port " << sentinel.tls_port << "\ntls-replication yes\n" << tls_lines(*options_.sentinel_tls);
  }
  file.close();
  sentinel.process = Process::spawn({.argv = {"redis-server", sentinel.dir / "sentinel.conf", "--sentinel"},
                                     .output_file = sentinel.dir / "sentinel.out",
                                     .working_directory = sentinel.dir.path()});
  sentinels_.push_back(std::move(sentinel));
}

bool RedisSentinelSet::ready() const {
  for (std::size_t i = 0; i < sentinels_.size(); ++i) {
    const std::string state = "\n" + sentinel_cli(i, {"SENTINEL", "MASTER", kName}) + "\n";
    if (state.find("\nnum-other-sentinels\n" + std::to_string(sentinels_.size() - 1) + "\n") == std::string::npos ||
        state.find("\nnum-slaves\n" + std::to_string(options_.replicas) + "\n") == std::string::npos) {
      return false;
    }
  }
  return true;
}

std::string RedisSentinelSet::sentinel_cli(std::size_t index, const Words& words) const {
  RespConnection connection(sentinels_.at(index).port);
  if (!options_.sentinel_password.empty()) connection.command({"AUTH", options_.sentinel_password});
  const auto reply = connection.command(words);
  return reply ? reply->to_text() : "(no answer)";
}

std::size_t RedisSentinelSet::primary() const {
  std::size_t found = servers_.size();
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    if (!servers_[i].cli({"ROLE"}).starts_with("master")) continue;
    if (found != servers_.size()) return servers_.size();
    found = i;
  }
  return found;
}

std::string RedisSentinelSet::url() const {
  std::string url = options_.sentinel_tls ? "rediss-sentinel://" : "redis-sentinel://";
  if (!options_.servers.password.empty()) url += ":" + options_.servers.password + "@";
  for (const auto& sentinel : sentinels_) {
    url += "127.0.0.1:" + std::to_string(options_.sentinel_tls ? sentinel.tls_port : sentinel.port) + ",";
  }
  url.back() = '/';
  return url + kName;
}

void RedisSentinelSet::fail_over() {
  for (std::size_t i = 0; i < sentinels_.size(); ++i) {
    if (!sentinels_[i].process.running()) continue;
    const std::string reply = sentinel_cli(i, {"SENTINEL", "FAILOVER", kName});
    if (reply != "OK") throw std::runtime_error("SENTINEL FAILOVER: " + reply);
    return;
  }
}

}  // namespace envoyou::testing
