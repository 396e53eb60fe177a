// What a module stands on: perhaps a Redis, and the switch that says whether to ask it. Modules that share a Backing
// fall back and return together. `Services` (services.hpp) makes one and keeps it going; a host that uses one module
// alone gets one from `open_backing`.
//
// Thread-safe; a handle, copies share what it names.
#pragma once

#include <envoyou/fallback.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/runtime.hpp>

#include <memory>
#include <optional>

namespace envoyou {

class Keeper;  // the background thread that runs the switch

struct Backing {
  Runtime runtime;
  std::shared_ptr<redis::Client> client;  // null where no Redis is configured
  std::shared_ptr<Switch> fallback;       // never null
  std::shared_ptr<Keeper> keeper;         // null where the host (or a test) runs the switch itself
};

// Everything in process, no Redis.
Backing in_process_backing(Runtime runtime = {});

struct BackingOptions {
  redis::ClientOptions redis;
  SwitchOptions fallback;
  // How long opening waits for the first answer of Redis, so that the first request already goes there. 0: not at all.
  Milliseconds wait_for_first_answer{100};
};

// A client, its switch and the background thread. Succeeds also when Redis is not there. Errors: kInvalidArgument.
Result<Backing> open_backing(BackingOptions options, const Runtime& runtime = {});

}  // namespace envoyou
