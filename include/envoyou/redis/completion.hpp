// How an answer finds its caller.
//
// A ReplyReader is the type-erased end of one command: exactly one of `on_reply` and `on_error` is called, exactly
// once, and `release` after it, as the last thing the client does with it. A reader that lives elsewhere than on the
// heap (a blocking caller's stack, a coroutine's frame) overrides `release`.
//
// A Completion is a reader's callback as a value: it can only be moved, is called exactly once, and ends the process
// when it is dropped uncalled: a lost answer is a defect that must not look like a slow server.
//
// A Submission is a command without its type: words, reader, and what happens if the link is lost. It is what the
// client's one primitive takes, and what a new face (a coroutine, a queue) builds on.
//
// Thread rule: a reader or a Completion belongs to whoever holds it.
#pragma once

#include <envoyou/redis/command.hpp>
#include <envoyou/redis/reply.hpp>
#include <envoyou/result.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace envoyou::redis {

// What a reader says of the reply it was given.
enum class Verdict : std::uint8_t {
  kMine,     // it is the answer, or a plain error
  kForeign,  // it can not be the answer: the link must be closed
};

class ReplyReader {
 public:
  virtual Verdict on_reply(const ReplyView& reply) noexcept = 0;
  virtual void on_error(Error error) noexcept = 0;
  // A reply before the last, where the submission says that more than one comes. Then on_reply or on_error as ever.
  virtual Verdict on_part(const ReplyView&) noexcept { return Verdict::kForeign; }
  // Whether this push is the reply to its command (SUBSCRIBE and its kin have no other).
  virtual bool is_answered_by(const ReplyView&) const noexcept { return false; }
  virtual void release() noexcept { delete this; }

 protected:
  virtual ~ReplyReader() = default;
};

struct ReleaseReader {
  void operator()(ReplyReader* reader) const noexcept { reader->release(); }
};
using ReaderHandle = std::unique_ptr<ReplyReader, ReleaseReader>;

struct Submission {
  Words words;
  ReaderHandle reader;
  Repeat repeat = Repeat::kNever;
  // The server may answer late by design: its silence is not held against the link. Only on a connection of one's own.
  bool waits = false;
  // Replies that come before the one that ends it: the words are several commands (Words::then), which are sent, and
  // expire, and are lost, as one.
  std::uint32_t parts = 0;
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

// A reply may be larger than what memory is left for its copy.
template <class R>
Result<R> decode_or_error(typename Command<R>::Decode decode, std::uint64_t tag, const ReplyView& reply) noexcept {
#if defined(__cpp_exceptions)
  try {
    return decode(reply, tag);
  } catch (const std::bad_alloc&) {
    return Error(Errc::kOutOfMemory);
  }
#else
  return decode(reply, tag);
#endif
}

// Decodes the reply and tells whether it was one for this question.
template <class R, class Take>
Verdict decode_into(typename Command<R>::Decode decode, std::uint64_t tag, const ReplyView& reply, Take take) noexcept {
  Result<R> result = decode_or_error<R>(decode, tag, reply);
  const bool foreign = !result && result.error().code() == Errc::kForeignReply;
  take(std::move(result));
  return foreign ? Verdict::kForeign : Verdict::kMine;
}

// A callback with its decoder, in one piece of memory. `Then` is any callable; a Completion is one.
template <class R, class Then>
class CallbackReader final : public ReplyReader {
 public:
  CallbackReader(typename Command<R>::Decode decode, std::uint64_t tag, Then then)
      : decode_(decode), tag_(tag), then_(std::move(then)) {}

  Verdict on_reply(const ReplyView& reply) noexcept override {
    return decode_into<R>(decode_, tag_, reply, [this](Result<R> result) { give(std::move(result)); });
  }
  void on_error(Error error) noexcept override { give(Result<R>(std::move(error))); }

 private:
  ~CallbackReader() override {
    if (!called_) detail::misuse("ReplyReader", "dropped without an answer");
  }
  void give(Result<R> result) noexcept {
    if (called_) detail::misuse("ReplyReader", "called twice");
    called_ = true;
    then_(std::move(result));
  }

  typename Command<R>::Decode decode_;
  std::uint64_t tag_;
  bool called_ = false;
  Then then_;
};

}  // namespace detail_redis

// REQUIRES: `reader` decodes as the command says.
template <class R>
Submission to_submission(Command<R> command, ReaderHandle reader) {
  Submission made;
  made.words = std::move(command.words);
  made.reader = std::move(reader);
  made.repeat = command.repeat;
  made.waits = command.waits != kDoesNotWait;
  made.script = command.script;
  return made;
}

// `then` is called once with a Result<R>; it must not throw.
template <class R, class Then>
Submission to_submission(Command<R> command, Then then) {
  ReaderHandle reader(new detail_redis::CallbackReader<R, Then>(command.decode, command.tag, std::move(then)));
  return to_submission(std::move(command), std::move(reader));
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
