// A real set of Redis servers that real sentinels watch, for one test; the rules of redis_server.hpp hold here as well.
#pragma once

#include "support/process.hpp"
#include "support/redis_server.hpp"
#include "support/temp_dir.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace envoyou::testing {

struct SentinelSetOptions {
  RedisOptions servers{};  // with `tls`: replication and sentinels speak TLS to them
  std::size_t replicas = 2;
  std::size_t sentinels = 3;
  std::string sentinel_password{};
  std::optional<RedisTls> sentinel_tls{};
};

// One primary (server 0), its replicas, and sentinels that call it "main". A dead primary is replaced after about
// a second. Returns from start() when each sentinel knows all others and all replicas.
class RedisSentinelSet {
 public:
  static constexpr const char* kName = "main";

  static RedisSentinelSet start(SentinelSetOptions options = {});

  std::size_t size() const noexcept { return servers_.size(); }
  RedisServer& server(std::size_t index) { return servers_.at(index); }
  // The server that says that it is the primary; size() while there is none, or more than one.
  std::size_t primary() const;

  // "redis-sentinel://:password@127.0.0.1:port,…/main"; rediss-sentinel with TLS. The sentinels' own password is not in
  // it.
  std::string url() const;
  std::uint16_t sentinel_port(std::size_t index) const { return sentinels_.at(index).port; }
  void kill_sentinel(std::size_t index) { sentinels_.at(index).process.kill9(); }
  // The first sentinel that runs makes a replica the primary.
  void fail_over();
  // One command to a sentinel in clear, as its default user.
  std::string sentinel_cli(std::size_t index, const Words& words) const;

 private:
  struct Sentinel {
    std::uint16_t port = 0;      // in clear, for sentinel_cli
    std::uint16_t tls_port = 0;  // 0: none
    TempDir dir{"sentinel"};
    Process process{};
  };

  void start_replica();
  void start_sentinel();
  bool ready() const;
  std::uint16_t data_port(const RedisServer& server) const;

  SentinelSetOptions options_;
  std::vector<RedisServer> servers_;
  std::vector<Sentinel> sentinels_;
};

}  // namespace envoyou::testing
