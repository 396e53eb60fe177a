// One server's part of a client, without a thread: everything that happens, happens in `on_event` and `turn`.
//
//   on_event:  read, decode all, complete all
//   turn:      take what callers posted --> deadlines, dials --> encode all that waits, one write a link
//
// The reactor (reactor.hpp) calls them for the engines of all servers. A thread that steps it for ever is the client's
// I/O thread (io_thread.hpp); a simulation steps it between its own steps, over a loop, a dialler and a clock of its
// own. Whoever does so has the *I/O role*: it owns sockets, TLS objects, in-flight queues and decoders, and there is
// one at a time.
//
// Where a command waits:
//
//   inbox --> a ready link's queue --> its flight --> answered
//     '-----> waiting (no link is ready, an attempt is under way) --> a link's queue, when one is ready
//     '-----> refused (the node is away)
//
// The engine decides who gets what; the machines it asks are in node_fsm.hpp, link_core.hpp, handshake_fsm.hpp.
#pragma once

#include "base/random.hpp"
#include "redis/board.hpp"
#include "redis/credential_source.hpp"
#include "redis/inbox.hpp"
#include "redis/link.hpp"
#include "redis/node_fsm.hpp"
#include "redis/prober.hpp"
#include "redis/push_sink.hpp"
#include "redis/reporter.hpp"
#include "redis/retry_budget.hpp"
#include "redis/tally.hpp"
#include "redis/unsent_queue.hpp"
#include "wire/dialer.hpp"
#include "wire/loop.hpp"

#include <envoyou/redis/client.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/runtime.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace envoyou::redis {

struct EngineParts {
  wire::Loop& loop;  // outlives the engine
  std::unique_ptr<wire::Dialer> dialer;
  std::uint64_t seed = 0;             // of jitter and of fence words
  std::uint32_t id = 0;               // in tokens of events: below 2^24, and no other engine's of the same loop
  std::shared_ptr<PushSink> sink{};   // may be null
  RedirectSink* redirects = nullptr;  // may be null; outlives the engine
  std::shared_ptr<CredentialSource> credentials{};  // null: those of the options, for good
  Sleepers* sleepers = nullptr;                     // may be null; outlives the engine's steps
};

class Engine {
 public:
  static constexpr std::size_t kReadBuffer = 64u << 10;
  // Between two attempts whose credentials were refused, unless there are others.
  static constexpr Milliseconds kAuthEvery{1'000};
  static constexpr int kLoneCalls = 4;

  // REQUIRES: `options` was validated; `inbox` and `board` outlive the engine.
  Engine(const ClientOptions& options, const Runtime& runtime, NodeListener* listener, EngineParts parts, Inbox& inbox,
         Board& board);

  void on_event(const wire::Event& event, TimePoint now);
  // All that is to be done. `asked`: before the last look for events. The I/O role.
  void turn(TimePoint asked, TimePoint now);
  // When the next turn is due at the latest, if nothing is posted and nothing happens.
  TimePoint due() const;
  // Whose event it is: `EngineParts::id`.
  static std::uint32_t id_of(std::uint64_t token) noexcept { return Link::engine_of(token); }

  // Asks the server what it can, when a link is up. Before the first step, or the I/O role.
  void ask_what_it_can() noexcept { prober_.enable(); }

  // Ends every command with `reason` and every link. The engine can go on after it. The I/O role.
  void drop_everything(const Error& reason);
  // It will not be stepped any more.
  void end(const Error& reason);

  // Moves what was not sent to the end of `into`, in order: it is going to another server. Not from within a turn of
  // this engine. The I/O role.
  void take_unsent(std::vector<Pending>& into);

  // For callers that come one by one (direct_call.hpp). The I/O thread's:
  bool is_quiet() const noexcept;
  // The last kLoneCalls came alone, and there is a link that they can use.
  bool is_called_alone() const noexcept;
  void mute();
  // Forgets one of those calls if none went directly meanwhile.
  void unmute();
  // Whoever has the I/O role: a link that a command may be encoded on at once; null if there is none.
  Link* begin_direct(TimePoint now);
  void after_direct();

  // In a forked child, where the I/O role is nobody's: closes the copies of the sockets and touches nothing else.
  void close_descriptors_in_child() noexcept;

 private:
  void take_posted(TimePoint now);
  void watch_who_comes();
  void run_timers(TimePoint asked, TimePoint now);
  void dial_due(TimePoint now);
  void flush(TimePoint now);
  void publish();

  class AuthReader;
  void dial(Link& link, TimePoint now);
  void mind_credentials(TimePoint now);
  void on_authenticated(std::uint64_t generation, std::string_view refusal);
  void on_learnt();
  void apply(Link& link, const News& news, TimePoint now);
  void on_ready(Link& link, TimePoint now);
  void on_refused(const Error& why, TimePoint now);
  void on_ended(Link& link, const News& news, TimePoint now);

  // Sends `pending` on its way: to a link, to the waiting, or back.
  void place(Pending&& pending, TimePoint now);
  void place_waiting(TimePoint now);
  Link* choose_link();
  void refuse_waiting();
  std::size_t in_flight() const noexcept;

  const ClientOptions options_;
  const std::shared_ptr<Clock> clock_;
  const std::unique_ptr<wire::Dialer> dialer_;
  const std::shared_ptr<PushSink> sink_;
  const std::shared_ptr<CredentialSource> credentials_;
  Inbox& inbox_;
  Board& board_;
  base::Jitter jitter_;
  Tally tally_;
  RetryBudget budget_;
  NodeFsm node_;
  Reporter reporter_;
  Prober prober_;
  std::vector<char> read_buffer_;
  std::vector<std::atomic<int>> descriptors_;
  std::vector<std::unique_ptr<Link>> links_;
  UnsentQueue waiting_;
  std::vector<Pending> taken_;
  Link* group_link_ = nullptr;  // where the group that is being placed goes
  std::size_t next_link_ = 0;
  int lone_calls_ = 0;               // in a row
  std::uint64_t direct_before_ = 0;  // as of the last mute
  std::uint64_t answered_before_ = 0;
  Error away_{Errc::kUnavailable};
  std::uint64_t generation_ = 0;        // of the credentials that were seen last
  bool links_are_behind_ = false;       // some may be authenticated with those before
  bool authenticating_ = false;         // one link is being asked
  bool waits_for_credentials_ = false;  // to dial
};

}  // namespace envoyou::redis
