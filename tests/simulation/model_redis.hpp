// What one Redis does with commands: a few kinds of them, exactly, over a map; scripts that it may forget; errors that
// it is told to give. Commands in, bytes out: no network, no time.
//
//   ECHO text                     text
//   GET key                       what SET stored
//   SET key value                 OK
//   INCRBY key n                  the sum
//   EVALSHA/EVAL script 1 key id  [id, key], and adds 1 to the key, unless it is read-only
//
// The ledger is the judge of "nothing is executed twice": commands of callers carry their number (Callers says
// where), and each execution is counted under it, whatever becomes of the data.
//
// Confined to one thread.
#pragma once

#include "sim.hpp"

#include <envoyou/redis/script.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace envoyou::simulation {

using redis::Argv;

// What a connection has settled.
struct ModelPeer {
  bool speaks_resp3 = false;
  bool authenticated = false;
  bool asking = false;  // ASKING was the command before
};

// What the server is made to answer instead. `writes_only`: reads go on.
struct ModelTrouble {
  std::string error{};  // empty: none
  bool writes_only = false;
  bool spares_handshake = false;
};

class ModelRedis {
 public:
  // Called before each execution of a caller's command with its number.
  using Executed = std::function<void(std::uint64_t id)>;

  ModelRedis(std::string script_sha, Executed executed)
      : script_sha_(std::move(script_sha)), executed_(std::move(executed)) {}

  std::string execute(ModelPeer& peer, const Argv& argv);

  // Asked first, once the handshake is over: bytes to answer with, or nothing. For what a cluster adds.
  using Gate = std::function<std::optional<std::string>(ModelPeer& peer, const Argv& argv)>;
  void set_gate(Gate gate) { gate_ = std::move(gate); }

  std::unordered_map<std::string, std::string>& data() noexcept { return data_; }
  void forget_scripts() { knows_script_ = false; }
  void lose_data() { data_.clear(); }

  bool knows_hello = true;
  std::string password{};
  ModelTrouble trouble;

 private:
  std::optional<std::string> handshake(ModelPeer& peer, const Argv& argv);
  std::string hello(ModelPeer& peer, const Argv& argv) const;
  bool in_trouble(const Argv& argv) const;
  std::string run_script(const Argv& argv, bool has_text);

  const std::string script_sha_;
  const Executed executed_;
  Gate gate_;
  std::unordered_map<std::string, std::string> data_;
  bool knows_script_ = false;
};

// The script that Callers use and the model knows.
const redis::Script& the_script();

}  // namespace envoyou::simulation
