// A connection to one Redis that all threads of a process share. Commands of all callers go down a few multiplexed
// links, coalesced into few writes. A background thread owns the sockets; it reconnects by itself and never on a
// caller's time.
//
// One primitive, four ways to use it:
//
//   auto value = client.run(command);                              // blocks, at most until the deadline
//   client.run(command, {}, [](Result<R> result) { … });           // calls back once, on the I/O thread
//   auto value = co_await client.async(command);                   // goes on on the I/O thread, or on an executor
//   redis::Pipeline pipeline; …; client.run(pipeline, options);    // several commands back to back on one link
//
// What holds, whatever the server does:
//   - a call returns within its deadline; a call that gives up abandons its place, and the late reply goes to nobody;
//   - what expires before it is written is never sent, and says so (kNotSent);
//   - a command is repeated only if it was certainly not executed, or if it says that repeating is safe;
//   - a link silent for `stall_limit` with work in flight is closed; its commands end with kConnectionLost or go again;
//   - callbacks come exactly once each, also when the client is destroyed (kClosed); destruction takes under 200 ms;
//   - no SIGPIPE, no signals (they are blocked on the I/O thread), no prints, sockets are close-on-exec;
//   - after fork() every call in the child answers kForked.
//
// With ClientOptions::topology it speaks to a cluster, or to the primary that sentinels name, and follows both as they
// change; docs/redis.md tells what that means for commands of several keys, for redirects and for failovers.
//
// Does not: queue without bound (kQueueFull), wait for a node that is known to be away (kUnavailable at once), take
// what would break the sharing of links (SUBSCRIBE, SELECT, BLPOP ...: kUnsupported, which says what to use instead).
//
// Thread-safe. A blocking call on the I/O thread (inside a callback) is refused with kWouldDeadlock. The client may be
// destroyed on any thread but the I/O thread.
#pragma once

#include <envoyou/deadline.hpp>
#include <envoyou/redis/capabilities.hpp>
#include <envoyou/redis/command.hpp>
#include <envoyou/redis/completion.hpp>
#include <envoyou/redis/options.hpp>
#include <envoyou/redis/script.hpp>
#include <envoyou/result.hpp>
#include <envoyou/runtime.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace envoyou::redis {

// What happens to the node, told on the I/O thread. Must not block and must not call the client.
class NodeListener {
 public:
  virtual ~NodeListener() = default;
  // No connection, no TLS, no AUTH, or no answer to them.
  virtual void on_refused(std::string_view reason) noexcept = 0;
  // A link was closed for silence or for a wrong answer.
  virtual void on_condemned(std::string_view reason) noexcept = 0;
  // A new link's handshake and ping were answered.
  virtual void on_answered(Microseconds round_trip) noexcept = 0;
};

struct CallOptions {
  // When the answer is no longer wanted. Default: command_timeout from now.
  std::optional<Deadline> deadline = std::nullopt;
  // Which node of a cluster is meant, as `to_string(NodeInfo::endpoint)`; empty: that of the keys. For commands that
  // concern a node and not a key (SCAN, DBSIZE, CONFIG). Not looked at with a single server.
  std::string_view node = {};
};

// What the server showed of itself in the handshake.
struct ServerInfo {
  std::string version;  // "7.0.15"
  int protocol = 2;     // RESP2 or RESP3
  std::string role;     // "master", "replica", empty if not told
  std::string name;     // "redis", "valkey", …; empty if not told
  std::string mode;     // "standalone", "cluster", "sentinel"; empty if not told
};

struct ClientStats {
  std::uint64_t submitted = 0;
  std::uint64_t direct = 0;  // of them: sent and read by a lone caller himself
  std::uint64_t answered = 0;
  std::uint64_t timed_out = 0;       // given up after sending
  std::uint64_t expired_unsent = 0;  // given up before sending
  std::uint64_t shortened = 0;       // submitted with less time than command_timeout
  std::uint64_t repeated = 0;
  std::uint64_t repeats_refused = 0;  // safe to repeat, but the node's budget of repeats was spent
  std::uint64_t late_replies = 0;     // arrived for a call that had given up
  std::uint64_t foreign_replies = 0;
  std::uint64_t connects = 0;  // attempts
  std::uint64_t condemned = 0;
  std::uint64_t writes = 0;  // system calls
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t tls_handshakes = 0;
  std::uint64_t tls_resumed = 0;  // of them: took up an earlier session
  std::size_t queued = 0;
  std::size_t in_flight = 0;
  std::size_t repeat_budget = 0;  // repeats that the node may have at once now, at most 100
  Microseconds round_trip{0};     // the shortest that the link which was asked last has shown; 0: none yet
};

// A server of the client and how it is. A client of one server has one.
struct NodeInfo {
  Endpoint endpoint;  // of a Unix socket: its path, and port 0
  bool is_primary = true;
  std::size_t slots = 0;  // that it serves; 0 outside a cluster
  bool is_up = false;
  std::optional<Errc> away_because = std::nullopt;  // as Client::away_because
  Microseconds round_trip{0};                       // smoothed; 0: not measured yet
  ServerInfo server = {};
  ClientStats stats = {};
};

class Pipeline;
class Transaction;    // transaction.hpp
class AsyncPipeline;  // async.hpp
template <class R, class Submit>
class AsyncCall;  // async.hpp
namespace detail_redis {
struct ThroughClient;
template <class Target>
struct ThroughTransaction;
}  // namespace detail_redis

class Client {
 public:
  // Never waits for the server: connecting goes on in the background. Errors: kInvalidArgument, kTls (files that can
  // not be read), kInternal (no thread, no descriptors). `listener` may be null and must outlive the client.
  static Result<std::shared_ptr<Client>> open(ClientOptions options, Runtime runtime = {},
                                              NodeListener* listener = nullptr);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Blocks until the answer or the deadline. Errors: see errc.hpp, -1xx to -4xx.
  template <class R>
  Result<R> run(Command<R> command, CallOptions options = {}) {
    if (auto may = may_block(); !may) return may.error();
    Waiter<R> waiter(command.decode, command.tag, sleepers());
    ask(to_submission(std::move(command), ReaderHandle(&waiter)), options);
    return waiter.wait();
  }

  // Calls `then` exactly once with a Result<R>: on the I/O thread, or on this thread before returning when the command
  // is refused at once. `then` must not throw and must not block.
  template <class R, class Then>
  void run(Command<R> command, CallOptions options, Then then) {
    submit(to_submission(std::move(command), std::move(then)), options);
  }

  // Sends all commands of the pipeline back to back on one link and waits for all answers.
  // Errors: kWouldDeadlock; the commands' own errors are in their slots.
  Result<void> run(Pipeline& pipeline, CallOptions options = {});

  // The same two for coroutines: include <envoyou/redis/async.hpp>, and read there when a coroutine may be destroyed.
  template <class R>
  AsyncCall<R, detail_redis::ThroughClient> async(Command<R> command, CallOptions options = {});
  AsyncPipeline async(Pipeline& pipeline, CallOptions options = {});

  // A transaction, for each kind of caller: include <envoyou/redis/transaction.hpp>.
  Result<void> run(Transaction& transaction, CallOptions options = {});
  template <class Then>
  void run(Transaction transaction, CallOptions options, Then then);
  AsyncCall<void, detail_redis::ThroughTransaction<Client>> async(Transaction& transaction, CallOptions options = {});

  // kWouldDeadlock on the I/O thread, whose callbacks must not wait for answers: for who waits by means of their own.
  Result<void> may_block() const;

  // The primitive under all faces.
  void submit(Submission submission, CallOptions options);
  // The same for several at once: they are sent back to back on one link, in order.
  void submit_all(std::vector<Submission> submissions, CallOptions options);

  // Waits until a link is up or the deadline passes. True: a link is up; in a cluster: who has which slots is known,
  // and a link to a primary is up.
  bool wait_until_connected(Deadline deadline);
  bool is_connected() const noexcept;
  // What the last attempt to connect met with: kAuthentication, kTls, kLoading, kUnavailable where nobody answers.
  // Nothing while a link is up or is being made for the first time.
  std::optional<Errc> away_because() const;
  ServerInfo server() const;
  // What the greeting and the questions after it have shown so far. Before a link was up, nothing.
  Capabilities capabilities() const;
  // Links authenticate with these from now on; those that are up do so at once, in order with their commands. What a
  // provider gives later replaces them. Errors: kInvalidArgument.
  Result<void> set_credentials(Credentials credentials);
  // Of all nodes together, those that are gone included.
  ClientStats stats() const;
  std::vector<NodeInfo> nodes() const;
  const ClientOptions& options() const noexcept;
  const Runtime& runtime() const noexcept;

  // Ends everything that waits with kClosed and stops the I/O thread. Called by the destructor. In a callback it
  // returns before that is done.
  void close();

  struct Impl;
  // For the library itself.
  Impl& impl() noexcept { return *impl_; }

 private:
  explicit Client(std::unique_ptr<Impl> impl);
  // `submit` for a caller that sleeps until its reader is told, and so may do the work himself when he is alone.
  void ask(Submission submission, CallOptions options);
  // Among whom its callers sleep; null: each by himself.
  Sleepers* sleepers() const noexcept;

  friend class Connection;

  template <class R>
  class Waiter;

  std::unique_ptr<Impl> impl_;
};

// Several commands that are sent back to back. Not a transaction: each has its own answer, others' commands may come
// between them on the server. Order is kept, but for a script that the server has forgotten: it runs behind what was
// sent in the same breath.
//
//   redis::Pipeline pipeline;
//   auto a = pipeline.add(command_a);     // an index into the answers, typed
//   auto b = pipeline.add(command_b);
//   client.run(pipeline, {deadline});
//   Result<A>& answer = pipeline.take(a);
//
// Confined to one thread.
class Pipeline {
 public:
  Pipeline() = default;
  Pipeline(Pipeline&&) noexcept = default;
  Pipeline& operator=(Pipeline&&) = delete;
  ~Pipeline() { abandon(Error(Errc::kClosed)); }

  template <class R>
  struct Slot {
    std::shared_ptr<std::optional<Result<R>>> answer;
  };

  template <class R>
  Slot<R> add(Command<R> command) {
    auto answer = std::make_shared<std::optional<Result<R>>>();
    auto arrive = [answer, state = state_](Result<R> result) {
      answer->emplace(std::move(result));
      state->arrived();
    };
    submissions_.push_back(to_submission(std::move(command), std::move(arrive)));
    state_->expect_one();
    return {answer};
  }

  // REQUIRES: the pipeline was run, and the slot came from it.
  template <class R>
  static Result<R>& take(Slot<R>& slot) {
    if (!slot.answer->has_value()) detail::misuse("Pipeline::take", "the pipeline has not been run");
    return **slot.answer;
  }

  // Commands that were added and not yet run.
  std::size_t size() const noexcept { return submissions_.size(); }

 private:
  friend class Client;
  friend class AsyncPipeline;

  // Waited for by a thread, or told to a coroutine's operation. Counts for both.
  class Ending {
   public:
    void expect_one() {
      ++left_;
      wait_.expect_one();
    }
    // REQUIRES: nothing has been submitted yet.
    void tell_at_end(ReplyReader& operation) noexcept { at_end_ = &operation; }
    void arrived() noexcept {
      ReplyReader* const at_end = left_.fetch_sub(1, std::memory_order_acq_rel) == 1 ? at_end_ : nullptr;
      wait_.arrived();
      if (at_end != nullptr) at_end->release();
    }
    void wait() { wait_.wait(); }

   private:
    std::atomic<std::size_t> left_{0};
    WaitState wait_;
    ReplyReader* at_end_ = nullptr;
  };

  // Ends what was added and is not going to be sent.
  void abandon(const Error& reason) noexcept {
    for (Submission& submission : submissions_) submission.reader->on_error(reason);
    submissions_.clear();
  }

  std::vector<Submission> submissions_;
  std::shared_ptr<Ending> state_ = std::make_shared<Ending>();
};

// Lives on the stack of the caller that waits: `release` is the last touch, and what wakes the caller.
template <class R>
class Client::Waiter final : public ReplyReader {
 public:
  Waiter(typename Command<R>::Decode decode, std::uint64_t tag, Sleepers* sleepers = nullptr)
      : decode_(decode), tag_(tag), state_(sleepers) {
    state_.expect_one();
  }

  Verdict on_reply(const ReplyView& reply) noexcept override {
    return detail_redis::decode_into<R>(decode_, tag_, reply,
                                        [this](Result<R> result) { result_.emplace(std::move(result)); });
  }
  void on_error(Error error) noexcept override { result_.emplace(std::move(error)); }
  void release() noexcept override { state_.arrived(); }

  Result<R> wait() {
    state_.wait();
    return std::move(*result_);
  }

 private:
  typename Command<R>::Decode decode_;
  std::uint64_t tag_;
  WaitState state_;
  std::optional<Result<R>> result_;
};

}  // namespace envoyou::redis
