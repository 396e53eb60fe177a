// The coroutine face of the client:
//
//   Result<std::optional<std::string>> value = co_await client.async(command, options);
//   Result<…> other = co_await client.async(command, options).on(executor);
//   co_await client.async(pipeline);          // then Pipeline::take, as after Client::run
//
// Nothing is sent before the co_await. The coroutine goes on on the client's I/O thread, where it must not block, or
// where `executor` runs it. A command that is refused at once does not suspend it, or, with an executor, goes that way
// too.
//
// Destruction. A coroutine may be destroyed while it waits: it is never resumed after that, and its late answer goes to
// nobody. What must not happen, as with any coroutine, is that one thread destroys what another is resuming. So
// destroy it
//   - on the thread that resumes it: the executor's one thread (or strand); without an executor the I/O thread; or
//   - anywhere, once it can not be resumed any more: after Client::close has returned, or before the first co_await.
// Whoever is caught at it in the moment between the two ends the process with a message.
//
// Costs one piece of memory a call, which client and coroutine share, so that either may let go first:
//
//    awaiter (in the frame) ----> operation <---- the client's reader
//
//    kWaiting --answered--> kResuming --------------------> kTaken      (on the I/O thread)
//       |   '--answered--> kPosted --the executor's turn--> kResuming   (with an executor)
//       |                     |  '--dropped by the executor--> kDropped
//       '--destroyed--> kAbandoned <--destroyed--'
//
// Whoever comes second to an abandoned or dropped operation frees it.
//
// Thread rule: as Client; an awaiter belongs to its coroutine. REQUIRES: the client and the pipeline are there until
// the call is answered or abandoned, the executor until the client is closed.
#pragma once

#include <envoyou/executor.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/completion.hpp>
#include <envoyou/result.hpp>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace envoyou::redis {

namespace detail_redis {

// What a coroutine waits for, without the type of the answer.
class AsyncOperation : public ReplyReader, private Job::Body {
 public:
  // Suspends `caller` and hands over what it waits for. False: the answer is here already. True: the coroutine may be
  // running again, or be gone; nothing of it may be touched. Never inlined into a coroutine, whose frame would hold
  // what lives on this function's stack.
  template <class Submit>
  [[gnu::noinline]] bool start(std::coroutine_handle<> caller, Executor* executor, Submit submit) {
    caller_ = caller;
    executor_ = executor;
    const Submitting here(*this);
    submit();
    return !here.was_answered() || goes_by_executor();
  }

  // The client's last touch: the answer is in its place.
  void release() noexcept final;

  // The awaiter's last touch.
  void abandon() noexcept;
  void taken() noexcept { stage_.store(Stage::kTaken, std::memory_order_relaxed); }

 protected:
  ~AsyncOperation() override = default;

 private:
  enum class Stage : std::uint8_t { kWaiting, kPosted, kResuming, kTaken, kAbandoned, kDropped };

  // Tells `release` that it is called within this thread's `start`.
  class Submitting {
   public:
    explicit Submitting(AsyncOperation& operation) noexcept;
    ~Submitting();
    Submitting(const Submitting&) = delete;
    Submitting& operator=(const Submitting&) = delete;
    bool was_answered() const noexcept;

   private:
    const AsyncOperation* const operation_;  // compared, not touched
    const AsyncOperation* const before_;
  };

  bool goes_by_executor() noexcept;
  void run() noexcept final;
  void drop() noexcept final;
  bool move_on(Stage from, Stage to) noexcept {
    return stage_.compare_exchange_strong(from, to, std::memory_order_acq_rel);
  }

  std::atomic<Stage> stage_{Stage::kWaiting};
  std::coroutine_handle<> caller_;
  Executor* executor_ = nullptr;
};

struct AbandonOperation {
  void operator()(AsyncOperation* operation) const noexcept { operation->abandon(); }
};

template <class R>
class AsyncAnswer final : public AsyncOperation {
 public:
  AsyncAnswer(typename Command<R>::Decode decode, std::uint64_t tag) : decode_(decode), tag_(tag) {}

  Verdict on_reply(const ReplyView& reply) noexcept override {
    return decode_into<R>(decode_, tag_, reply, [this](Result<R> result) { result_.emplace(std::move(result)); });
  }
  void on_error(Error error) noexcept override { result_.emplace(std::move(error)); }

  Result<R> take() {
    taken();
    return *std::move(result_);
  }

 private:
  typename Command<R>::Decode decode_;
  std::uint64_t tag_;
  std::optional<Result<R>> result_;
};

// Ends when the last answer of a pipeline is in its slot.
class AsyncEnd final : public AsyncOperation {
 public:
  Verdict on_reply(const ReplyView&) noexcept override { return Verdict::kMine; }
  void on_error(Error) noexcept override {}
};

}  // namespace detail_redis

// A call that has not been made yet. Awaited once. `Submit` is where it goes: called as submit(submission, options).
template <class R, class Submit>
class [[nodiscard]] AsyncCall {
 public:
  AsyncCall(Submit submit, Command<R> command, CallOptions options)
      : submit_(std::move(submit)), command_(std::move(command)), options_(options) {}

  // Goes on there instead of on the I/O thread.
  AsyncCall on(Executor& executor) && {
    executor_ = &executor;
    return std::move(*this);
  }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> caller) {
    operation_.reset(new detail_redis::AsyncAnswer<R>(command_.decode, command_.tag));
    return operation_->start(caller, executor_, [this] {
      Submit submit = std::move(submit_);
      const CallOptions options = options_;
      submit(to_submission(std::move(command_), ReaderHandle(operation_.get())), options);
    });
  }
  Result<R> await_resume() { return operation_->take(); }

 private:
  Submit submit_;
  Command<R> command_;
  CallOptions options_;
  Executor* executor_ = nullptr;
  std::unique_ptr<detail_redis::AsyncAnswer<R>, detail_redis::AbandonOperation> operation_;
};

// A pipeline's run that has not begun yet. Awaited once; the answers are in the pipeline's slots.
class [[nodiscard]] AsyncPipeline {
 public:
  AsyncPipeline(Client& client, Pipeline& pipeline, CallOptions options)
      : client_(client), pipeline_(pipeline), options_(options) {}

  AsyncPipeline on(Executor& executor) && {
    executor_ = &executor;
    return std::move(*this);
  }

  bool await_ready() const noexcept { return pipeline_.size() == 0; }
  bool await_suspend(std::coroutine_handle<> caller) {
    operation_.reset(new detail_redis::AsyncEnd);
    return operation_->start(caller, executor_, [this] {
      Client& client = client_;
      const CallOptions options = options_;
      pipeline_.state_->tell_at_end(*operation_);
      client.submit_all(std::exchange(pipeline_.submissions_, {}), options);
    });
  }
  void await_resume() noexcept {
    if (operation_) operation_->taken();
  }

 private:
  Client& client_;
  Pipeline& pipeline_;
  CallOptions options_;
  Executor* executor_ = nullptr;
  std::unique_ptr<detail_redis::AsyncEnd, detail_redis::AbandonOperation> operation_;
};

namespace detail_redis {

struct ThroughClient {
  Client* client;
  void operator()(Submission submission, const CallOptions& options) const {
    client->submit(std::move(submission), options);
  }
};

}  // namespace detail_redis

template <class R>
AsyncCall<R, detail_redis::ThroughClient> Client::async(Command<R> command, CallOptions options) {
  return {detail_redis::ThroughClient{this}, std::move(command), options};
}

inline AsyncPipeline Client::async(Pipeline& pipeline, CallOptions options) {
  return AsyncPipeline(*this, pipeline, options);
}

}  // namespace envoyou::redis
