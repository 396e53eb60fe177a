// One link to the node, from dialling to its end: a stream, a decoder, the handshake, and the core that ties replies to
// questions. Here is what moves bytes and nothing that decides.
//
//            dial               stream ready           handshake answered
//   down ---------> dialling ------------> greeting ---------------------> ready
//    ^                 |                      |                              |
//    '-- kRefused -----+----------------------'                              |
//    '-- kLost, kCondemned --------------------------------------------------'
//
// Every function that can change the phase says so in the News it returns; the engine acts on them. A link that ended
// is `down` when the News are returned, its stream closed, and its commands still in the core until `salvage`.
//
// Confined to the I/O role.
#pragma once

#include "redis/handshake_fsm.hpp"
#include "redis/link_core.hpp"
#include "redis/out_buffer.hpp"
#include "redis/sleepers.hpp"
#include "wire/decoder.hpp"
#include "wire/dialer.hpp"
#include "wire/loop.hpp"
#include "wire/stream.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/result.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace envoyou::redis {

struct News {
  enum class Kind : std::uint8_t { kNone, kReady, kRefused, kLost, kCondemned };
  Kind kind = Kind::kNone;
  Error error{Errc::kOk};  // what ended it
};

// What the links of a client share. All of it outlives them.
struct LinkEnvironment {
  const ClientOptions& options;
  wire::Loop& loop;
  wire::Dialer& dialer;
  std::span<char> read_buffer;
  Tally& tally;
  RetryBudget& budget;
  base::Jitter& jitter;
  std::uint32_t engine;  // in tokens
  PushSink* sink = nullptr;
  RedirectSink* redirects = nullptr;
  CredentialSource* credentials = nullptr;
  Sleepers* sleepers = nullptr;
};

// How a call on a caller's own thread (direct_call.hpp) stands.
enum class Direct : std::uint8_t {
  kGoesOn,  // its answer is missing
  kDone,    // nothing is in flight any more
  kLeft,    // what is to be done now is the I/O thread's
};

class Link {
 public:
  enum class Phase : std::uint8_t { kDown, kDialling, kGreeting, kReady };
  static constexpr int kMaxReads = 16;  // a turn, then the others have theirs
  static constexpr int kMaxWrites = 16;
  static constexpr int kEngineShift = 8;
  static constexpr int kGenerationShift = 32;

  // `index` tells it from its siblings in events. `descriptor` is kept at the number of its socket, -1 without one: a
  // forked child closes it.
  Link(const LinkEnvironment& environment, std::uint32_t index, std::atomic<int>& descriptor);

  Phase phase() const noexcept { return phase_; }
  LinkCore& core() noexcept { return core_; }
  const LinkCore& core() const noexcept { return core_; }
  const HandshakeFsm& handshake() const noexcept { return handshake_; }

  // REQUIRES: kDown.
  News dial(TimePoint now);
  News on_event(const wire::Event& event, TimePoint now);
  // Once a step: what waits for no event (a name being resolved, bytes left in the stream), and what was not answered
  // in time. `asked`: before the last look for events.
  News on_turn(TimePoint asked, TimePoint now);
  // Takes a command over. REQUIRES: kReady, and `pending` has not expired.
  void accept(Pending&& pending, TimePoint now);
  // Authenticates anew, in order with the commands. `reader` is told. REQUIRES: kReady.
  void authenticate(std::shared_ptr<const Identity> identity, ReaderHandle reader);
  // Whose link it is. REQUIRES: it was dialled.
  const Identity& identity() const noexcept { return *identity_; }
  // Encodes and writes what it can.
  News flush(TimePoint now);
  void close();

  // Muted, a link tells the loop nothing, so that a caller may read its answer himself. The I/O thread's.
  void mute();
  void unmute();
  // Nothing is in flight, queued, half done or in doubt.
  bool is_calm() const noexcept;

  // What a caller who has borrowed the I/O role does, in this order. None of it touches the loop or ends the link: what
  // is met on the way is found again by on_turn and flush.
  // True: the link is calm and clean, so a command may go. REQUIRES: muted.
  bool look_before_direct(TimePoint now);
  void encode_directly(Pending&& pending, TimePoint now);
  Direct write_directly();
  // Looks what has come.
  Direct read_directly(TimePoint now);
  // Waits for a moment (wire::kWaitingMs) for something to come. Only where the answer is near and nothing else is due:
  // meanwhile the I/O role can not be recalled.
  bool may_wait_directly(TimePoint now) const noexcept;
  Direct wait_directly(TimePoint now);
  // REQUIRES: `why` is a constant.
  void doom(std::string_view why) noexcept { doom_ = why; }
  bool is_muted() const noexcept { return muted_; }
  int descriptor() const noexcept { return stream_->descriptor(); }

  // When on_turn or flush has something to do at the latest.
  TimePoint due() const noexcept;

  // After kLost or kCondemned. See LinkCore::salvage.
  std::vector<Pending> salvage(TimePoint now, const Error& lost);

  // A token: generation (31 bits), engine (24), index (8).
  static std::uint32_t index_of(std::uint64_t token) noexcept { return static_cast<std::uint32_t>(token & 0xff); }
  static std::uint32_t engine_of(std::uint64_t token) noexcept {
    return static_cast<std::uint32_t>(token >> kEngineShift) & 0xffffffu;
  }

 private:
  News advance(TimePoint now);
  News greet(TimePoint now);
  News read_turn(TimePoint now);
  News take_replies(TimePoint now);
  bool may_call_strangers(const ReplyView& reply) const noexcept;
  News take_greetings(TimePoint now);
  News take_reply(const ReplyView& reply, TimePoint now);
  News take_greeting(const ReplyView& reply, TimePoint now);
  News write_out(TimePoint now);
  News end(News::Kind kind, Error error);
  News end_ready_or_refuse(News::Kind kind, Error error);
  News condemn(Error error);
  News watch(wire::Interest interest);
  News watch_io();
  bool has_stray_bytes(TimePoint now);
  Direct take_directly(const wire::IoResult& got, TimePoint now);
  TimePoint due_ready() const noexcept;
  std::uint64_t token() const noexcept;

  LinkEnvironment environment_;
  const std::uint32_t index_;
  std::atomic<int>& descriptor_;
  std::uint32_t generation_ = 0;  // tells late events of a closed stream from those of its successor
  Phase phase_ = Phase::kDown;
  std::unique_ptr<wire::Stream> stream_;
  std::optional<wire::Decoder> decoder_;
  std::shared_ptr<const Identity> identity_;
  HandshakeFsm handshake_;
  OutBuffer out_;
  LinkCore core_;
  TimePoint dialled_at_{};
  wire::Interest interest_;
  bool watched_ = false;
  bool more_to_read_ = false;
  bool write_blocked_ = false;
  bool write_needs_read_ = false;  // TLS
  bool read_needs_write_ = false;  // TLS
  bool greeting_answered_ = false;
  bool muted_ = false;
  bool undecoded_ = false;      // a caller has left bytes in the decoder
  std::string_view doom_ = {};  // why a caller has found the link to be condemned
  std::optional<TimePoint> stray_since_;
  std::optional<Error> first_error_;  // for the command at the front, whose reply it was
};

}  // namespace envoyou::redis
