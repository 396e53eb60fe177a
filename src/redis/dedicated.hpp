// The connections of a client that callers have to themselves: at most `max_dedicated` at a time, kept ones included.
// Each is a node with one link in the client's reactor, that lives as long as its first link.
//
//   take:  a kept one to the same server that is up, else a new one (in the place of one that is kept to another), else
//          wait until somebody gives one back
//   give:  clean --> kept for the next; else, and after kKeptFor unused, removed
//
// With several servers each is to one of them: in a cluster to the primary of a key's slot, behind Sentinel to the
// primary. A server that says MOVED to one is believed by the next that is taken, before the map is asked for anew.
//
// Thread-safe.
#pragma once

#include "base/fork_guard.hpp"
#include "redis/io_thread.hpp"
#include "redis/node.hpp"
#include "redis/node_factory.hpp"
#include "redis/topology/router.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/deadline.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/result.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace envoyou::redis {

// One connection, from when it is made until its node is gone.
struct OwnLink {
  std::shared_ptr<Node> node;
  Endpoint at;                              // with several servers: the one it is to
  std::shared_ptr<std::atomic<bool>> lost;  // its link was up once, and is not any more
  bool was_kept = false;                    // as opposed to made for this taker
};

class DedicatedPool {
 public:
  // One that nobody took for so long is closed when the pool is next used.
  static constexpr std::chrono::seconds kKeptFor{30};

  // `router` is null with one server.
  DedicatedPool(const ClientOptions& options, std::shared_ptr<Clock> clock, std::shared_ptr<IoCore> core,
                std::shared_ptr<Router> router);

  // To whom a connection for `key` is; with one server it does not matter. Nothing: the map is not known yet. Errors:
  // kInvalidArgument (in a cluster without a key), kUnavailable (the key's slot has no owner).
  std::optional<Result<Endpoint>> place_of(std::string_view key) const;
  // Does not wait for the link. Errors: kQueueFull (none came free until `until`), kClosed, and of NodeFactory::make.
  Result<OwnLink> take(NodeFactory& factory, const Endpoint& at, Deadline until);
  // A command on `link` was answered with this error.
  void heard(const OwnLink& link, std::string_view error);
  bool has_several_servers() const noexcept { return router_ != nullptr; }
  void give_back(OwnLink link, bool clean) noexcept;
  // Ends what is under way on it, now. It still has its place until it is given back.
  void end(const OwnLink& link) noexcept { remove(link.node); }
  // Whoever waits in `take` is told, and nothing is taken any more.
  void close() noexcept;

  const ClientOptions& options() const noexcept { return options_; }
  Clock& clock() const noexcept { return *clock_; }
  bool must_not_wait() const noexcept { return core_->must_not_wait(); }
  bool forked() const noexcept { return fork_guard_.forked(); }

 private:
  struct Kept {
    OwnLink link;
    TimePoint since;
  };

  Result<OwnLink> make(NodeFactory& factory, const Endpoint& at);
  std::optional<OwnLink> take_kept(const Endpoint& at);
  bool take_place();
  void drop_stale(TimePoint now);
  void remove(const std::shared_ptr<Node>& node);

  const ClientOptions options_;
  const std::shared_ptr<Clock> clock_;
  const std::shared_ptr<IoCore> core_;
  const std::shared_ptr<Router> router_;  // null: one server
  const base::ForkGuard fork_guard_;

  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<Kept> kept_;  // guarded by mutex_; the one that was given back first comes first
  std::size_t places_ = 0;  // guarded by mutex_: taken and kept
  bool closed_ = false;     // guarded by mutex_
};

}  // namespace envoyou::redis
