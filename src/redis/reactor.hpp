// All that a client does, on one thread: the engines of its nodes over one loop.
//
//   step:  wait for events --> hand each to its engine --> tasks of other threads --> the steward, if there is one
//            --> a turn of every engine
//
// A client of one server has one engine. A cluster has one a node; a connection of its own (for commands that block
// on the server, for WATCH, for subscriptions) is one, too. They come and go while others work.
//
// Whoever calls `step` has the *I/O role* (engine.hpp). `post` is for everyone.
//
// Confined to the I/O role, but for `post`, `wake` and, in a forked child, `close_descriptors_in_child`.
#pragma once

#include "base/unique_function.hpp"
#include "redis/io_role.hpp"
#include "redis/node.hpp"
#include "wire/loop.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/result.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace envoyou::redis {

// Who looks after several nodes (topology/fleet.hpp): works between the events and the turns of the engines, and may
// add and remove nodes there.
//
// Confined to the I/O role.
class Steward {
 public:
  virtual ~Steward() = default;
  virtual void turn(TimePoint now) = 0;
  // When the next turn is due at the latest.
  virtual TimePoint due() const = 0;
  // True: nothing was left for it, and whatever comes next wakes the loop.
  virtual bool may_sleep() = 0;
  // These three as Reactor's.
  virtual void drop_everything(const Error& reason) = 0;
  virtual void close() = 0;
  virtual void show_closed() = 0;
};

class Reactor {
 public:
  using Task = base::UniqueFunction<void()>;

  // How long a lone caller is waited for before the links are watched again; see direct_call.hpp.
  static constexpr Milliseconds kLinger{50};

  // `role`, if it is given, is lent to lone callers while the reactor sleeps. REQUIRES: both outlive it.
  Reactor(wire::Loop& loop, std::shared_ptr<Clock> clock, IoRole* role = nullptr)
      : loop_(loop), clock_(std::move(clock)), role_(role) {}
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  wire::Loop& loop() noexcept { return loop_; }

  // Before the first step.
  void appoint(std::unique_ptr<Steward> steward) { steward_ = std::move(steward); }

  // The node's engine is stepped from now on. Its number (Node::id) is not that of another node here.
  void add(std::shared_ptr<Node> node);
  // Ends what the node still holds with `reason`, and its links. Not from within a turn of this node's engine: use
  // `post`.
  void remove(Node& node, const Error& reason);

  // Runs `task` within the next step, in the order of posting. False: closed, and the task is gone. Thread-safe.
  bool post(Task task);

  void step(TimePoint until);
  // What time it is for what is called back within a step.
  TimePoint turn_began() const noexcept { return now_; }
  // Of all engines. They can go on after it.
  void drop_everything(const Error& reason);
  // Before the last drop_everything: nothing is taken in any more, tasks are dropped.
  void close();
  // After it: whoever waits for a node is told that it will not come.
  void show_closed();

  // In a forked child, where the I/O role is nobody's.
  void close_descriptors_in_child() noexcept;

 private:
  void dispatch(const wire::Event& event, TimePoint now);
  void run_tasks();
  bool nothing_waits();
  std::span<const wire::Event> sleep(TimePoint asked, TimePoint until);
  bool is_called_alone() const noexcept;
  TimePoint due() const;

  wire::Loop& loop_;
  const std::shared_ptr<Clock> clock_;
  IoRole* const role_;
  TimePoint now_{};
  std::unique_ptr<Steward> steward_;  // outlives the nodes, which tell it things
  std::vector<std::shared_ptr<Node>> nodes_;
  std::vector<std::shared_ptr<Node>> turning_;  // a copy: a turn may add and remove
  // The same nodes as a list that is whole at every moment, also for a child that was forked in the middle of `add`.
  std::atomic<Node*> first_{nullptr};

  std::mutex mutex_;
  std::vector<Task> tasks_;  // guarded by mutex_
  bool closed_ = false;      // guarded by mutex_
};

}  // namespace envoyou::redis
