// A command is a value: its words, and how to read the reply. Every face of the client takes any command, so a new
// command is two lines wherever it is needed and none in the client:
//
//   auto get = redis::Command<std::optional<std::string>>(redis::Words("GET", key), redis::decode_optional_string);
//
// Words are bytes; nothing in them is ever parsed. A decoder is a plain function that runs on the I/O thread, must not
// block and must not keep the view.
//
// `tag`: RESP has no correlation ids, so one unasked reply would shift all that follow. A command whose reply restates
// something of the question (a script that echoes a tag, a value that restates its key) gives the tag here and its
// decoder compares: on a mismatch it answers Errc::kForeignReply, and the client closes the link. docs/redis.md tells
// the residue for commands without a tag.
//
// Thread-compatible.
#pragma once

#include <envoyou/clock.hpp>
#include <envoyou/redis/reply.hpp>
#include <envoyou/result.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::redis {

class Script;

// The words of one command, kept in the form they are sent in (RESP array of bulk strings, without its header).
//
// Up to kInline bytes lie in the object itself, which is then moved by copying it whole: a GET, a SET of a small value
// and a short script call cost no allocation on their way through the client.
class Words {
 public:
  static constexpr std::size_t kInline = 104;

  Words() = default;
  template <class... Args>
  explicit Words(std::string_view name, const Args&... args) {
    add(name);
    (add(args), ...);
  }
  Words(const Words& other);
  Words(Words&& other) noexcept { take(other); }
  Words& operator=(const Words& other) { return *this = Words(other); }
  Words& operator=(Words&& other) noexcept {
    if (this == &other) return *this;
    delete[] heap_;
    take(other);
    return *this;
  }
  ~Words() { delete[] heap_; }

  Words& add(std::string_view word);
  template <std::integral Int>
  Words& add(Int value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    return add(std::string_view(digits, static_cast<std::size_t>(end - digits)));
  }
  // Lets go of all words and of their memory.
  void clear() noexcept {
    delete[] heap_;
    heap_ = nullptr;
    size_ = 0;
    count_ = 0;
  }

  // Another command right behind this one, for who submits several as one (Submission::parts). REQUIRES: both have
  // words.
  Words& then(const Words& next);

  // Of the first command.
  std::size_t count() const noexcept { return count_; }
  // What will be sent, without the array header "*count\r\n".
  std::string_view encoded() const noexcept { return {heap_ != nullptr ? heap_ : small_, size_}; }

 private:
  friend class Script;
  void take(Words& other) noexcept {
    std::memcpy(static_cast<void*>(this), static_cast<const void*>(&other), sizeof *this);
    other.heap_ = nullptr;
    other.size_ = 0;
    other.count_ = 0;
  }
  // Room for `bytes` more, behind what is there.
  char* room_for(std::size_t bytes) {
    return heap_ == nullptr && bytes <= kInline - size_ ? small_ + size_ : grow(bytes);
  }
  char* grow(std::size_t bytes);
  void append(std::string_view encoded);

  char* heap_ = nullptr;  // null: all is in small_
  std::size_t size_ = 0;
  std::size_t count_ = 0;
  union {
    char small_[kInline];
    std::size_t capacity_;  // of heap_
  };
};

// What may happen to a command whose link is lost after it was sent.
enum class Repeat : std::uint8_t {
  kNever,   // not idempotent: the caller gets kConnectionLost
  kIsSafe,  // reads, and writes that set the same again: repeated once within the deadline, on the node's retry budget
};

// Command::waits of all commands but those that block on the server.
inline constexpr Milliseconds kDoesNotWait{-1};

template <class R>
struct Command {
  using Decode = Result<R> (*)(const ReplyView& reply, std::uint64_t tag);

  Command(Words w, Decode d, Repeat r = Repeat::kNever, std::uint64_t t = 0)
      : words(std::move(w)), decode(d), repeat(r), tag(t) {}

  Words words;
  Decode decode;
  Repeat repeat = Repeat::kNever;
  std::uint64_t tag = 0;
  // How long it may block on the server, zero for ever: it needs a connection of its own (connection.hpp).
  Milliseconds waits = kDoesNotWait;
  // Set by Script::command: sent as EVALSHA, and once more as EVAL when the server does not know it.
  const Script* script = nullptr;
};

// Decoders for the usual shapes. A reply of another shape is kForeignReply: it can not be the answer to this question.
Result<Reply> decode_any(const ReplyView& reply, std::uint64_t tag);
Result<void> decode_ok(const ReplyView& reply, std::uint64_t tag);
Result<std::int64_t> decode_integer(const ReplyView& reply, std::uint64_t tag);
Result<std::string> decode_string(const ReplyView& reply, std::uint64_t tag);
Result<std::optional<std::string>> decode_optional_string(const ReplyView& reply, std::uint64_t tag);
Result<std::vector<std::string>> decode_strings(const ReplyView& reply, std::uint64_t tag);
Result<std::vector<std::optional<std::string>>> decode_optional_strings(const ReplyView& reply, std::uint64_t tag);

}  // namespace envoyou::redis
