// How is Redis? One PING for its latency, then INFO for memory and hit ratio where the server allows it, and a script
// that shows whether the modules can work there. Asked only
// when somebody wants to know; the switch has its own signs of life.
//
// The reading of INFO and of error codes are pure functions. probe() blocks up to its deadline; thread-safe.
#pragma once

#include <envoyou/redis/client.hpp>
#include <envoyou/services.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace envoyou::services {

struct ServerFigures {
  std::optional<std::uint64_t> used_memory_bytes;
  std::optional<std::uint64_t> evicted_keys;
  std::optional<double> hit_ratio;  // keyspace_hits / (hits + misses); none before the first look-up

  friend bool operator==(const ServerFigures&, const ServerFigures&) = default;
};

// Reads the lines of INFO memory and INFO stats, in any order; what is missing or odd stays empty.
ServerFigures read_info(std::string_view text);

// kError: Redis was reached and refuses to work (password, permission, certificate, loading, out of memory); else
// kUnavailable.
RedisHealth health_of(Errc code);

struct ProbeResult {
  RedisHealth health = RedisHealth::kUnavailable;
  std::string message;
  bool gave_up = false;  // the deadline passed before an answer
  std::optional<double> latency_ms;
  ServerFigures figures;
  // The server's words, where it does not let this user what all modules need: a script that asks for the time.
  std::string forbidden;
};

ProbeResult probe(redis::Client& client, Deadline deadline);

}  // namespace envoyou::services
