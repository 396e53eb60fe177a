// SCAN, HSCAN, SSCAN and ZSCAN without their cursors:
//
//   for (Result<std::string>& key : redis::scan(client, {.match = "user:*"})) {
//     if (!key) break;                                      // the last one, if there is an error
//     …
//   }
//
//   auto keys = redis::async_scan(client, {.match = "user:*"});          // in a coroutine
//   while (auto key = co_await keys.next()) …                            // std::optional<Result<std::string>>
//
// As Redis promises: what is there from beginning to end comes at least once, what comes or goes meanwhile may or may
// not, and something may come more than once.
//
// One page is held at a time. Each step to the next has a deadline of its own (`step_timeout`, else the client's
// command_timeout); a step whose page is empty goes on until one is not, within the same deadline. An error is the last
// thing that comes. Cursors are texts, as servers differ in how large their numbers are.
//
// The keys of a cluster: one primary after the other, by the client's map. What holds for the whole is the same: a key
// that is there throughout comes at least once, also when its slot moves meanwhile: nodes that slots went to are gone
// through (again), in at most 8 rounds, and keys then come more than once. If slots are still on the move after that,
// or have no owner, the last thing that comes is an error (kUnavailable) that names one. A primary that is away ends
// the scan with its error, which begins with its name; one that was replaced meanwhile does not.
//
// HSCAN, SSCAN and ZSCAN go to the node of their key. When its slot moves to another they begin again there, at most 8
// times; then the last thing is the same error. (One question more, CLUSTER NODES, for what does not come at once.)
//
// A cursor means nothing to a server that was restarted, nor to the one that follows a primary behind Sentinel: what
// was there throughout may then be passed over, as with any client.
//
// REQUIRES: the client is there until the scan has ended. Thread rule: one caller at a time; the range blocks as
// Client::run does.
#pragma once

#include <envoyou/redis/async.hpp>
#include <envoyou/redis/client.hpp>
#include <envoyou/redis/commands/hashes.hpp>
#include <envoyou/redis/commands/keys.hpp>
#include <envoyou/redis/commands/sets.hpp>
#include <envoyou/redis/commands/sorted_sets.hpp>
#include <envoyou/redis/node_of.hpp>
#include <envoyou/result.hpp>

#include <coroutine>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace envoyou::redis {

struct ScanLimits {
  std::optional<Milliseconds> step_timeout = {};
};

namespace detail_redis {

// cmd::ScanOptions whose texts are its own.
class OwnScanOptions {
 public:
  OwnScanOptions(const cmd::ScanOptions& of)  // NOLINT: is one
      : match_(of.match), type_(of.type), count_(of.count) {}
  cmd::ScanOptions view() const noexcept { return {.match = match_, .count = count_, .type = type_}; }

 private:
  std::string match_;
  std::string type_;
  std::int64_t count_;
};

// What a scan asks, one question after the other.
template <class T>
class ScanSource {
 public:
  using Keys = cmd::Page<T>;
  struct Found {
    std::vector<T> items = {};
    bool is_last = false;
  };

  virtual ~ScanSource() = default;
  virtual Command<Keys> question() const = 0;
  // Whom, as in CallOptions. Valid until the next `take`.
  virtual std::string_view node() const = 0;
  // The answer to the question. Nothing is asked after an error, or after what is the last.
  virtual Result<Found> take(Result<Keys> answer) = 0;
};

// Of one key, or of all keys of one server.
template <class T>
class OneNodeScan final : public ScanSource<T> {
 public:
  using Keys = cmd::Page<T>;
  using Found = typename ScanSource<T>::Found;
  using Ask = Command<Keys> (*)(std::string_view key, std::string_view cursor, const cmd::ScanOptions& options);

  OneNodeScan(Ask ask, std::string_view key, const cmd::ScanOptions& options)
      : ask_(ask), key_(key), options_(options) {}

  Command<Keys> question() const override { return ask_(key_, cursor_, options_.view()); }
  std::string_view node() const override { return {}; }
  Result<Found> take(Result<Keys> answer) override {
    if (!answer) return answer.error();
    cursor_ = std::move(answer->cursor);
    return Found{std::move(answer->items), cursor_ == "0"};
  }

 private:
  Ask ask_;
  std::string key_;
  OwnScanOptions options_;
  std::string cursor_ = "0";
};

// What a node says of its cluster, in the place of the cursor.
template <class T>
Result<cmd::Page<T>> decode_view(const ReplyView& reply, std::uint64_t tag) {
  auto text = decode_string(reply, tag);
  if (!text) return text.error();
  return cmd::Page<T>{std::move(text).value(), {}};
}
template <class T>
Command<cmd::Page<T>> ask_for_view() {
  return {Words("CLUSTER", "NODES"), decode_view<T>, Repeat::kIsSafe};
}
// Whether the node whose view it is serves the key's slot and does not give it away.
bool keeps_slot_of(std::string_view cluster_nodes, std::string_view key);
Error slot_never_rests(std::string_view key);

// Of one key of a cluster. Cursors mean nothing to the node that its slot moves to, so one that did not come at once is
// believed only if the node that had the slot at the start still has it at the end. Else it begins again, as soon as
// the node has it for good, or the client's map, which a redirect is a moment ahead of, names another.
template <class T>
class ClusterKeyScan final : public ScanSource<T> {
 public:
  static constexpr int kMaxRounds = 8;
  static constexpr int kMaxLooks = 1000;  // a round; the deadline of a step is over long before
  using Keys = cmd::Page<T>;
  using Found = typename ScanSource<T>::Found;
  using Ask = typename OneNodeScan<T>::Ask;

  ClusterKeyScan(Client& client, Ask ask, std::string_view key, const cmd::ScanOptions& options)
      : client_(client), ask_(ask), key_(key), options_(options), node_(node_of(client, key)) {}

  Command<Keys> question() const override { return checks_ ? ask_for_view<T>() : ask_(key_, cursor_, options_.view()); }
  std::string_view node() const override { return checks_ ? std::string_view(node_) : std::string_view(); }
  Result<Found> take(Result<Keys> answer) override {
    const bool checked = std::exchange(checks_, false);
    if (checked && has_moved()) return begin_again({});
    if (!answer) return answer.error();
    if (checked) return check(keeps_slot_of(answer->cursor, key_));
    const bool came_at_once = cursor_ == "0" && answer->cursor == "0";
    cursor_ = std::move(answer->cursor);
    if (came_at_once || cursor_ != "0") return Found{std::move(answer->items), came_at_once};
    if (has_moved()) return begin_again(std::move(answer->items));
    checks_ = true;
    return Found{std::move(answer->items), false};
  }

 private:
  Result<Found> check(bool keeps) {
    if (keeps) return looks_ == 0 ? Found{{}, true} : begin_again({});
    if (++looks_ == kMaxLooks) return slot_never_rests(key_);
    checks_ = true;
    return Found{{}, false};
  }
  bool has_moved() const { return node_of(client_, key_) != node_; }
  Result<Found> begin_again(std::vector<T> items) {
    if (++rounds_ == kMaxRounds) return slot_never_rests(key_);
    looks_ = 0;
    cursor_ = "0";
    node_ = node_of(client_, key_);
    return Found{std::move(items), false};
  }

  Client& client_;
  Ask ask_;
  std::string key_;
  OwnScanOptions options_;
  std::string node_;  // had the slot when the round began
  std::string cursor_ = "0";
  bool checks_ = false;
  int looks_ = 0;  // at a slot that was on the move
  int rounds_ = 0;
};

std::unique_ptr<ScanSource<std::string>> source_of_keys(const Client& client, const cmd::ScanOptions& options);

template <class T>
std::unique_ptr<ScanSource<T>> source_of(Client& client, typename OneNodeScan<T>::Ask ask, std::string_view key,
                                         const cmd::ScanOptions& options) {
  if (client.options().topology == Topology::kCluster) {
    return std::make_unique<ClusterKeyScan<T>>(client, ask, key, options);
  }
  return std::make_unique<OneNodeScan<T>>(ask, key, options);
}

// Where a scan stands: hands out what its source found, one by one.
template <class T>
class ScanState {
 public:
  explicit ScanState(std::unique_ptr<ScanSource<T>> source) : source_(std::move(source)) {}

  bool has_items() const noexcept { return next_ < items_.size(); }
  // Nothing comes any more.
  bool is_over() const noexcept { return over_ && !has_items(); }

  Command<cmd::Page<T>> question() const { return source_->question(); }
  CallOptions options(Deadline deadline) const { return {deadline, source_->node()}; }
  // False: nothing yet, and there is more to ask.
  bool take(Result<cmd::Page<T>> answer) {
    auto found = source_->take(std::move(answer));
    next_ = 0;
    if (found) {
      items_ = std::move(found->items);
      over_ = found->is_last;
    } else {
      items_.clear();
      error_ = found.error();
      over_ = true;
    }
    return over_ || has_items();
  }
  // Nothing: it is over.
  std::optional<Result<T>> pop() {
    if (has_items()) return Result<T>(std::move(items_[next_++]));
    if (!error_) return std::nullopt;
    return Result<T>(*std::exchange(error_, std::nullopt));
  }

 private:
  std::unique_ptr<ScanSource<T>> source_;
  std::vector<T> items_;
  std::size_t next_ = 0;
  bool over_ = false;
  std::optional<Error> error_;
};

inline Deadline step_deadline(const Client& client, const ScanLimits& limits) {
  const Milliseconds time = limits.step_timeout.value_or(client.options().command_timeout);
  return Deadline::after(*client.runtime().clock, time);
}

// Asks for a coroutine, in the I/O role, until there is something. The state is its own meanwhile, also when the
// coroutine is gone.
template <class T>
class StepReader final : public ReplyReader {
 public:
  StepReader(Client& client, std::shared_ptr<ScanState<T>> state, ReaderHandle at_end, Deadline deadline)
      : at_end_(std::move(at_end)), client_(client), state_(std::move(state)), deadline_(deadline) {}

  // It is gone after its last answer, perhaps before this returns.
  void ask() {
    auto question = state_->question();
    decode_ = question.decode;
    has_enough_ = true;
    client_.submit(to_submission(std::move(question), ReaderHandle(this)), state_->options(deadline_));
  }
  Verdict on_reply(const ReplyView& reply) noexcept override {
    return decode_into<cmd::Page<T>>(decode_, 0, reply, [this](Result<cmd::Page<T>> page) { take(std::move(page)); });
  }
  void on_error(Error error) noexcept override { take(std::move(error)); }
  void release() noexcept override {
    if (has_enough_) return delete this;
    ask();
  }

 private:
  ~StepReader() override = default;
  void take(Result<cmd::Page<T>> page) noexcept { has_enough_ = state_->take(std::move(page)); }

  const ReaderHandle at_end_;  // let go of last: then the coroutine goes on
  Client& client_;
  const std::shared_ptr<ScanState<T>> state_;
  const Deadline deadline_;
  typename Command<cmd::Page<T>>::Decode decode_ = nullptr;
  bool has_enough_ = true;
};

}  // namespace detail_redis

// An input range of Result<T>; can be gone through once.
template <class T>
class ScanRange {
 public:
  ScanRange(Client& client, std::unique_ptr<detail_redis::ScanSource<T>> source, ScanLimits limits)
      : client_(&client), state_(std::move(source)), limits_(limits) {}

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = Result<T>;

    iterator() = default;
    explicit iterator(ScanRange& range) : range_(&range) {}

    Result<T>& operator*() const { return *range_->current_; }
    iterator& operator++() {
      range_->advance();
      return *this;
    }
    void operator++(int) { range_->advance(); }
    friend bool operator==(const iterator& it, std::default_sentinel_t) { return it.is_over(); }

   private:
    bool is_over() const noexcept { return !range_->current_.has_value(); }

    ScanRange* range_ = nullptr;
  };

  // Asks for the first page. Once.
  iterator begin() {
    advance();
    return iterator(*this);
  }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  void advance() {
    if (!state_.has_items() && !state_.is_over()) {
      const Deadline deadline = detail_redis::step_deadline(*client_, limits_);
      while (!state_.take(client_->run(state_.question(), state_.options(deadline)))) {
      }
    }
    current_.reset();
    if (auto next = state_.pop()) current_.emplace(*std::move(next));
  }

  Client* client_;
  detail_redis::ScanState<T> state_;
  ScanLimits limits_;
  std::optional<Result<T>> current_;
};

// The same for a coroutine, which may be destroyed as async.hpp says.
template <class T>
class AsyncScan {
 public:
  AsyncScan(Client& client, std::unique_ptr<detail_redis::ScanSource<T>> source, ScanLimits limits)
      : client_(&client), state_(std::make_shared<detail_redis::ScanState<T>>(std::move(source))), limits_(limits) {}

  // The next one, an error, or nothing at the end.
  class [[nodiscard]] Next {
   public:
    explicit Next(AsyncScan& scan) : scan_(scan) {}
    Next on(Executor& executor) && {
      executor_ = &executor;
      return std::move(*this);
    }

    bool await_ready() const noexcept { return scan_.state_->has_items() || scan_.state_->is_over(); }
    bool await_suspend(std::coroutine_handle<> caller) {
      operation_.reset(new detail_redis::AsyncEnd);
      return operation_->start(caller, executor_, [this] {
        auto* const reader =
            new detail_redis::StepReader<T>(*scan_.client_, scan_.state_, ReaderHandle(operation_.get()),
                                            detail_redis::step_deadline(*scan_.client_, scan_.limits_));
        reader->ask();
      });
    }
    std::optional<Result<T>> await_resume() {
      if (operation_) operation_->taken();
      return scan_.state_->pop();
    }

   private:
    AsyncScan& scan_;
    Executor* executor_ = nullptr;
    std::unique_ptr<detail_redis::AsyncEnd, detail_redis::AbandonOperation> operation_;
  };
  Next next() { return Next(*this); }

 private:
  Client* client_;
  std::shared_ptr<detail_redis::ScanState<T>> state_;  // shared with what is under way
  ScanLimits limits_;
};

// All keys of the server's database, or of the cluster.
inline ScanRange<std::string> scan(Client& client, const cmd::ScanOptions& options = {}, ScanLimits limits = {}) {
  return {client, detail_redis::source_of_keys(client, options), limits};
}
// Of a hash, a set, a sorted set: its fields with their values, its members, its members with their scores.
inline ScanRange<cmd::Field> hscan(Client& client, std::string_view key, const cmd::ScanOptions& options = {},
                                   ScanLimits limits = {}) {
  return {client, detail_redis::source_of<cmd::Field>(client, cmd::hscan, key, options), limits};
}
inline ScanRange<std::string> sscan(Client& client, std::string_view key, const cmd::ScanOptions& options = {},
                                    ScanLimits limits = {}) {
  return {client, detail_redis::source_of<std::string>(client, cmd::sscan, key, options), limits};
}
inline ScanRange<cmd::Scored> zscan(Client& client, std::string_view key, const cmd::ScanOptions& options = {},
                                    ScanLimits limits = {}) {
  return {client, detail_redis::source_of<cmd::Scored>(client, cmd::zscan, key, options), limits};
}

inline AsyncScan<std::string> async_scan(Client& client, const cmd::ScanOptions& options = {}, ScanLimits limits = {}) {
  return {client, detail_redis::source_of_keys(client, options), limits};
}
inline AsyncScan<cmd::Field> async_hscan(Client& client, std::string_view key, const cmd::ScanOptions& options = {},
                                         ScanLimits limits = {}) {
  return {client, detail_redis::source_of<cmd::Field>(client, cmd::hscan, key, options), limits};
}
inline AsyncScan<std::string> async_sscan(Client& client, std::string_view key, const cmd::ScanOptions& options = {},
                                          ScanLimits limits = {}) {
  return {client, detail_redis::source_of<std::string>(client, cmd::sscan, key, options), limits};
}
inline AsyncScan<cmd::Scored> async_zscan(Client& client, std::string_view key, const cmd::ScanOptions& options = {},
                                          ScanLimits limits = {}) {
  return {client, detail_redis::source_of<cmd::Scored>(client, cmd::zscan, key, options), limits};
}

}  // namespace envoyou::redis
