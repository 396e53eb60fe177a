// One command of a caller on its way, from submit until its reader was called. Whoever holds it calls the reader,
// exactly once; what is dropped all the same (an exception on the way) ends with kOutOfMemory, so that no caller
// waits for ever.
//
// A value that can only be moved. Confined to the I/O role.
#pragma once

#include "redis/quota.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/redis/completion.hpp>
#include <envoyou/redis/script.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace envoyou::redis {

// Where a command belongs among the servers of a cluster. A client of one server leaves it alone.
struct Route {
  static constexpr std::uint16_t kAnySlot = 0xffff;
  std::uint16_t slot = kAnySlot;
  bool is_set = false;      // redirects are followed; the words are kept until it is answered
  bool reads = false;       // may go to a replica
  bool asking = false;      // goes behind an ASKING
  std::uint8_t hops = 0;    // redirects followed
  std::uint8_t delays = 0;  // times it was told to come later
};

// Under what a command is submitted.
struct Terms {
  TimePoint deadline = TimePoint::max();
  bool shortened = false;  // less time than usual
  bool alone = false;      // its caller sleeps until it is answered
};

// What of a command is copied as it is when the command is moved.
struct Particulars {
  const Script* script = nullptr;
  TimePoint deadline = TimePoint::max();
  std::uint64_t end = 0;           // where its last byte stands among all bytes of its link
  std::uint32_t parts = 0;         // replies that are still to come before its last
  std::uint32_t parts_in_all = 0;  // of which so many came before any was answered
  Route route;
  Repeat repeat = Repeat::kNever;
  bool waits = false;         // its server may be silent until the deadline
  bool is_ping = false;       // the link's own; has no reader
  bool is_own = false;        // the engine's: not counted, never sent again
  bool shortened = false;     // see Terms
  bool alone = false;         // see Terms
  bool is_asking = false;     // the link's own ASKING; has no reader
  bool may_have_run = false;  // a link that had taken all of it was lost
  bool with_text = false;     // goes as EVAL
  bool more_follow = false;   // the next one in the queue belongs to the same group and goes down the same link
};
static_assert(std::is_trivially_copyable_v<Particulars>);

struct Pending : Particulars {
  Pending() = default;
  Pending(Submission&& submission, const Terms& terms) noexcept
      : words(std::move(submission.words)), reader(std::move(submission.reader)) {
    script = submission.script;
    deadline = terms.deadline;
    parts = parts_in_all = submission.parts;
    repeat = submission.repeat;
    waits = submission.waits;
    shortened = terms.shortened;
    alone = terms.alone;
  }
  Pending(Submission&& submission, TimePoint until) noexcept : Pending(std::move(submission), Terms{until}) {}
  Pending(Pending&&) noexcept = default;
  // REQUIRES: this one has no reader left.
  Pending& operator=(Pending&&) noexcept = default;
  ~Pending() {
    if (reader) fail(Error(Errc::kOutOfMemory));
  }

  // The end of the command: calls the reader and lets go of all it held.
  void fail(const Error& error) noexcept {
    reader->on_error(error);
    forget_words();
    reader.reset();
  }
  Verdict answer(const ReplyView& reply) noexcept {
    const Verdict verdict = reader->on_reply(reply);
    forget_words();
    reader.reset();
    return verdict;
  }
  // It goes once more, all of it.
  void begin_again() noexcept {
    if (parts_in_all == 0) return;
    parts = parts_in_all;
    if (reader) reader->on_repeat();
  }
  void forget_words() noexcept {
    words.clear();
    charge.give_back();
  }

  // Nobody waits any more for what blocks beyond its deadline: then the link is given up as any silent one.
  bool may_be_silent() const noexcept { return waits && reader != nullptr; }

  // What it ends with when its deadline passes before it is sent (again).
  Errc when_expired() const noexcept { return may_have_run ? Errc::kTimeout : Errc::kNotSent; }

  Words words;
  ReaderHandle reader;  // null: given up, its place is kept for the late reply
  Charge charge;
};

}  // namespace envoyou::redis
