// Where entries are kept: in Redis or in this process, behind the same six verbs.
//
// An entry is good as long as the generation numbers of its tags are those that it was stored with (generations.hpp).
// Who misses is given the numbers of that moment, `stamps`; a response made from then on is kept with them. So whatever
// is invalidated while the response is made makes it stale before it is stored: the purge wins.
//
// The tag of one entry alone (`own`) is different: it has a number only for a while after the entry was purged by
// itself, and having none means that it was not. The others must have one; losing it is an invalidation.
//
// Thread-safe.
#pragma once

#include "cache/names.hpp"

#include <envoyou/deadline.hpp>
#include <envoyou/result.hpp>
#include <envoyou/source.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace envoyou::cache {

using Payload = std::shared_ptr<const std::string>;

struct Tag {
  Name name{};
  Milliseconds lives{0};  // how long its number is remembered at least; what is forgotten is invalid
};

struct Identity {
  Name entry{};
  std::vector<Tag> tags{};    // in the general cache: none
  std::optional<Name> own{};  // in the general cache: none
};

struct Stamps {
  std::vector<std::uint64_t> tags{};  // as Identity::tags
  std::uint64_t own = 0;

  friend bool operator==(const Stamps&, const Stamps&) = default;
};

// Whether an entry that was stored with `then` is good `now`.
inline bool still_good(const Stamps& then, const Stamps& now) noexcept {
  return then.tags == now.tags && (now.own == 0 || now.own == then.own);
}

struct Held {
  Payload payload{};
  Milliseconds ttl{0};       // when it was stored
  Milliseconds ttl_left{0};  // now; where no one asked: as `ttl`
};

struct LookUp {
  std::optional<Held> held{};
  std::optional<Stamps> stamps{};  // what holds now; none: what is made now can not be kept
  bool unusable = false;           // something lies under the key that is no answer
};

struct Write {
  std::vector<Name> names{};  // under every secret, the current one first: that one is written, the others removed
  Payload payload{};          // null: remove
  Milliseconds ttl{0};
  WallTime written{};
  bool only_if_absent = false;
};

// What to invalidate, under every secret.
struct Purge {
  std::vector<Name> tags{};
  std::vector<Name> entries{};
};

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  virtual Source source() const noexcept = 0;
  virtual Result<LookUp> look_up(const Identity& identity, Deadline deadline) = 0;
  // Keeps a response, off the caller's path: it may still come to nothing. False: it certainly did.
  virtual bool keep(const Identity& identity, const Stamps& stamps, const Payload& payload, Milliseconds ttl) = 0;
  // Writes or removes, and waits for the acknowledgement. `order` is held until the write has its place behind earlier
  // ones, and let go before waiting.
  virtual Result<void> write(const Write& write, Deadline deadline, std::unique_lock<std::mutex> order) = 0;
  virtual Result<void> purge(const Purge& purge, Deadline deadline) = 0;
};

}  // namespace envoyou::cache
