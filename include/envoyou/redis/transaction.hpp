// MULTI ... EXEC: several commands that the server executes together or not at all, with nobody's in between.
//
//   redis::Transaction transaction;
//   auto taken = transaction.add(take_command);
//   auto given = transaction.add(give_command);
//   Result<void> done = client.run(transaction, options);
//   Result<std::int64_t>& left = Transaction::take(taken);
//
// Sent as one piece: it expires, is refused and is lost as a whole, and whatever happens to the link is never sent a
// second time (kConnectionLost and kTimeout: executed whole, or not at all).
//
// Two kinds of error. A command that the server refuses before EXEC (wrong arity, no such command, no permission, out
// of memory) keeps all from being executed: the refused slots hold their own errors, the others and `done` the first of
// these. A command that fails in EXEC (WRONGTYPE) is told in its slot alone: Redis executes the others all the same,
// and `done` is good.
//
// REQUIRES, of the user a server knows: where an ACL forbids MULTI and not the commands, the commands are executed
// without it. `done` then says that MULTI was refused.
//
// With WATCH: on a connection of one's own (connection.hpp). Keys that belong together: in a cluster all of them must
// be in one slot.
//
// Confined to one thread.
#pragma once

#include <envoyou/redis/async.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/command.hpp>
#include <envoyou/redis/completion.hpp>
#include <envoyou/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace envoyou::redis {

enum class Executed : std::uint8_t {
  kAll,
  kNone,  // a watched key had changed: an outcome, not an error; the slots hold kConflict
};

class Transaction {
 public:
  template <class R>
  using Slot = Pipeline::Slot<R>;

  Transaction() = default;
  Transaction(Transaction&&) noexcept = default;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() { abandon(Error(Errc::kClosed)); }

  template <class R>
  Slot<R> add(Command<R> command) {
    auto answer = std::make_shared<std::optional<Result<R>>>();
    add(to_submission(std::move(command), [answer](Result<R> result) { answer->emplace(std::move(result)); }));
    return {answer};
  }

  // REQUIRES: the transaction was run, and the slot came from it.
  template <class R>
  static Result<R>& take(Slot<R>& slot) {
    return Pipeline::take(slot);
  }

  // Commands that were added and not yet run.
  std::size_t size() const noexcept { return readers_.size(); }

  // For who submits it, once: all that was added, as one; `whole` is answered after the slots. Nothing, and `whole`
  // was told why, if a command is one that breaks the sharing of links (client.hpp).
  std::optional<Submission> seal(ReaderHandle whole);

  // How EXEC answers: with and without WATCH. For `whole`.
  static Result<Executed> decode_executed(const ReplyView& reply, std::uint64_t tag);
  static Result<void> decode_done(const ReplyView& reply, std::uint64_t tag);

 private:
  friend class Client;
  friend class Connection;
  void add(Submission submission);
  // Ends what was added and is not going to be sent.
  void abandon(const Error& reason) noexcept;

  Words words_{"MULTI"};
  std::vector<ReaderHandle> readers_;
  std::optional<Error> refused_;
};

namespace detail_redis {

template <class Target>
struct ThroughTransaction {
  Target* target;
  Transaction* transaction;
  void operator()(Submission submission, const CallOptions& options) const {
    Target& to = *target;
    if (auto sealed = transaction->seal(std::move(submission.reader))) to.submit(*std::move(sealed), options);
  }
};

}  // namespace detail_redis

inline AsyncCall<void, detail_redis::ThroughTransaction<Client>> Client::async(Transaction& transaction,
                                                                               CallOptions options) {
  return {detail_redis::ThroughTransaction<Client>{this, &transaction},
          Command<void>(Words(), Transaction::decode_done), options};
}

template <class Then>
void Client::run(Transaction transaction, CallOptions options, Then then) {
  Submission whole = to_submission(Command<void>(Words(), Transaction::decode_done), std::move(then));
  if (auto sealed = transaction.seal(std::move(whole.reader))) submit(*std::move(sealed), options);
}

}  // namespace envoyou::redis
