// The least that a test needs to write coroutines: one that starts at once, and that its owner may destroy while it is
// suspended.
//
// Thread rule: as any coroutine; `done` may be asked from any thread.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <memory>
#include <utility>

namespace envoyou::testing {

class Coroutine {
 public:
  struct promise_type {
    Coroutine get_return_object() { return Coroutine(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_never initial_suspend() noexcept { return {}; }
    // Nothing of the frame is touched after the flag is set: its owner may destroy it then.
    auto final_suspend() noexcept {
      struct Finish {
        bool await_ready() noexcept { return false; }
        void await_suspend(std::coroutine_handle<promise_type> self) noexcept {
          const auto flag = self.promise().finished;
          flag->store(true, std::memory_order_release);
        }
        void await_resume() noexcept {}
      };
      return Finish();
    }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }

    std::shared_ptr<std::atomic<bool>> finished = std::make_shared<std::atomic<bool>>(false);
  };

  Coroutine(Coroutine&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), done_(std::move(other.done_)) {}
  Coroutine& operator=(Coroutine&&) = delete;
  ~Coroutine() { destroy(); }

  bool done() const noexcept { return done_->load(std::memory_order_acquire); }
  void destroy() noexcept {
    if (handle_) std::exchange(handle_, nullptr).destroy();
  }

 private:
  explicit Coroutine(std::coroutine_handle<promise_type> handle) : handle_(handle), done_(handle.promise().finished) {}

  std::coroutine_handle<promise_type> handle_;
  std::shared_ptr<std::atomic<bool>> done_;
};

}  // namespace envoyou::testing
