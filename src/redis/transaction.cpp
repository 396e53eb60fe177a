#include <envoyou/redis/transaction.hpp>

#include "redis/error_reply.hpp"
#include "redis/link_effect.hpp"

#include <string>
#include <utility>

namespace envoyou::redis {

namespace {

Error foreign(std::string_view what) { return Error(Errc::kForeignReply, "transaction: " + std::string(what)); }

// Hands the elements of EXEC's reply to the slots.
//
//   MULTI -> OK | error      the transaction was not begun
//   each  -> QUEUED | error  EXEC will answer EXECABORT
//   EXEC  -> one reply each | null (a watched key had changed) | error
class TransactionReader final : public ReplyReader {
 public:
  TransactionReader(std::vector<ReaderHandle> readers, ReaderHandle whole)
      : readers_(std::move(readers)), whole_(std::move(whole)) {}

  Verdict on_part(const ReplyView& part) noexcept override {
    const std::size_t index = parts_++;
    if (part.is_error()) {
      refuse(index, part.text);
      return Verdict::kMine;
    }
    return part.is_string() && part.text == (index == 0 ? "OK" : "QUEUED") ? Verdict::kMine : Verdict::kForeign;
  }

  void on_repeat() noexcept override { parts_ = 0; }

  Verdict on_reply(const ReplyView& reply) noexcept override {
    Verdict verdict = Verdict::kMine;
    if (reply.is_null()) {
      end_slots(Error(Errc::kConflict, "not executed: a watched key had changed"));
    } else if (reply.type == ReplyType::kArray && reply.elements.size() == readers_.size() && !refused_) {
      for (std::size_t i = 0; i < readers_.size(); ++i) {
        if (answer(readers_[i], reply.elements[i]) == Verdict::kForeign) verdict = Verdict::kForeign;
      }
      readers_.clear();
    } else {
      verdict = Verdict::kForeign;
    }
    if (verdict == Verdict::kForeign) return end_foreign();
    return whole_->on_reply(reply);
  }

  void on_error(Error error) noexcept override {
    // What was refused before EXEC tells more than EXEC's own "aborted because of previous errors".
    const Error why = refused_ && !error.is_ambiguous() ? *refused_ : error;
    end_slots(why);
    whole_->on_error(why);
  }

 private:
  ~TransactionReader() override = default;

  static Verdict answer(const ReaderHandle& reader, const ReplyView& element) noexcept {
    if (!element.is_error()) return reader->on_reply(element);
    reader->on_error(error_from_reply(element.text, {}));
    return Verdict::kMine;
  }

  void refuse(std::size_t index, std::string_view text) noexcept {
    const Error error = error_from_reply(text, {});
    const std::string who = index == 0 ? "MULTI" : "command " + std::to_string(index);
    if (!refused_) {
      refused_ = Error(error.code(), "transaction: " + who + " was refused: " + std::string(error.message()));
    }
    if (index == 0) return;
    readers_[index - 1]->on_error(error);
    readers_[index - 1].reset();
  }

  Verdict end_foreign() noexcept {
    const Error error = foreign("the reply does not fit the commands");
    end_slots(error);
    whole_->on_error(error);
    return Verdict::kForeign;
  }

  void end_slots(const Error& error) noexcept {
    for (ReaderHandle& reader : readers_) {
      if (reader) reader->on_error(error);
    }
    readers_.clear();
  }

  std::vector<ReaderHandle> readers_;  // null: told already
  ReaderHandle whole_;
  std::size_t parts_ = 0;
  std::optional<Error> refused_;
};

}  // namespace

// A script goes with its text: NOSCRIPT in the middle of a transaction could not be made good.
void Transaction::add(Submission submission) {
  if (submission.words.count() == 0 && !refused_) refused_ = invalid_argument("command", "has no words");
  if (auto why = breaks_sharing(submission); why && !refused_) refused_ = std::move(why);
  readers_.push_back(std::move(submission.reader));
  if (submission.words.count() == 0) return;
  words_.then(submission.script ? submission.script->with_text(submission.words) : submission.words);
}

std::optional<Submission> Transaction::seal(ReaderHandle whole) {
  if (refused_) {
    const Error why = *std::exchange(refused_, std::nullopt);
    abandon(why);
    whole->on_error(why);
    return std::nullopt;
  }
  Submission made;
  made.parts = static_cast<std::uint32_t>(readers_.size()) + 1;
  made.reader.reset(new TransactionReader(std::exchange(readers_, {}), std::move(whole)));
  made.words = std::exchange(words_, Words("MULTI"));
  made.words.then(Words("EXEC"));
  return made;
}

void Transaction::abandon(const Error& reason) noexcept {
  for (const ReaderHandle& reader : readers_) reader->on_error(reason);
  readers_.clear();
  words_ = Words("MULTI");
}

Result<Executed> Transaction::decode_executed(const ReplyView& reply, std::uint64_t) {
  if (reply.is_null()) return Executed::kNone;
  if (reply.type == ReplyType::kArray) return Executed::kAll;
  return foreign("EXEC was answered with neither a list nor null");
}

Result<void> Transaction::decode_done(const ReplyView& reply, std::uint64_t) {
  if (reply.type == ReplyType::kArray) return {};
  return foreign("EXEC was answered with no list");
}

Result<void> Client::run(Transaction& transaction, CallOptions options) {
  if (auto may = may_block(); !may) {
    transaction.abandon(may.error());
    return may;
  }
  Waiter<void> waiter(Transaction::decode_done, 0);
  if (auto sealed = transaction.seal(ReaderHandle(&waiter))) submit(*std::move(sealed), options);
  return waiter.wait();
}

}  // namespace envoyou::redis
