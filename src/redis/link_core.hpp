// One link that is up: which command is sent when, which reply belongs to whom, and when the link can no longer be
// believed.
//
//   enqueue --> unsent --encode--> in flight --on_reply--> answered
//                 |  ^                |
//      (expired)  |  '- NOSCRIPT: once more as EVAL, ahead of the rest
//                 v                   v
//             kNotSent     kTimeout (the place is kept for the late reply)
//
// RESP has no correlation ids: the only thing that ties a reply to its question is order. So a link is condemned
//
//   - when a reply comes that nobody asked for (pushes excepted: they go to the sink, or are counted and forgotten),
//   - when a reader says that a reply can not be to its question (a tag, a shape),
//   - when a fence is answered wrongly: every `idle_ping`, also under load, goes a PING with a word that only this
//     link knows; were the replies one off, another reply would stand in its place,
//   - when it is silent for the stall limit (below) with work in flight, unless what is to be answered next blocks on
//     the server and is there for it (a connection of one's own). Signs of life are whole replies, kLifeBytes of one in
//     the making (so a server that drips a byte now and then is silent), and room to write after there was none.
//
// The stall limit is `stall_limit` of the options, or four round trips where the way is so long: a packet that is lost
// and sent again takes three, and a link must not be condemned for that. Never more than `connect_timeout`: a link is
// given no more patience than a new one would be. The round trip is the shortest that was seen, of the handshake's ping
// and of all fences since, so that one slow answer does not make the link patient for good.
//
// A READONLY says that the server has become a replica, as after a failover behind one name: the link then takes no
// more commands and, once its flight is empty, is given up for a new one, which asks the name again.
//
// In a cluster a server may send a command elsewhere: `redirects` takes it over. What is asked for behind ASKING goes
// with it in one piece, so that nothing comes between the two. A transaction of which one command is sent elsewhere is
// not executed, and all of it goes there; unless another of its commands was refused before, of which its caller knows.
//
// A NOAUTH says that the link is nobody's any more (its user was changed or its token has ended): it is given up in the
// same way, and the new one authenticates with what is known then.
//
// Silence is judged by the time before the last look for bytes, not by the time now: a process that was itself held
// up (a stopped host, a starved thread) must first read what has come meanwhile.
//
// Sans-I/O: fed with replies, counts and times. Confined to the I/O role.
#pragma once

#include "base/random.hpp"
#include "redis/credential_source.hpp"
#include "redis/in_flight.hpp"
#include "redis/out_buffer.hpp"
#include "redis/pending.hpp"
#include "redis/push_sink.hpp"
#include "redis/redirect_sink.hpp"
#include "redis/retry_budget.hpp"
#include "redis/tally.hpp"
#include "redis/unsent_queue.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/redis/reply.hpp>
#include <envoyou/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::redis {

class LinkCore {
 public:
  static constexpr std::size_t kLifeBytes = 1024;
  // A link to what is a replica for good is not given up more often than this.
  static constexpr Milliseconds kLeastLife{1'000};

  // REQUIRES: all of them outlive it. `sink` and `redirects` may be null.
  LinkCore(const ClientOptions& options, Tally& tally, RetryBudget& budget, base::Jitter& jitter,
           PushSink* sink = nullptr, RedirectSink* redirects = nullptr);

  static constexpr int kStallRoundTrips = 4;

  // The shortest that was seen.
  Microseconds round_trip() const noexcept { return round_trip_; }
  // The handshake is done, and its ping took `round_trip`. REQUIRES: the core is empty.
  void open(TimePoint now, Microseconds round_trip = Microseconds(0));

  std::chrono::nanoseconds stall_limit() const noexcept { return stall_limit_; }

  // Whose password must be in no text from now on.
  void use(std::shared_ptr<const Identity> identity) { identity_ = std::move(identity); }

  // A command of the engine's own: goes ahead of what waits, is not counted, has no deadline, and ends with the link.
  void enqueue_own(Words words, ReaderHandle reader);
  void enqueue(Pending&& pending) { unsent_.push_back(std::move(pending)); }
  // True: it goes into the flight now, past a queue that is empty. REQUIRES: `pending` has not expired.
  bool encode_at_once(Pending&& pending, OutBuffer& out, TimePoint now);
  // Encodes what waits, as far as the window and the buffer go. What has expired ends unsent.
  void encode(OutBuffer& out, TimePoint now);
  void on_written(std::uint64_t written) { in_flight_.on_written(written); }
  void on_room_again(TimePoint now) { show_life(now); }
  void on_bytes(std::size_t bytes, TimePoint now);

  // Why the link is condemned; empty: it is not.
  using Condemned = std::string_view;
  Condemned on_reply(const ReplyView& reply, TimePoint now);
  std::optional<std::string> judge_silence(TimePoint asked) const;
  bool is_retired() const noexcept { return retiring_ && in_flight_.empty(); }
  // REQUIRES: is_retired().
  Error why_retired() const;

  void expire(TimePoint now);
  // When expire, judge_silence or (where it `may_encode`) encode has something to do at the latest.
  TimePoint due(bool may_encode) const noexcept;

  std::size_t in_flight() const noexcept { return in_flight_.size() - own_in_flight_ - (ping_in_flight_ ? 1 : 0); }
  bool is_idle() const noexcept { return in_flight_.empty(); }
  // Moves what waits to be encoded to the end of `into`, in order, but for what is the engine's own.
  void take_unsent(std::vector<Pending>& into);
  // Whose answer comes next does nothing with it but wake up.
  bool next_is_asleep() const noexcept { return !in_flight_.empty() && in_flight_.front().alone; }
  // Nothing is on the way but a command that waits on the server.
  bool is_quiet() const noexcept {
    return load() == 0 || (load() == 1 && in_flight_.size() == 1 && in_flight_.front().may_be_silent());
  }
  // Whether one more may be encoded.
  bool window_is_open(const OutBuffer& out) const noexcept;
  // In flight and waiting: for choosing among links.
  std::size_t load() const noexcept { return in_flight_.size() + unsent_.size() + again_.size(); }

  // The link is gone; `written` bytes of its stream were taken by the system. Gives what may be sent on another link,
  // in order, and ends the rest with `lost`; `first` is what the command at the front gets, if it is given.
  std::vector<Pending> salvage(std::uint64_t written, TimePoint now, const Error& lost,
                               const std::optional<Error>& first);

 private:
  void fly(Pending&& pending, OutBuffer& out);
  void fly_asking(OutBuffer& out);
  void encode_from(UnsentQueue& queue, OutBuffer& out, TimePoint now);
  void ping(OutBuffer& out, TimePoint now);
  void measure(Microseconds round_trip) noexcept;
  void show_life(TimePoint now) noexcept;
  bool is_push(const ReplyView& reply) const noexcept;
  Condemned take_push(const ReplyView& push, TimePoint now);
  Condemned check_fence(const ReplyView& whole, TimePoint now);
  Condemned take_answer(const ReplyView& reply, TimePoint now);
  Condemned deliver(Pending& pending, const ReplyView& reply, TimePoint now);
  Condemned deliver_error(Pending& pending, const ReplyView& reply, TimePoint now);
  void count_answer() noexcept {
    ++tally_.answered;
    budget_.on_answered(1);
  }
  static void give_text(Pending& pending);
  Condemned deliver_part(Pending& pending, const ReplyView& part, TimePoint now);
  bool goes_elsewhere(const Pending& pending, const ReplyView& part);
  void forget_parts() noexcept;
  Condemned foreign();
  void note_error(std::string_view text, TimePoint now) noexcept;
  TimePoint silent_until() const noexcept;
  bool may_repeat(const Pending& pending, TimePoint now);

  const ClientOptions& options_;
  Tally& tally_;
  RetryBudget& budget_;
  base::Jitter& jitter_;
  PushSink* const sink_;
  RedirectSink* const redirects_;
  UnsentQueue again_;  // scripts that go once more, with their text
  UnsentQueue unsent_;
  InFlight in_flight_;
  TimePoint opened_{};
  TimePoint life_{};
  std::size_t life_bytes_ = 0;
  TimePoint next_ping_ = TimePoint::max();
  TimePoint ping_asked_{};
  Microseconds round_trip_{0};
  std::chrono::nanoseconds stall_limit_;
  bool ping_in_flight_ = false;
  bool server_echoes_ = false;
  bool retiring_ = false;
  Errc retired_by_ = Errc::kReadOnly;
  bool evalsha_is_refused_ = false;
  std::size_t own_in_flight_ = 0;
  // Of the transaction at the front:
  std::string part_redirect_;  // what its first command was told that is to go elsewhere; empty: none was
  bool part_refused_ = false;  // its caller was told so
  std::shared_ptr<const Identity> identity_;
  std::string ping_word_;
};

}  // namespace envoyou::redis
