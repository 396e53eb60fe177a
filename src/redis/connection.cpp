#include <envoyou/redis/connection.hpp>

#include "redis/admission.hpp"
#include "redis/client_impl.hpp"
#include "redis/dedicated.hpp"
#include "redis/link_effect.hpp"
#include "redis/pending.hpp"

#include <span>
#include <utility>

namespace envoyou::redis {

// What was done with a connection since it was taken, for whoever takes it next.
struct Connection::Lease {
  std::shared_ptr<DedicatedPool> pool;
  OwnLink link;
  std::atomic<bool> is_there{false};  // its first question was answered
  std::atomic<bool> changed{false};
  std::atomic<bool> watching{false};
  std::atomic<std::uint32_t> unanswered{0};

  // Nothing was left behind.
  bool is_clean() const noexcept { return is_there && !changed && !watching && unanswered == 0; }
  // What an error means for a connection to one of several servers.
  Error explain(Error error) const {
    const bool is_elsewhere = error.code() == Errc::kRedirect || error.code() == Errc::kReadOnly;
    if (!is_elsewhere || !pool->has_several_servers()) return error;
    pool->heard(link, error.message());
    return Error(error.code(), "this connection is to " + to_string(link.at) + ", take another for this key; " +
                                   std::string(error.message()));
  }
  ~Lease() {
    if (!pool->forked()) pool->give_back(std::move(link), is_clean());
  }
};

namespace {

// Keeps the lease's book, and hands on what it is told.
class LeaseReader final : public ReplyReader {
 public:
  LeaseReader(std::shared_ptr<Connection::Lease> lease, bool ends_watch, ReaderHandle reader)
      : reader_(std::move(reader)), lease_(std::move(lease)), ends_watch_(ends_watch) {
    ++lease_->unanswered;
  }

  Verdict on_reply(const ReplyView& reply) noexcept override {
    if (ends_watch_) lease_->watching = false;
    --lease_->unanswered;
    return reader_->on_reply(reply);
  }
  Verdict on_part(const ReplyView& part) noexcept override {
    if (part.is_error()) lease_->pool->heard(lease_->link, part.text);
    return reader_->on_part(part);
  }
  void on_error(Error error) noexcept override {
    --lease_->unanswered;
    reader_->on_error(lease_->explain(std::move(error)));
  }

 private:
  ~LeaseReader() override = default;

  // The lease is let go of first: the reader wakes a caller, whose connection is back in the pool as soon as he drops
  // it.
  ReaderHandle reader_;
  std::shared_ptr<Connection::Lease> lease_;
  const bool ends_watch_;
};

void send(const std::shared_ptr<Connection::Lease>& lease, Submission submission, TimePoint deadline) {
  Pending pending(std::move(submission), deadline);
  if (auto posted = lease->link.node->inbox.post(std::span(&pending, 1)); !posted) pending.fail(posted.error());
}

std::optional<Error> refusal(const Connection::Lease& lease, const Submission& submission, LinkEffect effect,
                             const CallOptions& options) {
  if (lease.pool->forked()) return Error(Errc::kForked, "the connection was taken before fork()");
  if (auto not_fit = unfit(lease.pool->options(), submission)) return not_fit;
  if (auto breaks = breaks_connection(effect, submission.words)) return breaks;
  if (effect == LinkEffect::kWaits && !options.deadline) {
    return invalid_argument("deadline", "needed for a command that may block for ever");
  }
  if (lease.link.lost->load(std::memory_order_acquire)) {
    return Error(Errc::kUnavailable, "the connection was lost: take another");
  }
  return std::nullopt;
}

Deadline deadline_of(const DedicatedPool& pool, const ConnectionOptions& options) {
  return options.deadline.value_or(Deadline::after(pool.clock(), pool.options().connect_timeout));
}

Error not_known_yet() { return Error(Errc::kUnavailable, "it is not known yet which server has the key"); }

// Waits for the map of several servers.
Result<Endpoint> await_place(const Client::Impl& client, std::string_view key, Deadline until) {
  auto place = client.pool->place_of(key);
  if (!place && client.board->is_away()) return client.board->why_away();
  if (!place && client.board->wait_until_up(until)) place = client.pool->place_of(key);
  if (place) return *std::move(place);
  return client.board->is_away() ? client.board->why_away() : not_known_yet();
}

Result<std::shared_ptr<Connection::Lease>> lease_of(Client::Impl& client, const Endpoint& at, Deadline until) {
  auto link = client.pool->take(*client.nodes, at, until);
  if (!link) return link.error();
  auto lease = std::make_shared<Connection::Lease>();
  lease->pool = client.pool;
  lease->link = std::move(link).value();
  return lease;
}

Result<Executed> attempt_once(Connection& connection, std::initializer_list<std::string_view> keys,
                              const CallOptions& options, const std::function<Result<Transaction>(Connection&)>& make) {
  if (auto watched = connection.watch(keys, options); !watched) return watched.error();
  auto transaction = make(connection);
  if (!transaction) return transaction.error();
  if (transaction->size() > 0) return connection.run(*transaction, options);
  (void)connection.unwatch(options);
  return Executed::kAll;
}

}  // namespace

namespace detail_redis {

Command<std::string> first_question() { return {Words("PING"), decode_string}; }

Taking begin_taking(Client& client, const ConnectionOptions& options) {
  Client::Impl& impl = client.impl();
  Taking taking;
  if (impl.fork_guard.forked()) {
    taking.refused = Error(Errc::kForked, "the client was opened before fork()");
    return taking;
  }
  taking.options.deadline = deadline_of(*impl.pool, options);
  const auto at = impl.pool->place_of(options.key).value_or(Result<Endpoint>(not_known_yet()));
  if (!at) {
    taking.refused = at.error();
    return taking;
  }
  auto lease = lease_of(impl, *at, Deadline::at(TimePoint::min()));
  if (lease) {
    taking.lease = std::move(lease).value();
  } else {
    taking.refused = lease.error();
  }
  return taking;
}

void Taking::operator()(Submission submission, const CallOptions& how) const {
  if (refused) return submission.reader->on_error(*refused);
  send(lease, std::move(submission), how.deadline->time());
}

Result<std::shared_ptr<Connection::Lease>> end_taking(std::shared_ptr<Connection::Lease> lease,
                                                      const Result<std::string>& answer) {
  if (!answer) return answer.error();
  lease->is_there = true;
  return lease;
}

}  // namespace detail_redis

Connection::Connection(Connection&& other) noexcept = default;

Connection& Connection::operator=(Connection&& other) noexcept {
  let_go();
  lease_ = std::move(other.lease_);
  return *this;
}

Connection::~Connection() { let_go(); }

// What is still unanswered may block on the server for long: nobody waits for it any more.
void Connection::let_go() noexcept {
  if (lease_ && !lease_->pool->forked() && lease_->unanswered > 0) lease_->pool->end(lease_->link);
  lease_.reset();
}

Result<Connection> Connection::take(Client& client, ConnectionOptions options) {
  Client::Impl& impl = client.impl();
  if (impl.fork_guard.forked()) return Error(Errc::kForked, "the client was opened before fork()");
  if (auto may = client.may_block(); !may) return may.error();
  const Deadline deadline = deadline_of(*impl.pool, options);
  for (;;) {
    const auto at = await_place(impl, options.key, deadline);
    if (!at) return at.error();
    auto lease = lease_of(impl, *at, deadline);
    if (!lease) return lease.error();
    const bool was_kept = (*lease)->link.was_kept;
    Command<std::string> question = detail_redis::first_question();
    Client::Waiter<std::string> waiter(question.decode, question.tag);
    send(*lease, to_submission(std::move(question), ReaderHandle(&waiter)), deadline.time());
    auto there = detail_redis::end_taking(std::move(lease).value(), waiter.wait());
    if (there) return Connection(std::move(there).value());
    // One that was kept may have died unnoticed; a new one tells how things are.
    if (!was_kept || deadline.expired(impl.runtime.clock->now())) return there.error();
  }
}

AsyncConnection Connection::async_take(Client& client, ConnectionOptions options) {
  return AsyncConnection(detail_redis::begin_taking(client, options));
}

Result<void> Connection::may_block() const {
  if (!lease_->pool->must_not_wait()) return {};
  return Error(Errc::kWouldDeadlock, "a blocking call inside a callback would wait for itself");
}

CallOptions Connection::patience(Milliseconds waits, CallOptions options) const {
  if (options.deadline) return options;
  const DedicatedPool& pool = *lease_->pool;
  // Without an end of its own it must be given one: `submit` says so.
  if (waits == Milliseconds(0)) return options;
  const Milliseconds own = waits == kDoesNotWait ? Milliseconds(0) : waits;
  options.deadline = Deadline::after(pool.clock(), own + pool.options().command_timeout);
  return options;
}

bool Connection::is_usable() const noexcept {
  return !lease_->pool->forked() && !lease_->link.lost->load(std::memory_order_acquire);
}

void Connection::submit(Submission submission, const CallOptions& options) {
  const bool is_transaction = submission.parts > 0;
  const LinkEffect effect = is_transaction ? LinkEffect::kNone : effect_of(submission);
  if (auto refused = refusal(*lease_, submission, effect, options)) {
    const ReaderHandle reader = std::move(submission.reader);
    return reader->on_error(*std::move(refused));
  }
  if (effect == LinkEffect::kChanges) lease_->changed = true;
  if (effect == LinkEffect::kWatches) lease_->watching = true;
  submission.waits = effect == LinkEffect::kWaits;
  const bool ends_watch = is_transaction || effect == LinkEffect::kUnwatches;
  const Deadline deadline = patience(kDoesNotWait, options).deadline.value();
  submission.reader.reset(new LeaseReader(lease_, ends_watch, std::move(submission.reader)));
  send(lease_, std::move(submission), deadline.time());
}

Result<void> Connection::watch(std::initializer_list<std::string_view> keys, CallOptions options) {
  Words words("WATCH");
  for (const std::string_view key : keys) words.add(key);
  return run(Command<void>(std::move(words), decode_ok), options);
}

Result<void> Connection::unwatch(CallOptions options) {
  return run(Command<void>(Words("UNWATCH"), decode_ok), options);
}

Result<Executed> Connection::run(Transaction& transaction, CallOptions options) {
  if (auto may = may_block(); !may) {
    transaction.abandon(may.error());
    return may.error();
  }
  Client::Waiter<Executed> waiter(Transaction::decode_executed, 0);
  if (auto sealed = transaction.seal(ReaderHandle(&waiter))) submit(*std::move(sealed), options);
  return waiter.wait();
}

Result<Executed> optimistic(Client& client, std::initializer_list<std::string_view> keys, int attempts,
                            CallOptions options, const std::function<Result<Transaction>(Connection&)>& make) {
  if (attempts < 1) return invalid_argument("attempts", "must be at least 1, got " + std::to_string(attempts));
  if (!options.deadline) {
    options.deadline = Deadline::after(*client.runtime().clock, client.options().command_timeout);
  }
  const std::string_view key = keys.size() > 0 ? *keys.begin() : std::string_view();
  auto connection = Connection::take(client, {.deadline = options.deadline, .key = key});
  for (int attempt = 0; attempt < attempts; ++attempt) {
    if (!connection) return connection.error();
    auto executed = attempt_once(*connection, keys, options, make);
    if (executed && *executed == Executed::kAll) return executed;
    // The keys' slot has moved: nothing was executed.
    const bool moved = !executed && executed.error().code() == Errc::kRedirect && attempt + 1 < attempts;
    if (!executed && !moved) return executed;
    if (moved) connection = Connection::take(client, {.deadline = options.deadline, .key = key});
  }
  return Executed::kNone;
}

}  // namespace envoyou::redis
