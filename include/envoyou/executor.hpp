// Where a host wants its coroutines to go on: an event loop, a thread pool, a strand. A host implements one function;
// <envoyou/adapters/asio.hpp> does it for Asio.
//
//   class OnMyLoop final : public envoyou::Executor {
//     void post(envoyou::Job job) noexcept override { loop.add([job = std::move(job)]() mutable { job(); }); }
//   };
//
// A queue whose entries must be copyable (std::function) holds a std::shared_ptr<Job>.
#pragma once

#include <envoyou/result.hpp>

#include <utility>

namespace envoyou {

// Something to be done once. A value that can only be moved; one pointer wide. One that is destroyed undone tells its
// body so. Thread rule: belongs to whoever holds it, and may be handed to another thread.
class Job {
 public:
  // Exactly one of the two is called, once, and nothing after it.
  class Body {
   public:
    virtual void run() noexcept = 0;
    virtual void drop() noexcept = 0;

   protected:
    ~Body() = default;
  };

  explicit Job(Body& body) noexcept : body_(&body) {}
  Job(Job&& other) noexcept : body_(std::exchange(other.body_, nullptr)) {}
  Job& operator=(Job&& other) noexcept {
    std::swap(body_, other.body_);
    return *this;
  }
  ~Job() {
    if (body_ != nullptr) body_->drop();
  }

  void operator()() noexcept {
    if (body_ == nullptr) detail::misuse("Job", "run twice");
    std::exchange(body_, nullptr)->run();
  }

 private:
  Body* body_;
};

class Executor {
 public:
  virtual ~Executor() = default;
  // Runs `job` soon on a thread of its own, never within this call. Called on the client's I/O thread, so it must not
  // block. A job that is never run leaves its coroutine suspended for whoever owns it to destroy.
  virtual void post(Job job) noexcept = 0;
};

}  // namespace envoyou
