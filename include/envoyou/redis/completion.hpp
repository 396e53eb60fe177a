// How an answer finds its caller. A Completion can only be moved, is called exactly once, and ends the process when it
// is dropped uncalled: a lost answer is a defect that must not look like a slow server.
//
// A Submission is a command without its type: words, reader, and what happens if the link is lost. It is what the
// client's one primitive takes, and what a new face (a coroutine, a queue) builds on.
//
// Thread rule: a Completion belongs to whoever holds it.
#pragma once

#include <envoyou/redis/command.hpp>
#include <envoyou/redis/reply.hpp>
#include <envoyou/result.hpp>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace envoyou::redis {

// What a reader says of the reply it was given.
enum class Verdict : std::uint8_t {
  kMine,     // it is the answer, or a plain error
  kForeign,  // it can not be the answer: the link must be closed
};

// The type-erased end of one command. Exactly one of the two is called, exactly once.
class ReplyReader {
 public:
  virtual ~ReplyReader() = default;
  virtual Verdict on_reply(const ReplyView& reply) noexcept = 0;
  virtual void on_error(Error error) noexcept = 0;
};

struct Submission {
  Words words;
  std::unique_ptr<ReplyReader> reader;
  Repeat repeat = Repeat::kNever;
  const Script* script = nullptr;
};

template <class R>
class Completion {
 public:
  template <class Then>
  explicit Completion(Then then) : then_(std::make_unique<Holder<Then>>(std::move(then))) {}
  Completion(Completion&&) noexcept = default;
  Completion& operator=(Completion&&) noexcept = default;
  ~Completion() {
    if (then_ != nullptr) detail::misuse("Completion", "dropped without an answer");
  }

  void operator()(Result<R> result) noexcept {
    if (then_ == nullptr) detail::misuse("Completion", "called twice");
    auto then = std::move(then_);
    then->call(std::move(result));
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void call(Result<R> result) = 0;
  };
  template <class Then>
  struct Holder final : Base {
    explicit Holder(Then t) : then(std::move(t)) {}
    void call(Result<R> result) override { then(std::move(result)); }
    Then then;
  };
  std::unique_ptr<Base> then_;
};

namespace detail_redis {
template <class R>
class TypedReader final : public ReplyReader {
 public:
  TypedReader(typename Command<R>::Decode decode, std::uint64_t tag, Completion<R> completion)
      : decode_(decode), tag_(tag), completion_(std::move(completion)) {}

  Verdict on_reply(const ReplyView& reply) noexcept override {
    Result<R> result = decode_(reply, tag_);
    const bool foreign = !result && result.error().code() == Errc::kForeignReply;
    completion_(std::move(result));
    return foreign ? Verdict::kForeign : Verdict::kMine;
  }
  void on_error(Error error) noexcept override { completion_(Result<R>(std::move(error))); }

 private:
  typename Command<R>::Decode decode_;
  std::uint64_t tag_;
  Completion<R> completion_;
};
}  // namespace detail_redis

template <class R>
Submission to_submission(Command<R> command, Completion<R> completion) {
  Submission made;
  made.words = std::move(command.words);
  made.reader = std::make_unique<detail_redis::TypedReader<R>>(command.decode, command.tag, std::move(completion));
  made.repeat = command.repeat;
  made.script = command.script;
  return made;
}

// Counts the answers that a blocking caller waits for. Thread-safe.
class WaitState {
 public:
  void expect_one() {
    const std::lock_guard lock(mutex_);
    ++expected_;
  }
  void arrived() noexcept {
    const std::lock_guard lock(mutex_);
    if (--expected_ == 0) wake_.notify_all();
  }
  // Blocks until all have arrived. The client guarantees that they do, within their deadline.
  void wait() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return expected_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::size_t expected_ = 0;
};

}  // namespace envoyou::redis
