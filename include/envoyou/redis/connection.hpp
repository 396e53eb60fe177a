// A connection that one caller has to himself for a while: for what a shared link can not do.
//
//   auto connection = redis::Connection::take(client, {.deadline = deadline});
//   connection->run(blpop("jobs", 5s));                       // blocks on the server
//   connection->watch({"stock"});                             // optimistic locking
//   connection->run(redis::Command<void>(redis::Words("SELECT", 3), redis::decode_ok));
//
// Comes from the client's pool of at most `max_dedicated`, has the client's address, credentials and limits, and is
// served by the same I/O thread. Given back by its destructor: one that was left as it was found is kept for the next
// taker; one with a watch, a changed state (SELECT, CLIENT ...) or unanswered commands is closed.
//
// It is one link: when that is lost, everything ends with kConnectionLost or kUnavailable from then on, and is never
// silently sent on another, which would know nothing of the watch or the database. Take another.
//
// With several servers it is to one of them: behind Sentinel to the primary, in a cluster to the primary of the slot of
// ConnectionOptions::key, by the client's map. It does not follow its key: a watch and a blocked command belong to the
// link. When the slot moves (a command that blocks is ended then, too) or the server is no primary any more, what
// concerns it ends with kRedirect or kReadOnly, not executed; the connection stays good for what is still there. The
// next that is taken for a key of this slot goes to where the server said. A slot on its way answers kRedirect for keys
// that have gone already, until all of it has: ASK is not followed here.
//
// Commands that block on the server: their deadline, if none is given, is their own timeout and `command_timeout`
// beyond it. As long as it lasts the server's silence is not held against the link; when it passes unanswered the link
// is closed, so that the server hands nothing to nobody. (What it had handed over in the same moment is lost with it,
// as with any client.) Others keep the client's limits.
//
// Refused: SUBSCRIBE and its kin (redis/subscriber.hpp), MULTI and EXEC as words (use a Transaction), QUIT, RESET,
// HELLO, AUTH.
//
// Thread rule: one caller at a time; callbacks and coroutines as with Client. May outlive the client: then all answers
// are kClosed. After fork() every call in the child answers kForked.
#pragma once

#include <envoyou/deadline.hpp>
#include <envoyou/redis/async.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/transaction.hpp>
#include <envoyou/result.hpp>

#include <coroutine>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace envoyou::redis {

struct ConnectionOptions {
  // When it must be there. Default: connect_timeout from now.
  std::optional<Deadline> deadline = {};
  // In a cluster, needed there: a connection to the server that this key is on. One server has all keys. (A view, and
  // not a string: g++ 12 copies an aggregate that is written inside of a co_await expression byte by byte.)
  std::string_view key = {};
};

class AsyncConnection;

class Connection {
 public:
  // Waits for a place in the pool and for the link. Errors: kQueueFull (all `max_dedicated` were taken until the
  // deadline), kInvalidArgument (no key, in a cluster), kWouldDeadlock (on the I/O thread), kUnavailable, kNotSent,
  // kClosed, kForked ...
  static Result<Connection> take(Client& client, ConnectionOptions options = {});
  // The same for a coroutine. Does not wait for a place in the pool: kQueueFull at once; nor for the first map of a
  // cluster: kUnavailable at once.
  static AsyncConnection async_take(Client& client, ConnectionOptions options = {});

  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  // As of Client.
  template <class R>
  Result<R> run(Command<R> command, CallOptions options = {}) {
    if (auto may = may_block(); !may) return may.error();
    const CallOptions how = patience(command.waits, options);
    Client::Waiter<R> waiter(command.decode, command.tag);
    submit(to_submission(std::move(command), ReaderHandle(&waiter)), how);
    return waiter.wait();
  }
  template <class R, class Then>
  void run(Command<R> command, CallOptions options, Then then) {
    const CallOptions how = patience(command.waits, options);
    submit(to_submission(std::move(command), std::move(then)), how);
  }
  template <class R>
  auto async(Command<R> command, CallOptions options = {});

  // WATCH. Errors: as of a command.
  Result<void> watch(std::initializer_list<std::string_view> keys, CallOptions options = {});
  Result<void> unwatch(CallOptions options = {});
  // kNone: a watched key had changed, nothing was executed. Ends the watch either way.
  Result<Executed> run(Transaction& transaction, CallOptions options = {});
  auto async(Transaction& transaction, CallOptions options = {});

  // False once its link is lost.
  bool is_usable() const noexcept;

  // The primitive under all of these. REQUIRES: `options` has a deadline for what waits on the server.
  void submit(Submission submission, const CallOptions& options);

  struct Lease;

 private:
  friend class AsyncConnection;
  explicit Connection(std::shared_ptr<Lease> lease) noexcept : lease_(std::move(lease)) {}
  Result<void> may_block() const;
  void let_go() noexcept;
  CallOptions patience(Milliseconds waits, CallOptions options) const;

  std::shared_ptr<Lease> lease_;  // null: moved from
};

// Watch, read, decide, execute; again while somebody else's change comes in between, at most `attempts` times.
//
//   auto done = redis::optimistic(client, {"stock"}, 5, {deadline}, [&](redis::Connection& on) ->
//   Result<redis::Transaction> {
//     auto left = on.run(get("stock"), {deadline});
//     …
//     redis::Transaction transaction;
//     transaction.add(set("stock", left - 1));
//     return transaction;
//   });
//
// In a cluster the keys lie in one slot, and an attempt that finds it moved (kRedirect) is followed by the next on the
// node where it is. kNone: it came in between each time. An error of `make` ends it and is handed on; a Transaction
// without commands means that there is nothing to do. Blocks as Client::run, all attempts together until the deadline.
Result<Executed> optimistic(Client& client, std::initializer_list<std::string_view> keys, int attempts,
                            CallOptions options, const std::function<Result<Transaction>(Connection&)>& make);

namespace detail_redis {

struct ThroughConnection {
  Connection* connection;
  void operator()(Submission submission, const CallOptions& options) const {
    connection->submit(std::move(submission), options);
  }
};

// What a taker asks a new link first: then it is there, within the taker's deadline.
struct Taking {
  std::shared_ptr<Connection::Lease> lease;
  std::optional<Error> refused;
  CallOptions options;
  void operator()(Submission submission, const CallOptions& how) const;
};
Taking begin_taking(Client& client, const ConnectionOptions& options);
Command<std::string> first_question();
Result<std::shared_ptr<Connection::Lease>> end_taking(std::shared_ptr<Connection::Lease> lease,
                                                      const Result<std::string>& answer);

}  // namespace detail_redis

template <class R>
auto Connection::async(Command<R> command, CallOptions options) {
  const CallOptions how = patience(command.waits, options);
  return AsyncCall<R, detail_redis::ThroughConnection>({this}, std::move(command), how);
}

inline auto Connection::async(Transaction& transaction, CallOptions options) {
  return AsyncCall<Executed, detail_redis::ThroughTransaction<Connection>>(
      {this, &transaction}, Command<Executed>(Words(), Transaction::decode_executed), patience(kDoesNotWait, options));
}

// Connection::async_take that has not begun yet. Awaited once.
class [[nodiscard]] AsyncConnection {
 public:
  explicit AsyncConnection(detail_redis::Taking taking)
      : lease_(taking.lease), call_(std::move(taking), detail_redis::first_question(), taking.options) {}

  AsyncConnection on(Executor& executor) && {
    call_ = std::move(call_).on(executor);
    return std::move(*this);
  }
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> caller) { return call_.await_suspend(caller); }
  Result<Connection> await_resume() {
    auto lease = detail_redis::end_taking(std::move(lease_), call_.await_resume());
    if (!lease) return lease.error();
    return Connection(std::move(lease).value());
  }

 private:
  std::shared_ptr<Connection::Lease> lease_;
  AsyncCall<std::string, detail_redis::Taking> call_;
};

}  // namespace envoyou::redis
