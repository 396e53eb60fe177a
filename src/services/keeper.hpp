// The background thread of a Backing: it runs the switch when that is due, and sooner when the switch asks for it.
//
// One thread, named envoyou-keeper, with all signals blocked. In a child made by fork() the thread does not exist:
// there the Keeper lets go of it instead of waiting for it.
//
// Thread-safe. Not to be destroyed on its own thread.
#pragma once

#include <envoyou/fallback.hpp>
#include <envoyou/result.hpp>
#include <envoyou/runtime.hpp>

#include <memory>
#include <thread>
#include <utility>

#include "base/fork_guard.hpp"

namespace envoyou {

class Keeper {
 public:
  // Errors: kInternal (no thread).
  static Result<std::shared_ptr<Keeper>> start(std::shared_ptr<Switch> fallback, Runtime runtime);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // No further round begins; the one that runs may go on.
  void request_stop();
  // Waits until the thread has ended, which is when its round is over. Called by the destructor.
  void join();

 private:
  struct Shared;
  explicit Keeper(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  static void run(Shared& shared);

  std::shared_ptr<Shared> shared_;
  std::unique_ptr<std::thread> thread_;
  base::ForkGuard fork_guard_;
};

}  // namespace envoyou
