// Where the session suite runs: a place to open stores in, and a way to let time pass there.
#pragma once

#include <envoyou/backing.hpp>
#include <envoyou/session.hpp>

#include <memory>
#include <string>
#include <vector>

namespace envoyou::testing {

// Whole operations, also on a machine that is busy with other tests.
inline const SessionCall kPatient{Deadline::never()};

class SessionWorld {
 public:
  virtual ~SessionWorld() = default;
  // Another server over the same sessions, where the world can have one; else the same one again, opened anew.
  virtual std::unique_ptr<SessionStore> open(SessionOptions options = {}) = 0;
  virtual void pass(Milliseconds time) = 0;
  virtual Source source() const = 0;
};

enum class WorldKind { kMemory, kSqlite, kRedis, kRedisTls, kRedisCluster };

std::string to_string(WorldKind kind);
std::unique_ptr<SessionWorld> make_world(WorldKind kind);

}  // namespace envoyou::testing
