// How an answer finds its caller.
//
// A ReplyReader is the type-erased end of one command: exactly one of `on_reply` and `on_error` is called, exactly
// once, and `release` after it, as the last thing the client does with it. A reader that lives elsewhere than on the
// heap (a blocking caller's stack, a coroutine's frame) overrides `release`. A callback needs no reader: its handle
// carries it.
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

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
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
  // The parts it was told of are void: nothing was executed, and the commands go once more, from the first.
  virtual void on_repeat() noexcept {}
  // Whether this push is the reply to its command (SUBSCRIBE and its kin have no other).
  virtual bool is_answered_by(const ReplyView&) const noexcept { return false; }
  virtual void release() noexcept { delete this; }

 protected:
  virtual ~ReplyReader() = default;
};

// Who is told the answer: a reader that lives elsewhere, or a callback that lives in the handle. Up to kInline bytes of
// a callback are carried in place, so that the usual one costs no allocation on its way; a larger one lies on the heap.
//
// A value that can only be moved. Whoever holds one that is not empty calls on_reply or on_error, once, and lets go.
class ReaderHandle {
 public:
  static constexpr std::size_t kInline = 56;
  static constexpr std::size_t kAlignment = alignof(void*);

  // How the handle treats what it holds, which lies at `at`.
  struct Kind {
    Verdict (*on_reply)(void* at, const ReplyView& reply) noexcept;
    Verdict (*on_part)(void* at, const ReplyView& part) noexcept;
    void (*on_repeat)(void* at) noexcept;
    void (*on_error)(void* at, Error error) noexcept;
    bool (*is_answered_by)(const void* at, const ReplyView& push) noexcept;
    void (*release)(void* at) noexcept;           // the last touch
    void (*move)(void* from, void* to) noexcept;  // null: its bytes are copied
  };

  ReaderHandle() = default;
  ReaderHandle(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor)
  // REQUIRES: `reader` outlives its `release`.
  explicit ReaderHandle(ReplyReader* reader) noexcept;
  // Makes a Held in the handle. REQUIRES: it fits and can be moved without throwing.
  template <class Held, class... Args>
  explicit ReaderHandle(std::in_place_type_t<Held>, Args&&... args) : kind_(&Held::kKind) {
    static_assert(sizeof(Held) <= kInline && alignof(Held) <= kAlignment);
    new (static_cast<void*>(place_)) Held(std::forward<Args>(args)...);
  }
  ReaderHandle(ReaderHandle&& other) noexcept { take(other); }
  ReaderHandle& operator=(ReaderHandle&& other) noexcept {
    if (this == &other) return *this;
    reset();
    take(other);
    return *this;
  }
  ~ReaderHandle() { reset(); }

  explicit operator bool() const noexcept { return kind_ != nullptr; }
  friend bool operator==(const ReaderHandle& handle, std::nullptr_t) noexcept { return handle.kind_ == nullptr; }
  void reset() noexcept {
    if (kind_ != nullptr) std::exchange(kind_, nullptr)->release(place_);
  }
  void reset(ReplyReader* reader) noexcept;

  // What a reader can be told, told to what is held. REQUIRES: not empty.
  const ReaderHandle* operator->() const noexcept { return this; }
  Verdict on_reply(const ReplyView& reply) const noexcept { return kind_->on_reply(place_, reply); }
  Verdict on_part(const ReplyView& part) const noexcept { return kind_->on_part(place_, part); }
  void on_repeat() const noexcept { kind_->on_repeat(place_); }
  void on_error(Error error) const noexcept { kind_->on_error(place_, std::move(error)); }
  bool is_answered_by(const ReplyView& push) const noexcept { return kind_->is_answered_by(place_, push); }

 private:
  void take(ReaderHandle& other) noexcept {
    kind_ = std::exchange(other.kind_, nullptr);
    if (kind_ == nullptr) return;
    if (kind_->move != nullptr) return kind_->move(other.place_, place_);
    std::memcpy(place_, other.place_, kInline);
  }

  const Kind* kind_ = nullptr;  // null: empty
  alignas(kAlignment) mutable std::byte place_[kInline];
};

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

// A reader that lives elsewhere, as a handle holds it.
struct ReaderElsewhere {
  explicit ReaderElsewhere(ReplyReader* r) noexcept : reader(r) {}
  static ReplyReader& of(const void* at) noexcept { return *static_cast<const ReaderElsewhere*>(at)->reader; }
  static const ReaderHandle::Kind kKind;

  ReplyReader* reader;
};

inline constexpr ReaderHandle::Kind ReaderElsewhere::kKind = {
    [](void* at, const ReplyView& reply) noexcept { return of(at).on_reply(reply); },
    [](void* at, const ReplyView& part) noexcept { return of(at).on_part(part); },
    [](void* at) noexcept { of(at).on_repeat(); },
    [](void* at, Error error) noexcept { of(at).on_error(std::move(error)); },
    [](const void* at, const ReplyView& push) noexcept { return of(at).is_answered_by(push); },
    [](void* at) noexcept { of(at).release(); },
    nullptr,
};

// A callback with its decoder. `Then` is any callable; a Completion is one.
template <class R, class Then>
class Callback {
 public:
  Callback(typename Command<R>::Decode decode, std::uint64_t tag, Then then)
      : decode_(decode), tag_(tag), then_(std::move(then)) {}

  static const ReaderHandle::Kind kKind;

 private:
  static Callback& of(void* at) noexcept { return *static_cast<Callback*>(at); }
  static void move(void* from, void* to) noexcept {
    new (to) Callback(std::move(of(from)));
    of(from).~Callback();
  }
  void give(Result<R>&& result) noexcept {
    if (decode_ == nullptr) detail::misuse("ReplyReader", "called twice");
    decode_ = nullptr;
    then_(std::move(result));
  }
  Verdict read(const ReplyView& reply) noexcept {
    return decode_into<R>(decode_, tag_, reply, [this](Result<R>&& result) { give(std::move(result)); });
  }
  void release() noexcept {
    if (decode_ != nullptr) detail::misuse("ReplyReader", "dropped without an answer");
    this->~Callback();
  }

  typename Command<R>::Decode decode_;  // null: called
  std::uint64_t tag_;
  Then then_;
};

template <class R, class Then>
constexpr ReaderHandle::Kind Callback<R, Then>::kKind = {
    [](void* at, const ReplyView& reply) noexcept { return of(at).read(reply); },
    [](void*, const ReplyView&) noexcept { return Verdict::kForeign; },
    [](void*) noexcept {},
    [](void* at, Error error) noexcept { of(at).give(Result<R>(std::move(error))); },
    [](const void*, const ReplyView&) noexcept { return false; },
    [](void* at) noexcept { of(at).release(); },
    std::is_trivially_copyable_v<Then> ? nullptr : &Callback::move,
};

template <class R, class Then>
inline constexpr bool kFitsInHandle =
    sizeof(Callback<R, Then>) <= ReaderHandle::kInline &&
    alignof(Then) <= ReaderHandle::kAlignment&& std::is_nothrow_move_constructible_v<Then>;

}  // namespace detail_redis

inline ReaderHandle::ReaderHandle(ReplyReader* reader) noexcept
    : ReaderHandle(std::in_place_type<detail_redis::ReaderElsewhere>, reader) {}
inline void ReaderHandle::reset(ReplyReader* reader) noexcept { *this = ReaderHandle(reader); }

// REQUIRES: `reader` decodes as the command says.
template <class R>
Submission to_submission(Command<R>&& command, ReaderHandle reader) {
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
Submission to_submission(Command<R>&& command, Then then) {
  if constexpr (detail_redis::kFitsInHandle<R, Then>) {
    ReaderHandle reader(std::in_place_type<detail_redis::Callback<R, Then>>, command.decode, command.tag,
                        std::move(then));
    return to_submission(std::move(command), std::move(reader));
  } else {
    // Too large to be carried: a pointer to it is.
    auto elsewhere = [held = std::make_unique<Then>(std::move(then))](Result<R> result) { (*held)(std::move(result)); };
    return to_submission(std::move(command), std::move(elsewhere));
  }
}

class Sleepers;  // of the library: callers that are woken together

// Counts the answers that a blocking caller waits for, and lets him sleep. Costs no system call when the answers are
// there before he sleeps, else one on either side (futex(2) on Linux).
//
//   left_:  bit 31: he sleeps or is about to; then he is of the group in the bits 26 to 30; below: how many are missing
//
// It may be gone as soon as the last `arrived` has counted down. Thread-safe.
class WaitState {
 public:
  // With `sleepers`, which outlives the wait, all `arrived` are the I/O role's.
  explicit WaitState(Sleepers* sleepers = nullptr) noexcept : sleepers_(sleepers) {}

  // REQUIRES: fewer than 2^26 are missing.
  void expect_one() noexcept { left_.fetch_add(1, std::memory_order_relaxed); }
  void arrived() noexcept {
    std::atomic<std::uint32_t>* const left = &left_;
    Sleepers* const sleepers = sleepers_;
    const std::uint32_t was = left_.fetch_sub(1, std::memory_order_acq_rel);
    if ((was & (kSleeps | kCount)) == (kSleeps | 1)) wake(left, sleepers, (was & ~kSleeps) >> kGroupShift);
  }
  // Blocks until all have arrived. The client guarantees that they do, within their deadline. One caller.
  void wait() noexcept {
    if (left_.load(std::memory_order_acquire) != 0) sleep();
  }

 private:
  static constexpr std::uint32_t kSleeps = 1u << 31;
  static constexpr unsigned kGroupShift = 26;
  static constexpr std::uint32_t kCount = (1u << kGroupShift) - 1;

  void sleep() noexcept;
  static void wake(std::atomic<std::uint32_t>* left, Sleepers* sleepers, std::uint32_t group) noexcept;

  std::atomic<std::uint32_t> left_{0};
  Sleepers* const sleepers_;
};

}  // namespace envoyou::redis
